#pragma once
/// The state of a training run on disk: weights, both moments of AdamW, the update number, and
/// notes of the caller.
///
/// One safetensors file a checkpoint, "checkpoint-<update, 9 digits>.safetensors", written to a
/// temporary name, synced and renamed. Its metadata hold format, update, notes and the SHA-256 over
/// all of them and every tensor's name, type, shape and bytes: whatever is damaged is found.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/model/safetensors.h"
#include "experiments/train/optimizer.h"

namespace repro {

/// A safetensors file whose metadata hold the "sha256" of all else in it. Tensors on a GPU are
/// copied to the host's memory first, all of them; those on the CPU are written from where they
/// are. Errors: kIo.
Status SaveSealed(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                  std::map<std::string, std::string> metadata = {});
/// Errors: kNotFound, kIo, kCorrupt when the checksum is missing or does not fit.
Result<SafetensorsFile> OpenSealed(const std::filesystem::path& path);
/// Copies each tensor of `state` from the file. Errors: kCorrupt naming the tensor, before anything
/// is changed.
Status CopyAll(const SafetensorsFile& file, const std::vector<NamedTensor>& state);

/// Writes the state after `update` updates, then removes what is of no use: all but the last `kept`
/// checkpoints up to this one, those of later updates (a resume passed them over), unfinished
/// files. Errors: kIo.
Status SaveCheckpoint(const std::filesystem::path& folder, const AdamW& optimizer,
                      std::int64_t update, const std::string& notes, std::int64_t kept);

struct RestoredCheckpoint {
  std::int64_t update = 0;  ///< updates done
  std::string notes;
  std::filesystem::path path;
};

struct RestoreOutcome {
  std::optional<RestoredCheckpoint> restored;  ///< nothing: start from the beginning
  /// One for each damaged checkpoint that was passed over, and one more when no other was left.
  std::vector<std::string> warnings;
};

/// Loads the newest whole checkpoint into the optimizer's weights and moments. A damaged one (cut,
/// changed, of other shapes) is passed over with a warning and the one before is used; so is one
/// for which `usable`, asked before anything is changed, has an error: notes that cannot be read, a
/// file that they name. The last call without an error was for the one that is restored. Nothing
/// is changed when none is whole.
RestoreOutcome RestoreCheckpoint(
    const std::filesystem::path& folder, AdamW& optimizer,
    const std::function<Status(const RestoredCheckpoint&)>& usable = {});

/// Checkpoint files of a folder, newest first. Other files are left out; a missing folder has none.
std::vector<std::filesystem::path> ListCheckpoints(const std::filesystem::path& folder);

}  // namespace repro
