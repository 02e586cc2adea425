#include "experiments/corpus/clean/stages.h"

#include <cmath>
#include <string>

#include "core/base/text.h"

namespace repro {

std::string_view MinLength::Apply(CleanDocument& document,
                                  std::vector<DroppedLine>& /*dropped*/) const {
  return CountCodePoints(document.source.text) < characters_ ? "short" : "";
}

std::string_view MarkedLines::name() const {
  return mark_ == LineMark::kRepeated ? "repeated" : "evaluation";
}

std::string_view MarkedLines::Apply(CleanDocument& document,
                                    std::vector<DroppedLine>& dropped) const {
  const std::string_view reason =
      mark_ == LineMark::kRepeated ? "repeated line" : "line of a test set";
  std::size_t kept = 0;
  for (std::size_t line = 0; line < document.lines.size(); ++line) {
    if (document.marks[line] == mark_) {
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

std::string_view IdentifyLanguage::Apply(CleanDocument& document,
                                         std::vector<DroppedLine>& /*dropped*/) const {
  if (!document.language.empty() && !options_.check_named) return "";
  std::string text;
  for (const std::string_view line : document.lines) text += line;
  const auto guesses = model_.Predict(text);
  if (guesses.empty()) return "unsure";
  const double score = std::round(static_cast<double>(guesses.front().probability) * 100) / 100;
  if (score < options_.threshold) return "unsure";
  if (!document.language.empty() && document.language != guesses.front().language) {
    return "other language";
  }
  document.language = guesses.front().language;
  document.language_score = score;
  return "";
}

}  // namespace repro
