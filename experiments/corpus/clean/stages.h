#pragma once
/// The stages between a source and its shards, in CC-Net's order (anchors.md E1).

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/corpus/clean/clean_stage.h"
#include "experiments/corpus/clean/language_id.h"

namespace repro {

/// "length": documents below so many characters go, reason "short".
class MinLength : public CleanStage {
 public:
  explicit MinLength(std::int64_t characters) : characters_(characters) {}
  std::string_view name() const override { return "length"; }
  std::string_view Apply(CleanDocument& document, std::vector<DroppedLine>& dropped) const override;

 private:
  std::int64_t characters_;
};

/// "repeated" or "evaluation": lines go that are marked so, and documents of which nothing is left.
class MarkedLines : public CleanStage {
 public:
  explicit MarkedLines(LineMark mark) : mark_(mark) {}
  std::string_view name() const override;
  std::string_view Apply(CleanDocument& document, std::vector<DroppedLine>& dropped) const override;

 private:
  LineMark mark_;
};

/// "evaluation" by letters and digits alone (LettersHash): punctuation, spaces and the spelling of
/// characters make no difference. What the usual form (TextHash) finds goes, too: no line that the
/// leak check shows is left.
class LinesOfTestSets : public CleanStage {
 public:
  /// `hashes`: sorted, of both forms.
  explicit LinesOfTestSets(std::vector<std::uint64_t> hashes) : hashes_(std::move(hashes)) {}
  std::string_view name() const override { return "evaluation"; }
  std::string_view Apply(CleanDocument& document, std::vector<DroppedLine>& dropped) const override;

 private:
  std::vector<std::uint64_t> hashes_;
};

/// "language": says which language a document is in: the likeliest, if its probability, rounded to
/// two decimals, is at least the threshold. Documents go of which that cannot be said ("unsure"),
/// and, where the source names a language that is checked, those in another ("other language").
class IdentifyLanguage : public CleanStage {
 public:
  struct Options {
    double threshold = 0.5;
    /// False: a language that the source names is believed.
    bool check_named = false;
  };
  /// `model` must outlive the stage.
  IdentifyLanguage(const LanguageId& model, Options options) : model_(model), options_(options) {}
  std::string_view name() const override { return "language"; }
  std::string_view Apply(CleanDocument& document, std::vector<DroppedLine>& dropped) const override;

 private:
  const LanguageId& model_;
  Options options_;
};

}  // namespace repro
