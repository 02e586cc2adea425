#pragma once
/// The leak check: how many lines of a text are lines of a test set, once both are normalised
/// (TextHash), and how many more have the letters and digits of one (LettersHash).

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// Hashes of the lines of test sets: sorted, each once.
struct EvaluationLines {
  std::vector<std::uint64_t> lines;    ///< DedupHash
  std::vector<std::uint64_t> letters;  ///< LettersHash; empty: not looked at
};

struct SharedLine {
  std::string where;  ///< "text.txt:12", or the document's id
  std::string text;   ///< its beginning
};

class SharedLines {
 public:
  static constexpr std::size_t kExamples = 10;  ///< of each kind
  static constexpr std::size_t kShown = 400;    ///< bytes of an example's text

  /// `evaluation` must outlive this.
  explicit SharedLines(const EvaluationLines& evaluation) : evaluation_(&evaluation) {}

  /// Each line of a text; blank ones count for nothing. A line of which nothing is left once it is
  /// normalised, as of "…", is one that nobody shares.
  void AddText(std::string_view text, std::string_view where);
  /// Each line of a file, packed or not. Errors: kNotFound, kIo, kCorrupt, kInterrupted.
  Status AddFile(const std::filesystem::path& path, const std::atomic<bool>& stop);

  std::int64_t lines() const { return lines_; }
  std::int64_t shared() const { return shared_; }
  /// Not among those, but with the letters and digits of a test set's line.
  std::int64_t alike() const { return alike_; }
  /// The first ones of each kind.
  const std::vector<SharedLine>& shared_examples() const { return shared_examples_; }
  const std::vector<SharedLine>& alike_examples() const { return alike_examples_; }

 private:
  /// The examples that it belongs to; null where it is none, or there are enough.
  std::vector<SharedLine>* Count(std::string_view line);

  const EvaluationLines* evaluation_;
  std::int64_t lines_ = 0;
  std::int64_t shared_ = 0;
  std::int64_t alike_ = 0;
  std::vector<SharedLine> shared_examples_;
  std::vector<SharedLine> alike_examples_;
};

}  // namespace repro
