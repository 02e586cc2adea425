#include "experiments/train/finetuner.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "experiments/data/batcher.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/train/checkpoint.h"

namespace repro {
namespace {

constexpr double kProgressSeconds = 0.5;
constexpr std::int64_t kCheckpointsKept = 2;

std::filesystem::path BestPath(const std::filesystem::path& folder, std::int64_t update) {
  return folder / fmt::format("best-{:09}.safetensors", update);
}

// What a resume needs besides weights and moments.
struct Progress {
  FinetuneOutcome outcome;
  std::int64_t stale = 0;  // validations since the selection score rose
  double loss_sum = 0;     // since the last validation
  std::int64_t loss_count = 0;
  std::int64_t examples_at_a_time = 0;  // 0: the whole batch
  bool finished = false;
};

Json ToJson(const Progress& progress) {
  Json best = Json::object();
  for (const auto& [key, checkpoint] : progress.outcome.best) {
    best[key] = {
        {"update", checkpoint.update}, {"score", checkpoint.score}, {"loss", checkpoint.loss}};
  }
  return {{"updates", progress.outcome.updates},
          {"stopped_early", progress.outcome.stopped_early},
          {"best", best},
          {"history", progress.outcome.history},
          {"stale", progress.stale},
          {"loss_sum", progress.loss_sum},
          {"loss_count", progress.loss_count},
          {"examples_at_a_time", progress.examples_at_a_time},
          {"finished", progress.finished}};
}

Result<Progress> ParseProgress(const std::string& text, const std::string& where) {
  REPRO_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  try {
    Progress progress;
    progress.outcome.updates = json.at("updates").get<std::int64_t>();
    progress.outcome.stopped_early = json.at("stopped_early").get<bool>();
    for (const auto& [key, best] : json.at("best").items()) {
      const Json& loss = best.at("loss");  // JSON has null where a number is not finite
      progress.outcome.best[key] = {
          best.at("update").get<std::int64_t>(), best.at("score").get<double>(),
          loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>()};
    }
    progress.outcome.history = json.at("history");
    progress.stale = json.at("stale").get<std::int64_t>();
    progress.loss_sum = json.at("loss_sum").get<double>();
    progress.loss_count = json.at("loss_count").get<std::int64_t>();
    progress.examples_at_a_time = json.at("examples_at_a_time").get<std::int64_t>();
    progress.finished = json.at("finished").get<bool>();
    return progress;
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: notes of a fine-tuning run: {}", where, JsonProblem(e));
  }
}

std::set<std::int64_t> BestUpdates(const FinetuneOutcome& outcome) {
  std::set<std::int64_t> updates;
  for (const auto& [key, best] : outcome.best) updates.insert(best.update);
  return updates;
}

class Finetuner {
 public:
  Finetuner(const FinetuneProblem& problem, const FinetunerOptions& options, EventWriter& events,
            const StopFlag& stop)
      : problem_(problem),
        options_(options),
        events_(events),
        stop_(stop),
        optimizer_(problem.parameters, options.adam) {}

  Result<FinetuneOutcome> Run() {
    if (problem_.lengths.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "fine-tuning: no training examples");
    }
    REPRO_RETURN_IF_ERROR(MakeDirectories(options_.folder));
    Resume();
    const std::int64_t total = options_.schedule.total_updates;
    checkpoint_time_ = SteadySeconds();
    RestartClock();
    while (!progress_.finished) {
      if (stop_.load()) return Interrupt();
      REPRO_RETURN_IF_ERROR(Update(updates()));
      ++progress_.outcome.updates;
      const bool last = updates() == total;
      if (last || updates() % options_.validate_every == 0) {
        REPRO_RETURN_IF_ERROR(Validate(last));
      } else if (SteadySeconds() - checkpoint_time_ > options_.checkpoint_seconds) {
        REPRO_RETURN_IF_ERROR(Save());
      }
      REPRO_RETURN_IF_ERROR(events_.status());
    }
    return progress_.outcome;
  }

 private:
  std::int64_t updates() const { return progress_.outcome.updates; }

