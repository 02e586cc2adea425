#include "experiments/tasks/finetune/task.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "experiments/data/labelled_encoder.h"
#include "experiments/eval/classifier.h"
#include "experiments/model/device.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/tasks/finetune/selection_file.h"
#include "experiments/tasks/finetune/spec.h"
#include "experiments/text/vocab_files.h"
#include "experiments/train/finetuner.h"
#include "experiments/train/loss.h"

namespace repro {
namespace {

struct FinetuneData {
  std::vector<std::string> labels;
  std::vector<EncodedExample> train;
  std::map<std::string, std::vector<EncodedExample>> dev;  // by language
  std::int64_t cut = 0;                                    // training examples cut to max_tokens
};

Result<FinetuneData> LoadData(const FinetuneSpec& spec, LabelledTask task,
                              const TaskContext& context, std::int64_t max_tokens) {
  FinetuneData data;
  REPRO_ASSIGN_OR_RETURN(const auto vocab, context.Input("vocab"));
  REPRO_ASSIGN_OR_RETURN(const VocabFiles vocabulary, VocabFiles::Load(vocab));
  REPRO_ASSIGN_OR_RETURN(const Tokenizer source_tokenizer, vocabulary.For(spec.source_language));
  REPRO_ASSIGN_OR_RETURN(const auto source, context.Input(spec.source_language));
  REPRO_ASSIGN_OR_RETURN(data.labels, ReadLabelNames(source, spec.task));
  REPRO_ASSIGN_OR_RETURN(const auto train, ReadLabelled(source, spec.task, "train", data.labels));
  data.train = EncodeExamples(train, task, source_tokenizer, max_tokens, &data.cut);
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(const auto dev, ReadLabelled(folder, spec.task, "dev", data.labels));
    REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, vocabulary.For(code));
    data.dev[code] = EncodeExamples(dev, task, tokenizer, max_tokens);
  }
  return data;
}

FinetunerOptions LoopOptions(const FinetuneSpec& spec, Selection selection, LabelledTask task,
                             const TaskContext& context) {
  const FinetuneSettings& settings = spec.settings;
  return {.schedule = {.peak = settings.learning_rate,
                       .warmup_updates = std::llround(settings.warmup_share *
                                                      static_cast<double>(settings.updates)),
                       .total_updates = settings.updates},
          .adam = {.beta1 = settings.adam_beta1,
                   .beta2 = settings.adam_beta2,
                   .eps = settings.adam_eps,
                   .weight_decay = settings.weight_decay},
          .batch_size = settings.batch_size,
          .validate_every = settings.validate_every,
          .patience = settings.patience,
          .selection = selection,
          .source_language = spec.source_language,
          .seed = static_cast<std::uint64_t>(spec.seed),
          .metric_seed = spec.seed,
          .loss_metric = spec.task + ".loss",
          .score_metric = spec.task + "." + ScoreName(task),
          .folder = context.scratch / "finetune"};
}

FinetuneProblem ProblemOf(const Classifier& classifier, const FinetuneData& data,
                          EventWriter& events) {
  FinetuneProblem problem;
  problem.parameters = classifier.Parameters();
  for (const EncodedExample& example : data.train) {
    problem.lengths.push_back(static_cast<std::int64_t>(example.tokens.size()));
    problem.labels.push_back(std::count_if(example.positions.begin(), example.positions.end(),
                                           [](std::int64_t position) { return position >= 0; }));
  }
  problem.loss = [&](const std::vector<std::size_t>& examples, DropoutRng& dropout) {
    const LabelledLogits output = ComputeLogits(classifier, data.train, examples, &dropout);
    return ClassificationLoss(output.logits_MK, output.labels_M);
  };
  problem.validate = [&]() -> Result<std::map<std::string, DevScore>> {
    const auto warn = [&](const std::string& line) { events.Message("warning", line); };
    std::map<std::string, DevScore> scores;
    for (const auto& [code, examples] : data.dev) {
      REPRO_ASSIGN_OR_RETURN(const Predictions predictions, Predict(classifier, examples, warn));
      scores[code] = {ScorePredictions(classifier, examples, predictions), predictions.loss};
    }
    return scores;
  };
  return problem;
}

