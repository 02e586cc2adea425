#include "core/io/file_hashes.h"

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

Result<std::string> FileHashes::Sha256Of(const fs::path& file) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(file));
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return FailErrno("open", file.string());
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t modified = info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec;
  const std::string name = fs::absolute(file).string();
  const auto known = known_.find(name);
  if (known != known_.end() && known->second.bytes == info.st_size &&
      known->second.modified_ns == modified) {
    return known->second.sha256;
  }
  REPRO_ASSIGN_OR_RETURN(std::string sha256, Sha256File(file));
  known_[name] = {.bytes = info.st_size, .modified_ns = modified, .sha256 = sha256};
  changed_ = true;
  return sha256;
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