  void Resume() {
    Progress progress;
    const auto usable = [&](const RestoredCheckpoint& checkpoint) -> Status {
      REPRO_ASSIGN_OR_RETURN(progress, ParseProgress(checkpoint.notes, checkpoint.path.string()));
      for (const std::int64_t update : BestUpdates(progress.outcome)) {
        const auto best = OpenSealed(BestPath(options_.folder, update));
        if (!best) {
          return Context(checkpoint.path.filename().string() + " names best weights", best.error());
        }
      }
      return {};
    };
    const RestoreOutcome outcome = RestoreCheckpoint(options_.folder, optimizer_, usable);
    for (const std::string& warning : outcome.warnings) events_.Message("warning", warning);
    if (!outcome.restored) return;
    progress_ = std::move(progress);
    events_.State("resumed", {{"update", updates()}});
  }

  const std::vector<std::size_t>& Batch(std::int64_t update) {
    const auto examples = static_cast<std::int64_t>(problem_.lengths.size());
    const std::int64_t per_epoch = (examples + options_.batch_size - 1) / options_.batch_size;
    const std::int64_t epoch = update / per_epoch;
    if (epoch != epoch_) {
      epoch_batches_ = BucketedBatches(problem_.lengths, options_.batch_size, options_.seed, epoch);
      epoch_ = epoch;
    }
    return epoch_batches_[static_cast<std::size_t>(update % per_epoch)];
  }

  Status Update(std::int64_t update) {
    const std::vector<std::size_t>& batch = Batch(update);
    const double learning_rate = LearningRate(options_.schedule, update);
    double value = 0;
    for (;;) {
      try {
        value = Accumulate(update, batch);
        break;
      } catch (const std::exception& error) {
        if (!IsOutOfMemory(error)) throw;
        optimizer_.ZeroGrad();
        REPRO_RETURN_IF_ERROR(Halve(update, batch, WordsOf(error)));
      }
    }
    if (!std::isfinite(value)) {
      return Diverge(update, learning_rate, batch, fmt::format("the loss is {}", value));
    }
    const double norm = GradientNorm(optimizer_.parameters());
    if (!std::isfinite(norm)) {
      return Diverge(update, learning_rate, batch,
                     fmt::format("the gradient norm is {} (loss {}; not finite in: {})", norm,
                                 value, NonFiniteGradients(optimizer_.parameters())));
    }
    optimizer_.Step(learning_rate);

    progress_.loss_sum += value;
    ++progress_.loss_count;
    examples_since_ += static_cast<std::int64_t>(batch.size());
    if (SteadySeconds() - progress_time_ > kProgressSeconds) ReportProgress(update + 1, value);
    return {};
  }

  // Forward and backward of the whole batch, a part at a time; returns its mean loss.
  double Accumulate(std::int64_t update, const std::vector<std::size_t>& batch) {
    const std::uint64_t seed =
        MixSeed(options_.seed, "finetune dropout", static_cast<std::uint64_t>(update));
    const auto labels_of = [&](std::size_t begin, std::size_t end) {
      std::int64_t labels = 0;
      for (std::size_t i = begin; i < end; ++i) {
        labels += problem_.labels.empty() ? 1 : problem_.labels[batch[i]];
      }
      return static_cast<double>(std::max<std::int64_t>(1, labels));
    };
    const double all_labels = labels_of(0, batch.size());
    const auto at_a_time = progress_.examples_at_a_time > 0
                               ? static_cast<std::size_t>(progress_.examples_at_a_time)
                               : batch.size();
    optimizer_.ZeroGrad();
    double value = 0;
    for (std::size_t begin = 0; begin < batch.size(); begin += at_a_time) {
      const std::size_t end = std::min(begin + at_a_time, batch.size());
      std::vector<std::int64_t> places(end - begin);  // dropout is keyed by the place in the batch
      std::iota(places.begin(), places.end(), static_cast<std::int64_t>(begin));
      DropoutRng dropout(seed, std::move(places));
      const std::vector<std::size_t> part(batch.begin() + static_cast<std::ptrdiff_t>(begin),
                                          batch.begin() + static_cast<std::ptrdiff_t>(end));
      const double weight = labels_of(begin, end) / all_labels;
      const at::Tensor loss = problem_.loss(part, dropout) * weight;
      value += loss.item<double>();
      if (!std::isfinite(value)) return value;
      loss.backward();
    }
    return value;
  }

