#include "experiments/corpus/clean/line_marks.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/io/file.h"
#include "core/io/write_all.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 16;  // hashes at a time

/// A file of hashes, read from its start.
class LineHashReader {
 public:
  static Result<LineHashReader> Open(const fs::path& path) {
    REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return FailErrno("open", path.string());
    return LineHashReader(path, fd);
  }
  LineHashReader(LineHashReader&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), block_(kBlock) {}
  LineHashReader& operator=(LineHashReader&&) = delete;
  ~LineHashReader() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// The next hashes; none at the end.
  Result<std::span<const std::uint64_t>> Next() {
    auto* const bytes = reinterpret_cast<char*>(block_.data());
    std::size_t held = 0;
    const std::size_t wanted = block_.size() * sizeof(std::uint64_t);
    while (held < wanted) {
      const ssize_t got = ::read(fd_, bytes + held, wanted - held);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FailErrno("read", path_.string());
      if (got == 0) break;
      held += static_cast<std::size_t>(got);
    }
    if (held % sizeof(std::uint64_t) != 0) {
      return Fail(ErrorCode::kCorrupt, "{}: no whole number of hashes", path_.string());
    }
    return std::span<const std::uint64_t>(block_.data(), held / sizeof(std::uint64_t));
  }

 private:
  LineHashReader(fs::path path, int fd) : path_(std::move(path)), fd_(fd), block_(kBlock) {}
  fs::path path_;
  int fd_;
  std::vector<std::uint64_t> block_;
};

/// `visit` gets each block of each file, in order, and the file's number.
template <class Visit>
Status EachBlock(const std::vector<fs::path>& files, const std::atomic<bool>& stop,
                 const Visit& visit) {
  for (std::size_t file = 0; file < files.size(); ++file) {
    REPRO_ASSIGN_OR_RETURN(LineHashReader reader, LineHashReader::Open(files[file]));
    for (;;) {
      if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
      REPRO_ASSIGN_OR_RETURN(const auto block, reader.Next());
      REPRO_RETURN_IF_ERROR(visit(file, block));
      if (block.empty()) break;
    }
  }
  return {};
}

/// Values first <= hash <= last.
struct HashRange {
  std::uint64_t first;
  std::uint64_t last;
  bool Has(std::uint64_t hash) const { return hash >= first && hash <= last; }
};

/// The repeated ones among the hashes of a range, and which of them came before.
class RepeatedHashes {
 public:
  Status Collect(const std::vector<fs::path>& files, HashRange range, bool keep_first,
                 const std::atomic<bool>& stop) {
    std::size_t count = 0;
    REPRO_RETURN_IF_ERROR(EachBlock(files, stop, [&](std::size_t, auto block) -> Status {
      count += static_cast<std::size_t>(
          std::count_if(block.begin(), block.end(), [&](auto hash) { return range.Has(hash); }));
      return {};
    }));
    hashes_ = {};
    hashes_.reserve(count);
    REPRO_RETURN_IF_ERROR(EachBlock(files, stop, [&](std::size_t, auto block) -> Status {
      std::copy_if(block.begin(), block.end(), std::back_inserter(hashes_),
                   [&](auto hash) { return range.Has(hash); });
      return {};
    }));
    lines_ = static_cast<std::int64_t>(hashes_.size());
    std::sort(hashes_.begin(), hashes_.end());
    KeepRepeated();
    seen_.assign(keep_first ? hashes_.size() : 0, false);
    peak_bytes_ = lines_ * static_cast<std::int64_t>(sizeof(std::uint64_t)) +
                  static_cast<std::int64_t>(seen_.size() / 8);
    return {};
  }

  /// To be asked once for each line, in order: the first of equals is not, where it is to be kept.
  bool Has(std::uint64_t hash) {
    const auto found = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
    if (found == hashes_.end() || *found != hash) return false;
    if (seen_.empty()) return true;
    const auto place = static_cast<std::size_t>(found - hashes_.begin());
    if (seen_[place]) return true;
    seen_[place] = true;
    return false;
  }

  std::int64_t lines() const { return lines_; }
  std::int64_t different() const { return different_; }
  std::int64_t peak_bytes() const { return peak_bytes_; }

 private:
  // In place, so that no second array is needed. 0 counts as repeated, as in CC-Net.
  void KeepRepeated() {
    std::size_t kept = 0;
    different_ = 0;
    for (std::size_t begin = 0; begin < hashes_.size(); ++different_) {
      std::size_t end = begin + 1;
      while (end < hashes_.size() && hashes_[end] == hashes_[begin]) ++end;
      if (end - begin > 1 || hashes_[begin] == 0) hashes_[kept++] = hashes_[begin];
      begin = end;
    }
    hashes_.resize(kept);
  }

  std::vector<std::uint64_t> hashes_;
  std::vector<bool> seen_;
  std::int64_t lines_ = 0;
  std::int64_t different_ = 0;
  std::int64_t peak_bytes_ = 0;
};

fs::path Temporary(const fs::path& path) {
  return path.string() + ".tmp";
}

Status MakeEmptyFile(const fs::path& path, std::size_t bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return FailErrno("create", path.string());
  // Not as a hole: a full disk must be an error here, and no signal later.
  const int refused = bytes > 0 ? ::posix_fallocate(fd, 0, static_cast<off_t>(bytes)) : 0;
  ::close(fd);
  if (refused == 0) return {};
  errno = refused;
  return FailErrno("write", path.string());
}

