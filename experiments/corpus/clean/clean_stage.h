#pragma once
/// One step of cleaning: what of a document stays.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/source/document.h"

namespace repro {

/// A document between its source and its shard.
struct CleanDocument {
  TextDocument source;
  std::vector<std::string_view> lines;   ///< of source.text, without blank ones: what is left
  std::vector<LineMark> marks;           ///< of `lines`
  std::string language;                  ///< empty until it is known
  std::optional<double> language_score;  ///< of language identification
  std::optional<double> perplexity;
};

/// What a stage took away, lines; what is a document's is its last value.
struct DroppedLine {
  std::string_view reason;
  std::string_view line;
};

class CleanStage {
 public:
  CleanStage() = default;
  CleanStage(const CleanStage&) = delete;
  CleanStage& operator=(const CleanStage&) = delete;
  virtual ~CleanStage() = default;

  virtual std::string_view name() const = 0;
  /// Takes lines off the document, or all of it: then why, else "". Texts of reasons outlive the
  /// stage. Threads share one object.
  virtual std::string_view Apply(CleanDocument& document,
                                 std::vector<DroppedLine>& dropped) const = 0;
};

}  // namespace repro
