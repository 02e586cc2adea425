#pragma once
/// A folder of a test's or a benchmark's own, and files put into it.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "core/base/check.h"
#include "core/io/file.h"

namespace repro {

/// A new folder below the system's temporary folder, its path without links; removed at the end
/// with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "repro-test-XXXXXX").string();
    REPRO_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = std::filesystem::canonical(name);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// As `WriteFileAtomic`; the folders above are made.
inline Status PutFile(const std::filesystem::path& path, std::string_view content) {
  REPRO_RETURN_IF_ERROR(MakeDirectories(path.parent_path()));
  return WriteFileAtomic(path, content);
}

}  // namespace repro