  Status Halve(std::int64_t update, const std::vector<std::size_t>& batch,
               const std::string& reason) {
    REPRO_ASSIGN_OR_RETURN(
        const MicroBatchHalving halving,
        HalveMicroBatch(update, progress_.examples_at_a_time,
                        static_cast<std::int64_t>(batch.size()), "example", reason));
    progress_.examples_at_a_time = halving.to;
    events_.State("out_of_memory", halving.Info());
    events_.Message("warning", halving.Text());
    return {};
  }

  // All training examples are of the source language.
  Status Diverge(std::int64_t update, double learning_rate, const std::vector<std::size_t>& batch,
                 const std::string& reason) {
    std::int64_t longest = 0;
    for (const std::size_t example : batch) longest = std::max(longest, problem_.lengths[example]);
    events_.State("diverged", {{"update", update},
                               {"learning_rate", learning_rate},
                               {"batch_rows", batch.size()},
                               {"batch_languages",
                                fmt::format("{} {}", options_.source_language, batch.size())},
                               {"batch_longest", longest},
                               {"batch_examples", batch},
                               {"reason", reason}});
    return Fail(ErrorCode::kDiverged,
                "update {} (learning rate {:g}, batch of {} examples of {}, the longest of {} "
                "tokens, the first example {}): {}",
                update, learning_rate, batch.size(), options_.source_language, longest,
                batch.front(), reason);
  }

  void ReportProgress(std::int64_t done, double loss) {
    progress_time_ = SteadySeconds();
    const double seconds = progress_time_ - clock_;
    const double rate = seconds > 0 ? static_cast<double>(examples_since_) / seconds : 0;
    events_.Progress(done, options_.schedule.total_updates, "updates",
                     {{"loss", loss}, {"examples_per_second", std::round(rate)}});
  }

  Status Validate(bool last) {
    const double train_loss = progress_.loss_sum / static_cast<double>(progress_.loss_count);
    ReportProgress(updates(), train_loss);
    WriteMetric(options_.loss_metric, train_loss, options_.source_language, "train");
    REPRO_ASSIGN_OR_RETURN(const auto scores, problem_.validate());
    Json dev = Json::object();
    DevScore mean;
    for (const auto& [language, score] : scores) {
      WriteMetric(options_.score_metric, score.score, language, "dev");
      WriteMetric(options_.loss_metric, score.loss, language, "dev");
      dev[language] = {{"score", score.score}, {"loss", score.loss}};
      mean.score += score.score;
      mean.loss += score.loss;
    }
    mean.score /= static_cast<double>(scores.size());
    mean.loss /= static_cast<double>(scores.size());
    progress_.outcome.history.push_back(
        {{"update", updates()}, {"train_loss", train_loss}, {"dev", std::move(dev)}});
    progress_.loss_sum = 0;
    progress_.loss_count = 0;

    const std::set<std::int64_t> named_before = BestUpdates(progress_.outcome);
    bool better = false;
    if (options_.selection == Selection::kPerLanguageDev) {
      for (const auto& [language, score] : scores) better |= Consider(language, score);
      Consider(kBestOverall, mean);
    } else if (options_.selection == Selection::kSourceDev) {
      const auto source = scores.find(options_.source_language);
      if (source == scores.end()) {
        return Fail(ErrorCode::kInvalidArgument, "no dev scores of the source language '{}'",
                    options_.source_language);
      }
      better = Consider(kBestOverall, source->second);
    } else {
      better = Consider(kBestOverall, mean);
    }
    progress_.stale = better ? 0 : progress_.stale + 1;
    progress_.outcome.stopped_early =
        !last && options_.patience > 0 && progress_.stale >= options_.patience;
    progress_.finished = last || progress_.outcome.stopped_early;

    // Weights first, then the checkpoint that names them, then away with what no kept checkpoint
    // names: at any moment a kill leaves a checkpoint whose best weights are there.
    const std::set<std::int64_t> named = BestUpdates(progress_.outcome);
    if (named.contains(updates())) {
      REPRO_RETURN_IF_ERROR(SaveSealed(BestPath(options_.folder, updates()), problem_.parameters));
    }
    REPRO_RETURN_IF_ERROR(Save());
    RemoveUnnamed(named, named_before);
    RestartClock();
    return {};
  }

