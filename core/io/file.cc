#include "core/io/file.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/write_all.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Status SyncPath(const fs::path& path, int flags) {
  const FileDescriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.ok()) return FailErrno("open", path.string());
  if (::fsync(fd.get()) != 0) return FailErrno("fsync", path.string());
  return {};
}

}  // namespace

Status CheckPlainFile(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Fail(ErrorCode::kNotFound, "{}: no such file", path.string());
    return FailErrno("open", path.string());
  }
  const auto is = [&](const char* what) {
    return Fail(ErrorCode::kIo, "{}: is a {}, expected a file", path.string(), what);
  };
  switch (info.st_mode & S_IFMT) {
    case S_IFREG:
      return {};
    case S_IFDIR:
      return is("folder");
    case S_IFIFO:
      return is("FIFO (a named pipe)");
    case S_IFSOCK:
      return is("socket");
    default:
      return is("device");
  }
}

Result<std::string> ReadFile(const fs::path& path) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    if (errno == ENOENT) return Fail(ErrorCode::kNotFound, "{}: no such file", path.string());
    return FailErrno("open", path.string());
  }
  std::string content;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (!error) content.reserve(size);
  std::array<char, 1 << 16> block;
  for (;;) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got == 0) return content;
    if (got > 0) {
      content.append(block.data(), static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      return FailErrno("read", path.string());
    }
  }
}

Status MakeDirectories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return Fail(ErrorCode::kIo, "{}: cannot make the folder: {}", path.string(), error.message());
  }
  return {};
}

Status MakeDirectory(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (error) {
    return Fail(ErrorCode::kIo, "{}: cannot make the folder: {}", path.string(), error.message());
  }
  return {};
}

Status MakeSyncedDirectories(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> parents;  // of the folders that are new
  for (fs::path at = path; !at.empty() && !fs::exists(at, error); at = at.parent_path()) {
    parents.push_back(at.has_parent_path() ? at.parent_path() : fs::path("."));
  }
  REPRO_RETURN_IF_ERROR(MakeDirectories(path));
  for (const fs::path& parent : parents) REPRO_RETURN_IF_ERROR(SyncDirectory(parent));
  return {};
}

Status SyncDirectory(const fs::path& path) {
  return SyncPath(path, O_RDONLY | O_DIRECTORY);
}

Status SyncTree(const fs::path& path) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    if (error) break;
    if (fs::is_regular_file(status)) REPRO_RETURN_IF_ERROR(SyncPath(it->path(), O_RDONLY));
    if (fs::is_directory(status)) REPRO_RETURN_IF_ERROR(SyncDirectory(it->path()));
  }
  if (error) return Fail(ErrorCode::kIo, "{}: cannot list: {}", path.string(), error.message());
  return SyncDirectory(path);
}

Status WriteFileAtomic(const fs::path& path, std::string_view content) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = path.string() + ".tmp." + std::to_string(::getpid());
  {
    const FileDescriptor fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!fd.ok() && errno == ENOENT) return FailErrno("write in", folder.string());
    if (!fd.ok()) return FailErrno("create", temporary.string());
    if (Status written = WriteAll(fd.get(), content, path); !written) {
      ::unlink(temporary.c_str());
      return written;
    }
    if (::fsync(fd.get()) != 0) {
      auto failure = FailErrno("fsync", path.string());
      ::unlink(temporary.c_str());
      return failure;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto failure = FailErrno("rename to", path.string());
    ::unlink(temporary.c_str());
    return failure;
  }
  return SyncDirectory(folder);
}

}  // namespace repro