// The joint model at the top; with per-language selection a folder for each other update that some
// language picked.
Status SaveSelected(const FinetuneSpec& spec, const FinetuneOutcome& outcome,
                    const FinetuneProblem& problem, const FinetunerOptions& options,
                    const Classifier& classifier, const FinetuneData& data,
                    const std::filesystem::path& out) {
  const std::int64_t top = outcome.best.at(kBestOverall).update;
  const auto folder_of = [&](std::int64_t update) {
    return update == top ? std::string(".") : "update-" + std::to_string(update);
  };
  SelectionFile file{spec.task, spec.selection, {}, Json::object()};
  for (const std::string& code : spec.languages) {
    const auto own = outcome.best.find(code);
    file.folders[code] = folder_of(own == outcome.best.end() ? top : own->second.update);
  }
  Json best = Json::object();
  for (const auto& [key, checkpoint] : outcome.best) {
    REPRO_RETURN_IF_ERROR(LoadBestWeights(problem, options, checkpoint.update));
    const std::filesystem::path folder = out / folder_of(checkpoint.update);
    REPRO_RETURN_IF_ERROR(SaveClassifier(folder.lexically_normal(), classifier));
    best[key == kBestOverall ? "overall" : key] = {{"update", checkpoint.update},
                                                   {"dev_score", checkpoint.score},
                                                   {"dev_loss", checkpoint.loss}};
  }
  file.details = {{"updates", outcome.updates},     {"stopped_early", outcome.stopped_early},
                  {"best", std::move(best)},        {"train_examples", data.train.size()},
                  {"train_examples_cut", data.cut}, {"history", outcome.history}};
  return file.Save(out);
}

Status FinetuneEncoder(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const FinetuneSpec spec, FromJson<FinetuneSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const LabelledTask task, ParseLabelledTask(spec.task));
  REPRO_ASSIGN_OR_RETURN(const Selection selection, ParseSelection(spec.selection));
  REPRO_ASSIGN_OR_RETURN(const at::Device device,
                         OpenDevice(spec.compute.device, spec.compute.threads));
  if (const auto slow = SlowProductsWarning(spec.compute.device, spec.compute.dtype)) {
    context.events.Message("warning", *slow);
  }
  REPRO_ASSIGN_OR_RETURN(const auto pretrained, context.Input("encoder"));
  REPRO_ASSIGN_OR_RETURN(Encoder encoder, LoadEncoder(pretrained));
  SetDropout(encoder, spec.settings.dropout);
  encoder.bfloat16_products = spec.compute.dtype == "bfloat16";
  const std::int64_t longest = encoder.shape.max_positions - 2;
  REPRO_ASSIGN_OR_RETURN(
      const FinetuneData data,
      LoadData(spec, task, context, std::min(spec.settings.max_tokens, longest)));
  if (data.cut > 0) {
    context.events.Message(
        "warning", fmt::format("{} of {} training examples were cut to {} tokens", data.cut,
                               data.train.size(), std::min(spec.settings.max_tokens, longest)));
  }
  Classifier classifier = MakeClassifier(encoder, task, data.labels,
                                         MixSeed(static_cast<std::uint64_t>(spec.seed), "head"));
  MoveTo(classifier, device);
  const FinetuneProblem problem = ProblemOf(classifier, data, context.events);
  const FinetunerOptions options = LoopOptions(spec, selection, task, context);
  REPRO_ASSIGN_OR_RETURN(const FinetuneOutcome outcome,
                         Finetune(problem, options, context.events, context.stop));
  return SaveSelected(spec, outcome, problem, options, classifier, data, context.out);
}

}  // namespace

Status RunFinetuneTask(TaskContext& context) {
  return WithoutExceptions("fine-tuning", [&] { return FinetuneEncoder(context); });
}

}  // namespace repro
