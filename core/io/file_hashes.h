#pragma once
/// SHA-256 of files, remembered with their size and modification time, so that a file which has
/// both unchanged is not read again.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "core/base/result.h"

namespace repro {

class FileHashes {
 public:
  /// What `Save` kept there; nothing is remembered where that cannot be read.
  static FileHashes Load(const std::filesystem::path& memory);

  /// 64 hex digits. Errors: kNotFound, kIo with the path.
  Result<std::string> Sha256Of(const std::filesystem::path& file);
  /// Whether something is remembered of it, be it of what it was before it changed.
  bool Knows(const std::filesystem::path& file) const;
  /// `Sha256Of` reads it, whatever is remembered.
  void Forget(const std::filesystem::path& file);
  /// From somebody who has just written it. Nothing is remembered of a file that is not there.
  void Remember(const std::filesystem::path& file, std::string sha256);
  /// Keeps what was learnt since `Load`. A memory that cannot be written costs time, nothing else.
  void Save();

 private:
  struct Known {
    std::int64_t bytes = 0;
    std::int64_t modified_ns = 0;
    std::string sha256;
  };
  explicit FileHashes(std::filesystem::path memory) : memory_(std::move(memory)) {}
  static std::string NameOf(const std::filesystem::path& file);
  /// Size and time, no SHA-256. Errors: kNotFound, kIo.
  static Result<Known> Look(const std::filesystem::path& file);

  std::filesystem::path memory_;
  std::map<std::string, Known> known_;  // by absolute path
  bool changed_ = false;
};

}  // namespace repro
