#pragma once
/// Queries of a back-off n-gram model by KenLM (Heafield 2011, "KenLM: Faster and Smaller Language
/// Model Queries"): ARPA files of any tool, plain or packed by gzip, bzip2 or xz, and KenLM's
/// binary files.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"

namespace repro {

struct LineScore {
  /// log10 P(tokens </s> | <s>), added up in single precision as KenLM's own `score` does.
  double log10 = 0;
  std::int64_t tokens = 0;   ///< with </s>
  std::int64_t unknown = 0;  ///< tokens that the model does not know; they score as <unk>
};

/// Immutable after `Load`; threads may share one object.
class NgramModel {
 public:
  /// Orders 2 to 6. Binary files are mapped, not read, so processes share one copy. Errors:
  /// kNotFound, kIo; kCorrupt in KenLM's words where it refuses the file.
  static Result<NgramModel> Load(const std::filesystem::path& path);
  NgramModel(NgramModel&&) noexcept;
  NgramModel& operator=(NgramModel&&) noexcept;
  ~NgramModel();

  /// A whole line, between <s> and </s>. A token is looked up as it stands.
  LineScore ScoreLine(std::span<const std::string> tokens) const;

  int order() const;
  /// What KenLM remarked on loading, in one line; mostly nothing. An ARPA file without <unk>, say,
  /// is taken, with log10 P(<unk>) = -100.
  const std::string& remarks() const;

 private:
  struct Impl;
  explicit NgramModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
