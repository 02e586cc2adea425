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
Result<RestoredCheckpoint> Restore(const fs::path& path, const std::vector<NamedTensor>& state) {
  REPRO_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  const auto& metadata = file.metadata();
  for (const char* key : {"format", "update", "notes", "sha256"}) {
    if (!metadata.contains(key)) {
      return Fail(ErrorCode::kCorrupt, "{}: no '{}': not a checkpoint", path.string(), key);
    }
  }
  if (metadata.at("format") != kFormat) {
    return Fail(ErrorCode::kCorrupt, "{}: format '{}', expected '{}'", path.string(),
                metadata.at("format"), kFormat);
  }
  if (Digest(file.tensors(), metadata) != metadata.at("sha256")) {
    return Fail(ErrorCode::kCorrupt, "{}: the checksum does not fit the content", path.string());
  }
  const std::optional<std::int64_t> update = UpdateOf(path);
  if (!update || std::to_string(*update) != metadata.at("update")) {
    return Fail(ErrorCode::kCorrupt, "{}: holds update {}", path.string(), metadata.at("update"));
  }
  for (const NamedTensor& tensor : state) {
    const TensorView* view = file.Find(tensor.name);
    if (view == nullptr || at::IntArrayRef(view->shape) != tensor.tensor.sizes()) {
      return Fail(ErrorCode::kCorrupt, "{}: '{}' is missing or of another shape", path.string(),
                  tensor.name);
    }
  }
  for (const NamedTensor& tensor : state) {
    REPRO_RETURN_IF_ERROR(CopyTensor(file, tensor.name, tensor.tensor));
  }
  return RestoredCheckpoint{*update, metadata.at("notes"), path};
}

}  // namespace

std::vector<fs::path> ListCheckpoints(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (const auto update = UpdateOf(entry.path())) found.emplace_back(*update, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  for (auto& [update, path] : found) paths.push_back(std::move(path));
  return paths;
}

Status SaveCheckpoint(const fs::path& folder, const AdamW& optimizer, std::int64_t update,
                      const std::string& notes, std::int64_t kept) {
  REPRO_RETURN_IF_ERROR(MakeDirectories(folder));
  std::vector<NamedTensor> tensors = StateTensors(optimizer);
  std::vector<TensorView> views;
  for (NamedTensor& tensor : tensors) {
    tensor.tensor = tensor.tensor.cpu().contiguous();
    views.push_back(ViewOf(tensor));
  }
  std::map<std::string, std::string> metadata = {
      {"format", kFormat}, {"update", std::to_string(update)}, {"notes", notes}};
  metadata["sha256"] = Digest(views, metadata);
  const fs::path path = folder / fmt::format("{}{:09}{}", kPrefix, update, kSuffix);
  REPRO_RETURN_IF_ERROR(WriteSafetensors(path, views, metadata));

  const std::vector<fs::path> all = ListCheckpoints(folder);
  for (std::size_t i = static_cast<std::size_t>(kept); i < all.size(); ++i) {
    std::error_code ignored;  // an old file that stays does no harm
    fs::remove(all[i], ignored);
  }
  return {};
}

RestoreOutcome RestoreCheckpoint(const fs::path& folder, AdamW& optimizer) {
  RestoreOutcome outcome;
  const std::vector<NamedTensor> state = StateTensors(optimizer);
  for (const fs::path& path : ListCheckpoints(folder)) {
    auto restored = Restore(path, state);
    if (restored) {
      optimizer.SetSteps(restored->update);
      outcome.restored = std::move(restored).value();
      break;
    }
    outcome.warnings.push_back("checkpoint passed over: " + restored.error().message);
  }
  return outcome;
}

}  // namespace repro