  // Remembers the present update under `key` when it is the best so far. Returns whether the score
  // rose: a tie with a lower loss (any is lower than one that is not finite) is chosen, but gives
  // patience no new start.
  bool Consider(const std::string& key, const DevScore& dev) {
    const auto found = progress_.outcome.best.find(key);
    const bool first = found == progress_.outcome.best.end();
    const bool rose = first || dev.score > found->second.score;
    const auto lower = [](double a, double b) {
      return std::isfinite(a) && (!std::isfinite(b) || a < b);
    };
    if (rose || (dev.score == found->second.score && lower(dev.loss, found->second.loss))) {
      progress_.outcome.best[key] = {updates(), dev.score, dev.loss};
    }
    return rose;
  }

  // Two checkpoints are kept: this validation's, and one from before it, which names the best
  // updates of then.
  void RemoveUnnamed(const std::set<std::int64_t>& named, const std::set<std::int64_t>& before) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder, ignored)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("best-")) continue;
      const std::int64_t update = std::strtoll(name.c_str() + 5, nullptr, 10);
      if (!named.contains(update) && !before.contains(update)) {
        std::filesystem::remove(entry.path(), ignored);
      }
    }
  }

  void WriteMetric(const std::string& name, double value, const std::string& language,
                   const char* split) {
    events_.Write({.name = name,
                   .value = value,
                   .step = updates(),
                   .language = language,
                   .split = split,
                   .seed = options_.metric_seed});
  }

  Status Save() {
    REPRO_RETURN_IF_ERROR(SaveCheckpoint(options_.folder, optimizer_, updates(),
                                         CanonicalJson(ToJson(progress_)), kCheckpointsKept));
    checkpoint_time_ = SteadySeconds();
    events_.State("checkpoint", {{"update", updates()}});
    return {};
  }

  tl::unexpected<Error> Interrupt() {
    const Status saved = Save();
    if (!saved) return tl::unexpected(saved.error());
    return Fail(ErrorCode::kInterrupted, "stopped after update {} of {}; checkpoint written",
                updates(), options_.schedule.total_updates);
  }

  // Examples a second count training alone.
  void RestartClock() {
    clock_ = SteadySeconds();
    examples_since_ = 0;
  }

  const FinetuneProblem& problem_;
  const FinetunerOptions& options_;
  EventWriter& events_;
  const StopFlag& stop_;
  AdamW optimizer_;
  Progress progress_;
  std::int64_t epoch_ = -1;
  std::vector<std::vector<std::size_t>> epoch_batches_;
  double clock_ = 0, progress_time_ = 0, checkpoint_time_ = 0;
  std::int64_t examples_since_ = 0;
};

}  // namespace

Result<Selection> ParseSelection(const std::string& name) {
  if (name == "joint-dev") return Selection::kJointDev;
  if (name == "per-language-dev") return Selection::kPerLanguageDev;
  if (name == "english-dev") return Selection::kSourceDev;
  return Fail(ErrorCode::kInvalidArgument,
              "unknown selection `{}`, expected `joint-dev`, `per-language-dev` or `english-dev`",
              name);
}

Result<FinetuneOutcome> Finetune(const FinetuneProblem& problem, const FinetunerOptions& options,
                                 EventWriter& events, const StopFlag& stop) {
  return Finetuner(problem, options, events, stop).Run();
}

Status LoadBestWeights(const FinetuneProblem& problem, const FinetunerOptions& options,
                       std::int64_t update) {
  REPRO_ASSIGN_OR_RETURN(const SafetensorsFile file, OpenSealed(BestPath(options.folder, update)));
  return CopyAll(file, problem.parameters);
}

}  // namespace repro
