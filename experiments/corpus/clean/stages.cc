#include "experiments/corpus/clean/stages.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/text.h"
#include "experiments/corpus/clean/line_normalizer.h"

namespace repro {

std::string_view MinLength::Apply(CleanDocument& document,
                                  std::vector<DroppedLine>& /*dropped*/) const {
  return CountCodePoints(document.source.text) < characters_ ? "short" : "";
}

std::string_view MarkedLines::name() const {
  return mark_ == LineMark::kRepeated ? "repeated" : "evaluation";
}

namespace {

constexpr std::string_view kLineOfTestSet = "line of a test set";

/// Takes the lines off a document that `goes`, which gets their places.
template <class Goes>
std::string_view DropLines(std::string_view reason, const Goes& goes, CleanDocument& document,
                           std::vector<DroppedLine>& dropped) {
  std::size_t kept = 0;
  for (std::size_t line = 0; line < document.lines.size(); ++line) {
    if (goes(line)) {
      dropped.push_back({reason, document.lines[line]});
      continue;
    }
    document.lines[kept] = document.lines[line];
    document.marks[kept] = document.marks[line];
    ++kept;
  }
  document.lines.resize(kept);
  document.marks.resize(kept);
  return kept == 0 ? "nothing left" : "";
}

}  // namespace

std::string_view MarkedLines::Apply(CleanDocument& document,
                                    std::vector<DroppedLine>& dropped) const {
  return DropLines(
      mark_ == LineMark::kRepeated ? "repeated line" : kLineOfTestSet,
      [&](std::size_t line) { return document.marks[line] == mark_; }, document, dropped);
}

std::string_view LinesOfTestSets::Apply(CleanDocument& document,
                                        std::vector<DroppedLine>& dropped) const {
  const auto has = [&](std::optional<std::uint64_t> hash) {
    return hash && std::binary_search(hashes_.begin(), hashes_.end(), *hash);
  };
  const auto goes = [&](std::size_t line) {
    return has(LettersHash(document.lines[line])) || has(TextHash(document.lines[line]));
  };
  return DropLines(kLineOfTestSet, goes, document, dropped);
}

std::string_view IdentifyLanguage::Apply(CleanDocument& document,
                                         std::vector<DroppedLine>& /*dropped*/) const {
  if (!document.language.empty() && !options_.check_named) return "";
  std::string text;
  for (const std::string_view line : document.lines) text += line;
  const auto guesses = model_.Predict(text);
  if (guesses.empty()) return "unsure";
  const double score = std::round(static_cast<double>(guesses.front().probability) * 100) / 100;
  if (score < options_.threshold) return "unsure";
  if (!document.language.empty() && LanguageIdCode(document.language) != guesses.front().language) {
    return "other language";
  }
  if (document.language.empty()) document.language = guesses.front().language;
  document.language_score = score;
  return "";
}

}  // namespace repro
