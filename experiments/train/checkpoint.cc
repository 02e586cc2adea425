#include "experiments/train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <system_error>

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "experiments/model/tensor_file.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kUnfinished = ".safetensors.tmp.";  // WriteSafetensors' temporary name
constexpr const char* kFormat = "repro-checkpoint-1";

// The update number in a checkpoint's name.
std::optional<std::int64_t> UpdateOf(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* begin = name.data() + kPrefix.size();
  const char* end = name.data() + name.size() - kSuffix.size();
  std::int64_t update = 0;
  const auto [stopped, error] = std::from_chars(begin, end, update);
  if (error != std::errc() || stopped != end || update < 0) return std::nullopt;
  return update;
}

// Everything that is restored: weights, then moments.
std::vector<NamedTensor> StateTensors(const AdamW& optimizer) {
  std::vector<NamedTensor> tensors;
  for (const NamedTensor& parameter : optimizer.parameters()) {
    tensors.push_back({"weight." + parameter.name, parameter.tensor.detach()});
  }
  for (NamedTensor& moment : optimizer.State()) tensors.push_back(std::move(moment));
  return tensors;
}

std::string Digest(const std::vector<TensorView>& tensors,
                   const std::map<std::string, std::string>& metadata) {
  Sha256 digest;
  for (const auto& [key, value] : metadata) {
    if (key == "sha256") continue;
    digest.Update(fmt::format("{}:{} {}:{}\n", key.size(), key, value.size(), value));
  }
  for (const TensorView& tensor : tensors) {
    digest.Update(
        fmt::format("{} {} {}\n", tensor.name, TensorTypeName(tensor.type), tensor.shape));
    digest.Update({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
  return digest.HexDigest();
}

// Checks the whole file before a single weight is changed.
Result<RestoredCheckpoint> Restore(const fs::path& path, const std::vector<NamedTensor>& state,
                                   const std::function<Status(const RestoredCheckpoint&)>& usable) {
  REPRO_ASSIGN_OR_RETURN(const SafetensorsFile file, OpenSealed(path));
  const auto& metadata = file.metadata();
  for (const char* key : {"format", "update", "notes"}) {
    if (!metadata.contains(key)) {
      return Fail(ErrorCode::kCorrupt, "{}: no '{}': not a checkpoint", path.string(), key);
    }
  }
  if (metadata.at("format") != kFormat) {
    return Fail(ErrorCode::kCorrupt, "{}: format '{}', expected '{}'", path.string(),
                metadata.at("format"), kFormat);
  }
  const std::optional<std::int64_t> update = UpdateOf(path);
  if (!update || std::to_string(*update) != metadata.at("update")) {
    return Fail(ErrorCode::kCorrupt, "{}: holds update {}, expected that of its name",
                path.string(), metadata.at("update"));
  }
  const RestoredCheckpoint restored{*update, metadata.at("notes"), path};
  if (usable) REPRO_RETURN_IF_ERROR(usable(restored));
  REPRO_RETURN_IF_ERROR(CopyAll(file, state));
  return restored;
}

// What a kill in the middle of writing leaves: nobody else writes here.
void RemoveUnfinished(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().find(kUnfinished) == std::string::npos) continue;
    fs::remove(entry.path(), ignored);
  }
}

}  // namespace

Status SaveSealed(const fs::path& path, const std::vector<NamedTensor>& tensors,
                  std::map<std::string, std::string> metadata) {
  const PlainTensors plain(tensors);
  metadata["sha256"] = Digest(plain.views(), metadata);
  return WriteSafetensors(path, plain.views(), metadata);
}

Result<SafetensorsFile> OpenSealed(const fs::path& path) {
  REPRO_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(path));
  const auto sealed = file.metadata().find("sha256");
  if (sealed == file.metadata().end()) {
    return Fail(ErrorCode::kCorrupt, "{}: no 'sha256' in the metadata", path.string());
  }
  if (Digest(file.tensors(), file.metadata()) != sealed->second) {
    return Fail(ErrorCode::kCorrupt, "{}: the checksum does not fit the content", path.string());
  }
  return file;
}

Status CopyAll(const SafetensorsFile& file, const std::vector<NamedTensor>& state) {
  for (const NamedTensor& tensor : state) {
    const TensorView* view = file.Find(tensor.name);
    if (view == nullptr || view->type != TensorType::kF32 ||
        at::IntArrayRef(view->shape) != tensor.tensor.sizes()) {
      return Fail(ErrorCode::kCorrupt, "{}: '{}' is {}, expected F32 {}", file.path().string(),
                  tensor.name,
                  view == nullptr ? "missing"
                                  : fmt::format("{} {}", TensorTypeName(view->type), view->shape),
                  tensor.tensor.sizes().vec());
    }
  }
  for (const NamedTensor& tensor : state) {
    REPRO_RETURN_IF_ERROR(CopyTensor(file, tensor.name, tensor.tensor));
  }
  return {};
}

std::vector<fs::path> ListCheckpoints(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (const auto update = UpdateOf(entry.path())) found.emplace_back(*update, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  paths.reserve(found.size());
  for (auto& [update, path] : found) paths.push_back(std::move(path));
  return paths;
}

Status SaveCheckpoint(const fs::path& folder, const AdamW& optimizer, std::int64_t update,
                      const std::string& notes, std::int64_t kept) {
  REPRO_RETURN_IF_ERROR(MakeDirectory(folder));
  RemoveUnfinished(folder);
  const fs::path path = folder / fmt::format("{}{:09}{}", kPrefix, update, kSuffix);
  REPRO_RETURN_IF_ERROR(
      SaveSealed(path, StateTensors(optimizer),
                 {{"format", kFormat}, {"update", std::to_string(update)}, {"notes", notes}}));

  std::int64_t whole = 0;
  for (const fs::path& other : ListCheckpoints(folder)) {
    // Of a later update: damaged, and passed over when this run was resumed.
    const bool later = UpdateOf(other) > update;
    if (!later && whole++ < kept) continue;
    std::error_code ignored;  // a file that stays does no harm
    fs::remove(other, ignored);
  }
  return {};
}

RestoreOutcome RestoreCheckpoint(const fs::path& folder, AdamW& optimizer,
                                 const std::function<Status(const RestoredCheckpoint&)>& usable) {
  RestoreOutcome outcome;
  const std::vector<NamedTensor> state = StateTensors(optimizer);
  for (const fs::path& path : ListCheckpoints(folder)) {
    auto restored = Restore(path, state, usable);
    if (restored) {
      optimizer.SetSteps(restored->update);
      outcome.restored = std::move(restored).value();
      break;
    }
    outcome.warnings.push_back("checkpoint passed over: " + restored.error().message);
  }
  if (!outcome.restored && !outcome.warnings.empty()) {
    outcome.warnings.emplace_back("no whole checkpoint left: starts anew");
  }
  return outcome;
}

}  // namespace repro
