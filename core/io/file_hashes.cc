#include "core/io/file_hashes.h"

#include <utility>

#include <sys/stat.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/io/json_io.h"

namespace repro {

namespace fs = std::filesystem;

FileHashes FileHashes::Load(const fs::path& memory) {
  FileHashes hashes(memory);
  const auto json = LoadJson(memory);
  if (!json || !json->is_object()) return hashes;
  try {
    for (const auto& [path, known] : json->items()) {
      hashes.known_[path] = {.bytes = known.at(0).get<std::int64_t>(),
                             .modified_ns = known.at(1).get<std::int64_t>(),
                             .sha256 = known.at(2).get<std::string>()};
    }
  } catch (const Json::exception&) {
    hashes.known_.clear();
  }
  return hashes;
}

std::string FileHashes::NameOf(const fs::path& file) {
  return fs::absolute(file).string();
}

Result<FileHashes::Known> FileHashes::Look(const fs::path& file) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(file));
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return FailErrno("open", file.string());
  constexpr std::int64_t kSecond = 1'000'000'000;
  return Known{.bytes = info.st_size,
               .modified_ns = info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec,
               .sha256 = {}};
}

Result<std::string> FileHashes::Sha256Of(const fs::path& file) {
  REPRO_ASSIGN_OR_RETURN(Known now, Look(file));
  const std::string name = NameOf(file);
  const auto known = known_.find(name);
  if (known != known_.end() && known->second.bytes == now.bytes &&
      known->second.modified_ns == now.modified_ns) {
    return known->second.sha256;
  }
  REPRO_ASSIGN_OR_RETURN(now.sha256, Sha256File(file));
  changed_ = true;
  return (known_[name] = std::move(now)).sha256;
}

bool FileHashes::Knows(const fs::path& file) const {
  return known_.contains(NameOf(file));
}

void FileHashes::Forget(const fs::path& file) {
  if (known_.erase(NameOf(file)) > 0) changed_ = true;
}

void FileHashes::Remember(const fs::path& file, std::string sha256) {
  auto now = Look(file);
  if (!now) return;
  now->sha256 = std::move(sha256);
  known_[NameOf(file)] = std::move(*now);
  changed_ = true;
}

void FileHashes::Save() {
  if (!changed_) return;
  Json json = Json::object();
  for (const auto& [path, known] : known_) {
    json[path] = {known.bytes, known.modified_ns, known.sha256};
  }
  std::error_code error;
  if (!fs::is_directory(memory_.parent_path(), error)) return;
  if (WriteFileAtomic(memory_, CanonicalJson(json) + "\n")) changed_ = false;
}

}  // namespace repro
