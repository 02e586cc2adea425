#include "core/io/file_lock.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace repro {
namespace {

namespace fs = std::filesystem;

// `IsLocked` holds a shared lock for an instant; a taker who meets it tries again.
constexpr int kTries = 5;
constexpr auto kPause = std::chrono::milliseconds(2);

/// Whether `fd` is open on the very file that `path` names.
bool IsSameFile(int fd, const fs::path& path) {
  struct stat open_file = {};
  struct stat named_file = {};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

/// Whether the open file of a /proc/<pid>/fdinfo entry has an exclusive flock: looking at a lock is
/// not holding it.
bool HoldsLock(const fs::path& fdinfo) {
  std::ifstream in(fdinfo);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("lock:") && line.find("FLOCK") != std::string::npos &&
        line.find("WRITE") != std::string::npos) {
      return true;
    }
  }
  return false;
}

template <class Number>
bool ParseNumber(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<FileLock> FileLock::TryLock(const fs::path& path) {
  FileLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (lock.fd_ < 0) return FailErrno("open", path.string());
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK && errno != EINTR) return FailErrno("lock", path.string());
  }
  return Fail(ErrorCode::kBusy, "{}: locked by another process", path.string());
}

Result<FileLock> FileLock::InheritOrLock(const fs::path& path) {
  const std::string variable(kInheritedLockVariable);
  int fd = -1;
  if (const char* text = std::getenv(variable.c_str());
      text != nullptr && ParseNumber(text, fd) && IsSameFile(fd, path)) {
    ::unsetenv(variable.c_str());
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // what this process starts shall not keep it alive
    FileLock lock(fd);
    // The lock is this open file's already; asking again only proves it.
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return FailErrno("lock", path.string());
    return lock;
  }
  return TryLock(path);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool IsLocked(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool locked = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return locked;
}

std::vector<pid_t> ProcessesHolding(const fs::path& path) {
  struct stat wanted = {};
  if (::stat(path.c_str(), &wanted) != 0) return {};
  std::vector<pid_t> holders;
  // A process may end at any moment of this: every step through its folder can fail, none may
  // throw.
  const fs::directory_iterator end;
  std::error_code error;
  for (fs::directory_iterator process("/proc", error); !error && process != end;
       process.increment(error)) {
    pid_t pid = 0;
    if (!ParseNumber(process->path().filename().string(), pid)) continue;
    std::error_code gone;  // or another user's
    for (fs::directory_iterator entry(process->path() / "fd", gone); !gone && entry != end;
         entry.increment(gone)) {
      struct stat open_file = {};
      if (::stat(entry->path().c_str(), &open_file) != 0 || open_file.st_dev != wanted.st_dev ||
          open_file.st_ino != wanted.st_ino) {
        continue;
      }
      if (HoldsLock(process->path() / "fdinfo" / entry->path().filename())) {
        holders.push_back(pid);
        break;
      }
    }
  }
  return holders;
}

}  // namespace repro
