#include "core/io/archive.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBlock = 1 << 20;
constexpr std::size_t kLongestName = 200;

using ArchiveReader = std::unique_ptr<archive, decltype(&::archive_read_free)>;

ArchiveReader MakeReader(ArchiveKind kind) {
  ArchiveReader reader(::archive_read_new(), &::archive_read_free);
  REPRO_CHECK(reader != nullptr);
  if (kind == ArchiveKind::kZip) {
    // By its directory, not from the front: what it lists is what others see in it.
    ::archive_read_support_format_zip_seekable(reader.get());
  } else {
    ::archive_read_support_format_tar(reader.get());
    ::archive_read_support_filter_gzip(reader.get());
    ::archive_read_support_filter_bzip2(reader.get());
    ::archive_read_support_filter_xz(reader.get());
    ::archive_read_support_filter_zstd(reader.get());
  }
  return reader;
}

/// The parts of a name; empty where it leads anywhere else than below a folder, or is not UTF-8.
fs::path SafePath(std::string_view name) {
  if (name.empty() || name.front() == '/' || !IsUtf8(name)) return {};
  if (name.find('\\') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return {};
  }
  fs::path safe;
  for (const fs::path& part : fs::path(name)) {
    if (part == "..") return {};
    if (!part.empty() && part != ".") safe /= part;
  }
  return safe;
}

