#pragma once
/// Archives of others (zip; tar, packed or not), unpacked so that they can do no harm: by
/// libarchive.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

enum class ArchiveKind { kZip, kTar };

struct UnpackOptions {
  /// Called now and then with the bytes written so far; false: stop.
  std::function<bool(std::int64_t)> on_progress;
};

/// Writes an archive's files below `folder`, and returns their names, sorted.
///
/// All is written to a folder of its own beside them first (".unpacking-NAME"; one that a killed
/// call left is begun anew) and moved when the whole archive was good, so that a bad archive leaves
/// nothing. Taken are plain files and folders, with plain permissions. An archive is refused,
/// whole, for a name that is absolute, holds "..", a backslash or a NUL, or comes twice; for a
/// link, device or pipe (a data set needs none); for a file that is longer than it says, or says
/// nothing; for more than the disk has room for; and where a file with other content stands under a
/// name already: nothing is overwritten.
///
/// Errors: kCorrupt (no such archive, or damaged), kInvalidArgument (refused: which entry, and
/// why), kInterrupted, kNotFound, kIo.
Result<std::vector<std::string>> UnpackArchive(const std::filesystem::path& archive,
                                               ArchiveKind kind,
                                               const std::filesystem::path& folder,
                                               const UnpackOptions& options = {});

}  // namespace repro
