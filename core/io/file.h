#pragma once
/// Whole files: read, and write so that a crash leaves the old content or the new, never half of
/// it.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace repro {

/// Whether a plain file is at `path`, links followed; nothing is opened, for opening a FIFO would
/// wait for a writer. Errors: kNotFound when nothing is there; kIo saying what is there instead.
Status CheckPlainFile(const std::filesystem::path& path);

/// The file's bytes. Errors: kNotFound when there is no such file, else kIo (what is there is no
/// plain file, say); both name the path.
Result<std::string> ReadFile(const std::filesystem::path& path);

/// Temp file beside it, write, fsync, rename, fsync of the folder. The folder must be there: one
/// that was moved away under a long run must not come back as an empty one. Errors: kIo with the
/// path.
Status WriteFileAtomic(const std::filesystem::path& path, std::string_view content);

/// mkdir -p. Errors: kIo with the path.
Status MakeDirectories(const std::filesystem::path& path);

/// As `MakeDirectories`, for the last level alone. Errors: kIo with the path, also where the folder
/// above it is missing.
Status MakeDirectory(const std::filesystem::path& path);

/// As `MakeDirectories`, and new folders survive a power cut: the folder above each is synced.
Status MakeSyncedDirectories(const std::filesystem::path& path);

/// fsync of a folder, so that a rename in it survives a power cut.
Status SyncDirectory(const std::filesystem::path& path);

/// fsync of every regular file and folder below `path`, and of `path`. Links are not followed.
Status SyncTree(const std::filesystem::path& path);

}  // namespace repro
