#include "experiments/corpus/clean/perplexity_stage.h"

namespace repro {

std::string_view ScorePerplexity::Apply(CleanDocument& document,
                                        std::vector<DroppedLine>& /*dropped*/) const {
  const auto model = models_.find(document.language);
  if (model == models_.end()) return "";
  std::string text;
  for (const std::string_view line : document.lines) {
    if (!text.empty()) text += '\n';
    text += line;
  }
  document.perplexity = model->second.Perplexity(text);
  return "";
}

}  // namespace repro