class ArchiveUnpacker {
 public:
  ArchiveUnpacker(const fs::path& path, ArchiveKind kind, const fs::path& folder,
                  const UnpackOptions& options)
      : path_(path),
        reader_(MakeReader(kind)),
        folder_(folder),
        staging_(folder / (".unpacking-" + path.filename().string())),
        options_(options) {}
  ~ArchiveUnpacker() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
  }
  ArchiveUnpacker(const ArchiveUnpacker&) = delete;
  ArchiveUnpacker& operator=(const ArchiveUnpacker&) = delete;

  Result<std::vector<std::string>> Run() {
    REPRO_RETURN_IF_ERROR(CheckPlainFile(path_));
    std::error_code error;
    fs::remove_all(staging_, error);
    REPRO_RETURN_IF_ERROR(MakeDirectories(staging_));
    if (::archive_read_open_filename(reader_.get(), path_.c_str(), kReadBlock) != ARCHIVE_OK) {
      return Damaged();
    }
    for (;;) {
      archive_entry* entry = nullptr;
      const int code = ::archive_read_next_header(reader_.get(), &entry);
      if (code == ARCHIVE_EOF) break;
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Damaged();
      REPRO_RETURN_IF_ERROR(Take(entry));
    }
    if (names_.empty()) {
      return Fail(ErrorCode::kCorrupt, "{}: an archive without files", path_.string());
    }
    REPRO_RETURN_IF_ERROR(CheckPlaces());
    REPRO_RETURN_IF_ERROR(MoveIntoPlace());
    return std::vector<std::string>(names_.begin(), names_.end());
  }

 private:
  tl::unexpected<Error> Damaged() const {
    const char* said = ::archive_error_string(reader_.get());
    return Fail(ErrorCode::kCorrupt, "{}: {}; fetch it again", path_.string(),
                Printable(Prefix(said == nullptr ? "damaged" : said, kLongestName)));
  }
  tl::unexpected<Error> Refused(std::string_view name, std::string_view why) const {
    return Fail(ErrorCode::kInvalidArgument, "{}: `{}` {}: nothing was unpacked", path_.string(),
                Printable(Prefix(name, kLongestName)), why);
  }

  Status Take(archive_entry* entry) {
    const char* text = ::archive_entry_pathname_utf8(entry);
    if (text == nullptr) text = ::archive_entry_pathname(entry);
    const std::string name = text == nullptr ? "" : text;
    const fs::path relative = SafePath(name);
    const bool is_folder = ::archive_entry_filetype(entry) == AE_IFDIR;
    if (relative.empty() && !(is_folder && SafePath(name + "/x") == "x")) {
      return Refused(name, "is no path below a folder");
    }
    const bool is_link = ::archive_entry_symlink(entry) != nullptr ||
                         ::archive_entry_hardlink(entry) != nullptr ||
                         ::archive_entry_filetype(entry) == AE_IFLNK;
    if (is_link || is_folder) return {};  // folders come with their files
    if (::archive_entry_filetype(entry) != AE_IFREG) return Refused(name, "is no plain file");
    if (::archive_entry_size_is_set(entry) == 0)
      return Refused(name, "does not say how long it is");
    const std::int64_t bytes = ::archive_entry_size(entry);
    std::error_code error;
    const fs::space_info space = fs::space(staging_, error);
    if (bytes < 0 || (!error && static_cast<std::uintmax_t>(bytes) > space.available)) {
      return Refused(name, fmt::format("says that it has {}, more than the disk has room for",
                                       FormatBytes(bytes)));
    }
    REPRO_RETURN_IF_ERROR(MakeDirectories((staging_ / relative).parent_path()));
    return Write(name, relative, bytes);
  }

  Status Write(const std::string& name, const fs::path& relative, std::int64_t bytes) {
    const fs::path target = staging_ / relative;
    const int fd =
        ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST) return Refused(name, "comes twice");
    if (fd < 0) return FailErrno("open", target.string());
    const Status written = WriteTo(fd, name, target, bytes);
    if (::close(fd) != 0 && written) return FailErrno("close", target.string());
    if (written) names_.insert(relative.generic_string());
    return written;
  }

  Status WriteTo(int fd, const std::string& name, const fs::path& target, std::int64_t bytes) {
    std::int64_t written = 0;
    for (;;) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int code = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
      if (code == ARCHIVE_EOF) break;
      if (code != ARCHIVE_OK) return Damaged();
      if (offset < 0 || offset > bytes || static_cast<std::int64_t>(size) > bytes - offset) {
        return Refused(name, "is longer than it says");
      }
      std::string_view rest(static_cast<const char*>(block), size);
      while (!rest.empty()) {
        const ssize_t put = ::pwrite(fd, rest.data(), rest.size(), offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return FailErrno("write", target.string());
        rest.remove_prefix(static_cast<std::size_t>(put));
        offset += put;
        total_ += put;
      }
      written = std::max<std::int64_t>(written, offset);
      if (options_.on_progress && !options_.on_progress(total_)) {
        return Fail(ErrorCode::kInterrupted, "{}: stopped; the same command unpacks it anew",
                    path_.string());
      }
    }
    // A tar file may end with a hole.
    if (written < bytes && ::ftruncate(fd, bytes) != 0) return FailErrno("write", target.string());
    return {};
  }

  Status CheckPlaces() const {
    for (const std::string& name : names_) {
      std::error_code error;
      const fs::path target = folder_ / name;
      const fs::file_status status = fs::symlink_status(target, error);
      if (!fs::exists(status)) continue;
      bool same = fs::is_regular_file(status) &&
                  fs::file_size(target, error) == fs::file_size(staging_ / name, error);
      if (same) {
        REPRO_ASSIGN_OR_RETURN(const std::string there, Sha256File(target));
        REPRO_ASSIGN_OR_RETURN(const std::string here, Sha256File(staging_ / name));
        same = there == here;
      }
      if (!same) {
        return Refused(name,
                       fmt::format("would overwrite {}, which is another file; move that away",
                                   target.string()));
      }
    }
    return {};
  }

  Status MoveIntoPlace() const {
    REPRO_RETURN_IF_ERROR(SyncTree(staging_));
    std::set<fs::path> folders = {folder_};
    for (const std::string& name : names_) {
      const fs::path target = folder_ / name;
      REPRO_RETURN_IF_ERROR(MakeDirectories(target.parent_path()));
      if (::rename((staging_ / name).c_str(), target.c_str()) != 0) {
        return FailErrno("rename", target.string());
      }
      for (fs::path at = target.parent_path(); at != folder_; at = at.parent_path()) {
        folders.insert(at);
      }
    }
    for (const fs::path& folder : folders) REPRO_RETURN_IF_ERROR(SyncDirectory(folder));
    return {};
  }

  const fs::path path_;
  ArchiveReader reader_;
  const fs::path folder_;
  const fs::path staging_;
  const UnpackOptions& options_;
  std::set<std::string> names_;
  std::int64_t total_ = 0;
};

}  // namespace

Result<std::vector<std::string>> UnpackArchive(const fs::path& archive, ArchiveKind kind,
                                               const fs::path& folder,
                                               const UnpackOptions& options) {
  return ArchiveUnpacker(archive, kind, folder, options).Run();
}

}  // namespace repro
