#pragma once
/// A file of one zstd frame, written as its content comes.

#include <filesystem>
#include <memory>
#include <string_view>

#include "core/base/result.h"

namespace repro {

class ZstdWriter {
 public:
  /// Makes the file, or empties it. Errors: kIo with the path.
  static Result<ZstdWriter> Open(const std::filesystem::path& path, int level = 3);
  ZstdWriter(ZstdWriter&&) noexcept;
  ZstdWriter& operator=(ZstdWriter&&) noexcept;
  /// Without `Finish` what is there is no whole frame, and reads as damaged.
  ~ZstdWriter();

  Status Write(std::string_view bytes);
  /// Ends the frame and brings it to the disk. Nothing may be written after it.
  Status Finish();

 private:
  struct Impl;
  explicit ZstdWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
