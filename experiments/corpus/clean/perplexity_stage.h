#pragma once
/// The stage that says how like a language's model text a document is.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/clean/clean_stage.h"
#include "experiments/corpus/clean/line_model.h"

namespace repro {

/// "perplexity": gives documents their perplexity; takes nothing away. Languages without a model
/// pass as they are.
class ScorePerplexity : public CleanStage {
 public:
  explicit ScorePerplexity(std::map<std::string, LineModel> models) : models_(std::move(models)) {}
  std::string_view name() const override { return "perplexity"; }
  std::string_view Apply(CleanDocument& document, std::vector<DroppedLine>& dropped) const override;

 private:
  std::map<std::string, LineModel> models_;  // by language
};

}  // namespace repro
