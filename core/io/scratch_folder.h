#pragma once
/// A folder for files on their way to another place, removed at the end with all that is in it.

#include <filesystem>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace repro {

class ScratchFolder {
 public:
  /// A new one beside `target`, named "TARGET.part-XXXXXX", so that a rename from it to there is
  /// atomic. Errors: kIo.
  static Result<ScratchFolder> Beside(const std::filesystem::path& target);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace repro
