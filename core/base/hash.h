#pragma once
/// SHA-256 (FIPS 180-4, by OpenSSL): task keys, artifact checksums, manifest hashes.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace repro {

/// Running SHA-256. Not thread-safe; `HexDigest` ends it.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);
  /// 64 lower-case hex digits. Call once.
  std::string HexDigest();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// 64 lower-case hex digits of `bytes`.
std::string Sha256Hex(std::string_view bytes);

/// Whether `text` may be such digits.
bool IsSha256Hex(std::string_view text);

/// Digest of a file's content, read in blocks. Errors: kIo with the path.
Result<std::string> Sha256File(const std::filesystem::path& path);

}  // namespace repro
