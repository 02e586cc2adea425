#include "core/io/scratch_folder.h"

#include <cstdlib>
#include <string>
#include <system_error>

namespace repro {

Result<ScratchFolder> ScratchFolder::Beside(const std::filesystem::path& target) {
  std::string name = target.string() + ".part-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return FailErrno("make a folder beside", target.string());
  return ScratchFolder(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace repro