/// The marks of one file, in memory as long as they are looked at.
class MarksInFile {
 public:
  static Result<MarksInFile> Open(const fs::path& path, std::size_t lines) {
    if (lines == 0) return MarksInFile(nullptr, 0);
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return FailErrno("open", path.string());
    void* const mapped = ::mmap(nullptr, lines, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (mapped == MAP_FAILED) return FailErrno("map", path.string());
    return MarksInFile(static_cast<LineMark*>(mapped), lines);
  }
  MarksInFile(MarksInFile&& other) noexcept
      : marks_(std::exchange(other.marks_, nullptr)), lines_(other.lines_) {}
  MarksInFile& operator=(MarksInFile&&) = delete;
  ~MarksInFile() {
    if (marks_ != nullptr) ::munmap(marks_, lines_);
  }
  std::span<LineMark> marks() const { return {marks_, lines_}; }

 private:
  MarksInFile(LineMark* marks, std::size_t lines) : marks_(marks), lines_(lines) {}
  LineMark* marks_;
  std::size_t lines_;
};

/// All values, in as many parts as memory asks for: hashes are spread evenly.
std::vector<HashRange> Ranges(std::int64_t lines, const MarkOptions& options) {
  constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  constexpr double kBytesPerLine = 8.125;
  const double wanted =
      options.repeated ? kBytesPerLine * static_cast<double>(lines) /
                             static_cast<double>(std::max<std::int64_t>(1, options.memory_bytes))
                       : 1;
  const std::uint64_t parts =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(wanted)));
  const std::uint64_t step = kAll / parts;
  std::vector<HashRange> ranges;
  for (std::uint64_t part = 0; part < parts; ++part) {
    ranges.push_back({part * step, part + 1 == parts ? kAll : (part + 1) * step - 1});
  }
  return ranges;
}

}  // namespace

Result<LineHashWriter> LineHashWriter::Open(const fs::path& path) {
  const fs::path temporary = Temporary(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return FailErrno("create", temporary.string());
  return LineHashWriter(path, fd);
}

LineHashWriter::LineHashWriter(LineHashWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      block_(std::move(other.block_)) {}

LineHashWriter::~LineHashWriter() {
  if (fd_ >= 0) ::close(fd_);
}

Status LineHashWriter::Add(std::uint64_t hash) {
  block_.push_back(hash);
  return block_.size() < kBlock ? Status() : Flush();
}

Status LineHashWriter::Flush() {
  const auto* const bytes = reinterpret_cast<const char*>(block_.data());
  REPRO_RETURN_IF_ERROR(WriteAll(fd_, {bytes, block_.size() * sizeof(std::uint64_t)}, path_));
  block_.clear();
  return {};
}

Status LineHashWriter::Finish() {
  REPRO_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_) != 0) return FailErrno("fsync", path_.string());
  if (::rename(Temporary(path_).c_str(), path_.c_str()) != 0) {
    return FailErrno("rename to", path_.string());
  }
  return {};
}

Result<std::vector<std::uint64_t>> LoadHashes(const fs::path& path) {
  std::vector<std::uint64_t> hashes;
  const std::atomic<bool> go_on = false;
  REPRO_RETURN_IF_ERROR(EachBlock({path}, go_on, [&](std::size_t, auto block) -> Status {
    hashes.insert(hashes.end(), block.begin(), block.end());
    return {};
  }));
  if (!std::is_sorted(hashes.begin(), hashes.end())) {
    return Fail(ErrorCode::kCorrupt, "{}: hashes out of order", path.string());
  }
  return hashes;
}

Status SaveHashes(std::vector<std::uint64_t> hashes, const fs::path& path) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  REPRO_ASSIGN_OR_RETURN(LineHashWriter writer, LineHashWriter::Open(path));
  for (const std::uint64_t hash : hashes) REPRO_RETURN_IF_ERROR(writer.Add(hash));
  return writer.Finish();
}

Result<MarkCounts> MarkLines(const std::vector<fs::path>& hashes,
                             const std::vector<fs::path>& marks, const MarkOptions& options,
                             const std::atomic<bool>& stop) {
  REPRO_CHECK(hashes.size() == marks.size());
  MarkCounts counts;
  std::vector<std::size_t> lines;
  for (std::size_t file = 0; file < hashes.size(); ++file) {
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(hashes[file], error);
    if (error) return Fail(ErrorCode::kIo, "{}: {}", hashes[file].string(), error.message());
    lines.push_back(bytes / sizeof(std::uint64_t));
    counts.lines += static_cast<std::int64_t>(lines.back());
    REPRO_RETURN_IF_ERROR(MakeEmptyFile(Temporary(marks[file]), lines.back()));
  }
  for (const HashRange range : Ranges(counts.lines, options)) {
    RepeatedHashes repeated;
    if (options.repeated) {
      REPRO_RETURN_IF_ERROR(repeated.Collect(hashes, range, options.keep_first, stop));
    }
    ++counts.ranges;
    counts.different += repeated.different();
    counts.peak_bytes = std::max(counts.peak_bytes, repeated.peak_bytes());
    for (std::size_t file = 0; file < hashes.size(); ++file) {
      REPRO_ASSIGN_OR_RETURN(const MarksInFile in_file,
                             MarksInFile::Open(Temporary(marks[file]), lines[file]));
      std::size_t at = 0;
      REPRO_RETURN_IF_ERROR(EachBlock({hashes[file]}, stop, [&](std::size_t, auto block) -> Status {
        for (const std::uint64_t hash : block) {
          LineMark& mark = in_file.marks()[at++];
          if (!range.Has(hash)) continue;
          if (repeated.Has(hash)) mark = LineMark::kRepeated;
          if (std::binary_search(options.evaluation.begin(), options.evaluation.end(), hash)) {
            mark = LineMark::kEvaluation;
          }
        }
        return {};
      }));
    }
  }
  for (const fs::path& path : marks) {
    if (::rename(Temporary(path).c_str(), path.c_str()) != 0) {
      return FailErrno("rename to", path.string());
    }
  }
  return counts;
}

}  // namespace repro
