#pragma once
/// Which lines of a corpus are repeated, or are text that models are evaluated with.
///
/// A shard's lines are hashed once (DedupHash) into a file, 8 bytes a line, in order. Then all
/// hashes are looked at, one range of values after the other, so that memory stays below a limit,
/// and each line gets a mark. As in CC-Net a hash that comes more than once is repeated wherever it
/// stands, the first place included, unless the first is to be kept.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

enum class LineMark : std::uint8_t { kKeep = 0, kRepeated = 1, kEvaluation = 2 };

/// Hashes of a shard's lines, on their way to a file.
class LineHashWriter {
 public:
  /// Written beside `path`, which is there when `Finish` has returned. Errors: kIo.
  static Result<LineHashWriter> Open(const std::filesystem::path& path);
  LineHashWriter(LineHashWriter&& other) noexcept;
  LineHashWriter& operator=(LineHashWriter&&) = delete;
  ~LineHashWriter();

  Status Add(std::uint64_t hash);
  Status Finish();

 private:
  LineHashWriter(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status Flush();
  std::filesystem::path path_;
  int fd_;
  std::vector<std::uint64_t> block_;
};

/// Hashes of lines that must not be trained on: a sorted file, 8 bytes each.
Result<std::vector<std::uint64_t>> LoadHashes(const std::filesystem::path& path);
Status SaveHashes(std::vector<std::uint64_t> hashes, const std::filesystem::path& path);

struct MarkOptions {
  bool repeated = true;     ///< mark what comes more than once
  bool keep_first = false;  ///< ... but not where it comes first
  /// Sorted; marked kEvaluation, whatever else they are.
  std::vector<std::uint64_t> evaluation;
  /// For hashes at a time: 8 bytes for each line of a range of values, and one bit for each that is
  /// repeated.
  std::int64_t memory_bytes = std::int64_t{1} << 30;
};

struct MarkCounts {
  std::int64_t lines = 0;
  std::int64_t different = 0;   ///< hashes
  std::int64_t ranges = 0;      ///< that were looked at one after the other
  std::int64_t peak_bytes = 0;  ///< of hashes and bits in memory
};

/// Reads files of hashes and writes a mark, one byte, for each of their lines, into `marks[i]` for
/// `hashes[i]`; each appears whole. Order of files is order of lines. Errors: kIo, kCorrupt (no
/// whole number of hashes), kInterrupted.
Result<MarkCounts> MarkLines(const std::vector<std::filesystem::path>& hashes,
                             const std::vector<std::filesystem::path>& marks,
                             const MarkOptions& options, const std::atomic<bool>& stop);

}  // namespace repro
