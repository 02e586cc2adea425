#pragma once
/// The bytes of a file, unpacked as they are read.
///
/// How a file is packed is told by its first bytes, never by its name: gzip (any number of members,
/// as in Common Crawl's WARC files), zstd (any number of frames), bzip2 or xz (any number of
/// streams), or not at all. Memory does not depend on the size of the file.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/result.h"

namespace repro {

enum class Packing { kNone, kGzip, kZstd, kBzip2, kXz };
const char* PackingName(Packing packing);

/// kPrefix: the file is the beginning of a longer one, cut on purpose. Where it ends within what is
/// packed is then its end, and no damage.
enum class Extent { kWhole, kPrefix };

class ByteSource {
 public:
  /// Errors: kNotFound, kIo (no plain file, or it cannot be opened).
  static Result<ByteSource> Open(const std::filesystem::path& path, Extent extent = Extent::kWhole);
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  /// Fills `into` from its start and returns how much; less than asked for, at least 1, is no end;
  /// 0 is. Errors: kIo; kCorrupt where the file is damaged or ends too early, naming path, byte of
  /// the file and what is wrong there. All that could be unpacked was given before. After an error
  /// it says the same again, unless `Recover` helped.
  Result<std::size_t> Read(std::span<char> into);

  /// After kCorrupt: goes on at the next gzip member behind the damage, if there is one. Errors:
  /// kIo.
  Result<bool> Recover();

  Packing packing() const;
  Extent extent() const;
  /// Bytes of the file that were used so far; of a packed file, the start of what is unpacked next.
  std::uint64_t file_offset() const;
  const std::filesystem::path& path() const;

 private:
  struct Impl;
  explicit ByteSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
