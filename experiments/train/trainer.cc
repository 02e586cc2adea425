#include "experiments/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "experiments/train/checkpoint.h"

namespace repro {
namespace {

constexpr std::int64_t kValidationRows = 32;
constexpr double kProgressSeconds = 1.0;

Json ToJson(const TrainingHistory& history) {
  return {
      {"updates", history.updates}, {"validation", history.validation}, {"tokens", history.tokens}};
}

Result<TrainingHistory> ParseHistory(const std::string& text, const std::string& where) {
  REPRO_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  try {
    return TrainingHistory{json.at("updates"), json.at("validation"),
                           json.at("tokens").get<std::int64_t>()};
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: notes of a pretraining run: {}", where, e.what());
  }
}

// "en 12, sw 3": which languages a batch holds.
std::string LanguageCounts(const MaskedBatch& batch, const std::vector<std::string>& languages) {
  std::map<std::int64_t, int> counts;
  for (const std::int64_t language : batch.languages) ++counts[language];
  std::string text;
  for (const auto& [language, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        languages.at(static_cast<std::size_t>(language)), count);
  }
  return text;
}

class Trainer {
 public:
  Trainer(MlmModel& model, const TrainingData& data, const TrainerOptions& options,
          EventWriter& events, const StopFlag& stop)
      : model_(model),
        data_(data),
        options_(options),
        events_(events),
        stop_(stop),
        optimizer_(Parameters(model), options.adam) {}

  Result<TrainingHistory> Run() {
    const std::int64_t total = options_.schedule.total_updates;
    REPRO_ASSIGN_OR_RETURN(std::int64_t update, Resume());
    RestartClock();
    while (update < total) {
      if (stop_.load()) return Interrupt(update);
      REPRO_RETURN_IF_ERROR(Update(update));
      ++update;
      if (options_.validate_every > 0 && update % options_.validate_every == 0 && update < total) {
        Validate(update);
      }
      if (update % options_.checkpoint_every == 0 && update < total) {
        REPRO_RETURN_IF_ERROR(Save(update));
      }
      REPRO_RETURN_IF_ERROR(events_.status());
    }
    Validate(total);
    return history_;
  }

 private:
  // How many updates are done already.
  Result<std::int64_t> Resume() {
    RestoreOutcome outcome = RestoreCheckpoint(options_.checkpoint_folder, optimizer_);
    for (const std::string& warning : outcome.warnings) events_.Message("warning", warning);
    if (!outcome.restored) return 0;
    REPRO_ASSIGN_OR_RETURN(history_,
                           ParseHistory(outcome.restored->notes, outcome.restored->path.string()));
    events_.State("resumed", {{"update", outcome.restored->update}});
    return outcome.restored->update;
  }

  Status Update(std::int64_t update) {
    const MaskedBatch batch = data_.batch(update);
    const double learning_rate = LearningRate(options_.schedule, update);
    const auto step = TrainStep(model_, optimizer_, batch, learning_rate,
                                {.sequences_per_micro_batch = options_.sequences_per_micro_batch,
                                 .clip_norm = options_.clip_norm,
                                 .dropout_seed = MixSeed(options_.seed, "dropout", update)});
    if (!step) {
      const std::string languages = LanguageCounts(batch, data_.languages);
      const std::string what =
          fmt::format("update {} (learning rate {:g}, batch of {} sequences: {})", update,
                      learning_rate, batch.rows, languages);
      events_.State("diverged", {{"update", update},
                                 {"learning_rate", learning_rate},
                                 {"batch_rows", batch.rows},
                                 {"batch_languages", languages},
                                 {"reason", step.error().message}});
      return Context(what, step.error());
    }
    history_.tokens += step->tokens;
    tokens_since_ += step->tokens;
    Log(update, learning_rate, *step);
    return {};
  }

  void Log(std::int64_t update, double learning_rate, const StepReport& step) {
    const std::int64_t done = update + 1;
    const std::int64_t total = options_.schedule.total_updates;
    const double seconds = SteadySeconds() - clock_;
    const double rate = seconds > 0 ? static_cast<double>(tokens_since_) / seconds : 0;
    const bool logs = done == 1 || done % options_.log_every == 0 || done == total;
    if (logs) {
      history_.updates.push_back({{"update", done},
                                  {"loss", step.loss},
                                  {"learning_rate", learning_rate},
                                  {"gradient_norm", step.gradient_norm},
                                  {"tokens", history_.tokens}});
      const auto write = [&](const char* name, double value) {
        events_.Write({.name = name, .value = value, .step = done});
      };
      write("pretrain.loss", step.loss);
      write("pretrain.learning_rate", learning_rate);
      write("pretrain.gradient_norm", step.gradient_norm);
      write("pretrain.tokens_per_second", rate);
    }
    if (logs || SteadySeconds() - progress_ >= kProgressSeconds) {
      progress_ = SteadySeconds();
      events_.Progress(done, total, "updates",
                       {{"loss", step.loss}, {"tokens_per_second", std::round(rate)}});
    }
    if (logs) RestartClock();
  }

  void Validate(std::int64_t update) {
    Json losses = Json::object();
    double margin_sum = 0;
    std::int64_t predicted = 0;
    for (const ValidationSet& set : data_.validation) {
      const double loss = EvaluateLoss(model_, set.batch, kValidationRows);
      losses[set.language] = loss;
      events_.Write(
          {.name = "valid.loss", .value = loss, .step = update, .language = set.language});
      if (update < options_.schedule.total_updates) continue;
      const double margin = std::min(set.plateau.unigram, set.plateau.context_free) - loss;
      margin_sum += margin * static_cast<double>(set.batch.predicted);
      predicted += set.batch.predicted;
      const auto write = [&](const char* name, double value) {
        events_.Write({.name = name, .value = value, .step = update, .language = set.language});
      };
      write("valid.unigram_loss", set.plateau.unigram);
      write("valid.context_free_loss", set.plateau.context_free);
      write("pretrain.plateau_margin", margin);
    }
    if (predicted > 0) {
      events_.Write({.name = "pretrain.plateau_margin",
                     .value = margin_sum / static_cast<double>(predicted),
                     .step = update});
    }
    history_.validation.push_back({{"update", update}, {"loss", losses}});
    RestartClock();
  }

  Status Save(std::int64_t update) {
    REPRO_RETURN_IF_ERROR(SaveCheckpoint(options_.checkpoint_folder, optimizer_, update,
                                         CanonicalJson(ToJson(history_)),
                                         options_.checkpoints_kept));
    events_.State("checkpoint", {{"update", update}});
    RestartClock();
    return {};
  }

  tl::unexpected<Error> Interrupt(std::int64_t update) {
    const Status saved = Save(update);
    if (!saved) return tl::unexpected(saved.error());
    return Fail(ErrorCode::kInterrupted, "stopped after update {} of {}; checkpoint written",
                update, options_.schedule.total_updates);
  }

  // Tokens a second count training alone, not validation and checkpoints.
  void RestartClock() {
    clock_ = SteadySeconds();
    tokens_since_ = 0;
  }

  MlmModel& model_;
  const TrainingData& data_;
  const TrainerOptions& options_;
  EventWriter& events_;
  const StopFlag& stop_;
  AdamW optimizer_;
  TrainingHistory history_;
  double clock_ = 0;
  double progress_ = 0;
  std::int64_t tokens_since_ = 0;
};

}  // namespace

Result<TrainingHistory> Train(MlmModel& model, const TrainingData& data,
                              const TrainerOptions& options, EventWriter& events,
                              const StopFlag& stop) {
  return Trainer(model, data, options, events, stop).Run();
}

}  // namespace repro
