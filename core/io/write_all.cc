#include "core/io/write_all.h"

#include <cerrno>

#include <unistd.h>

namespace repro {

Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno("write", path.string());
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace repro
