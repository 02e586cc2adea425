#include "experiments/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/host.h"
#include "experiments/data/batch_loader.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/train/checkpoint.h"
#include "experiments/train/training_flops.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kValidationRows = 32;
constexpr double kProgressSeconds = 1.0;

Json ToJson(const TrainingHistory& history) {
  return {{"updates", history.updates},
          {"processes", history.processes},
          {"validation", history.validation},
          {"tokens", history.tokens},
          {"sequences_per_micro_batch", history.sequences_per_micro_batch}};
}

Result<TrainingHistory> ParseHistory(const std::string& text, const std::string& where) {
  REPRO_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  try {
    return TrainingHistory{
        .updates = json.at("updates"),
        .processes = json.at("processes"),
        .validation = json.at("validation"),
        .tokens = json.at("tokens").get<std::int64_t>(),
        .sequences_per_micro_batch = json.at("sequences_per_micro_batch").get<std::int64_t>()};
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: notes of a pretraining run: {}", where, JsonProblem(e));
  }
}

// "en 12, sw 3": which languages a batch holds.
std::string LanguageCounts(const std::vector<double>& counts,
                           const std::vector<std::string>& languages) {
  std::string text;
  for (std::size_t i = 0; i < languages.size(); ++i) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {:.0f}", text.empty() ? "" : ", ", languages[i], counts[i]);
  }
  return text;
}

// Sums by language since the last metric rows.
struct LanguageLosses {
  std::vector<double> loss;
  std::vector<double> predicted;

  void Add(const StepReport& step) {
    loss.resize(step.language_loss.size());
    predicted.resize(step.language_predicted.size());
    for (std::size_t i = 0; i < loss.size(); ++i) {
      loss[i] += step.language_loss[i];
      predicted[i] += step.language_predicted[i];
    }
  }
};

class Trainer {
 public:
  Trainer(MlmModel& model, const TrainingData& data, const TrainerOptions& options,
          EventWriter& events, const StopFlag& stop)
      : model_(model),
        data_(data),
        options_(options),
        group_(options.group != nullptr ? *options.group : TrainingGroup()),
        events_(events),
        stop_(stop),
        optimizer_(Parameters(model), options.adam) {
    history_.sequences_per_micro_batch = options.sequences_per_micro_batch;
  }

  Result<TrainingHistory> Run() {
    const std::int64_t total = options_.schedule.total_updates;
    REPRO_ASSIGN_OR_RETURN(std::int64_t update, Resume());
    if (group_.size() > 1) {
      REPRO_RETURN_IF_ERROR(Join(update));
      exchange_ = std::make_unique<GradientExchange>(group_, optimizer_.parameters(),
                                                     options_.bfloat16_gradients);
    }
    BatchLoader loader(data_.batch, update, total);
    RestartClock();
    while (update < total) {
      const MaskedBatch batch = loader.Next();
      waited_ += loader.TakeWaitedSeconds();
      REPRO_ASSIGN_OR_RETURN(const bool stop, Agree(batch));
      if (stop) return Interrupt(update);
      REPRO_RETURN_IF_ERROR(Update(update, batch));
      ++update;
      if (options_.validate_every > 0 && update % options_.validate_every == 0 && update < total) {
        REPRO_RETURN_IF_ERROR(Validate(update));
      }
      if (update % options_.checkpoint_every == 0 && update < total) {
        REPRO_RETURN_IF_ERROR(Save(update));
      }
      REPRO_RETURN_IF_ERROR(events_.status());
    }
    REPRO_RETURN_IF_ERROR(Validate(total));
    return history_;
  }

 private:
  // How many updates are done already.
  Result<std::int64_t> Resume() {
    if (!group_.Leads()) return 0;
    TrainingHistory history;
    const auto usable = [&](const RestoredCheckpoint& checkpoint) -> Status {
      REPRO_ASSIGN_OR_RETURN(history, ParseHistory(checkpoint.notes, checkpoint.path.string()));
      return {};
    };
    const RestoreOutcome outcome =
        RestoreCheckpoint(options_.checkpoint_folder, optimizer_, usable);
    for (const std::string& warning : outcome.warnings) events_.Message("warning", warning);
    if (outcome.restored) {
      history_ = std::move(history);
      events_.State("resumed", {{"update", outcome.restored->update}});
    }
    REPRO_RETURN_IF_ERROR(TakeSmallerMicroBatch());
    const std::int64_t update = outcome.restored ? outcome.restored->update : 0;
    NoteProcesses(update);
    return update;
  }

  void NoteProcesses(std::int64_t update) {
    Json& before = history_.processes;
    if (!before.empty() && before.back().at("processes") == group_.size()) return;
    if (!before.empty()) {
      events_.Message(
          "warning",
          fmt::format("going on with {} process{}, not {}: the same sequences, masks and dropout; "
                      "sums round differently",
                      group_.size(), group_.size() == 1 ? "" : "es",
                      before.back().at("processes").dump()));
    }
    before.push_back({{"from", update}, {"processes", group_.size()}});
  }

  // What a process of an attempt before found to fit, where it is less than what is known since.
  // Logged once: checkpoints remember it.
  Status TakeSmallerMicroBatch() {
    const fs::path path = MicroBatchFile(options_.checkpoint_folder);
    if (!fs::exists(path)) return {};
    REPRO_ASSIGN_OR_RETURN(const Json found, LoadJson(path));
    const auto sequences = found.is_object() ? found.find("micro_batch_to") : found.end();
    if (sequences == found.end() || !sequences->is_number_integer() ||
        sequences->get<std::int64_t>() < 1) {
      return Fail(ErrorCode::kCorrupt, "{}: no 'micro_batch_to' of at least 1: remove the file",
                  path.string());
    }
    const auto fitting = sequences->get<std::int64_t>();
    const std::int64_t known = history_.sequences_per_micro_batch;  // 0: all at once
    if (known > 0 && known <= fitting) return {};
    history_.sequences_per_micro_batch = fitting;
    events_.State("out_of_memory", found);
    return {};
  }

  // Every process starts where the leader does.
  Status Join(std::int64_t& update) {
    std::vector<double> start = {0, 0};
    if (group_.Leads()) {
      start = {static_cast<double>(update),
               static_cast<double>(history_.sequences_per_micro_batch)};
    }
    REPRO_RETURN_IF_ERROR(group_.Sum(start));
    update = static_cast<std::int64_t>(start[0]);
    history_.sequences_per_micro_batch = static_cast<std::int64_t>(start[1]);
    std::vector<at::Tensor> state;
    for (const NamedTensor& weight : optimizer_.parameters()) state.push_back(weight.tensor);
    for (const NamedTensor& moment : optimizer_.State()) state.push_back(moment.tensor);
    REPRO_RETURN_IF_ERROR(group_.Broadcast(state));
    optimizer_.SetSteps(update);
    return {};
  }

  // What the update holds over all processes, and whether one of them was asked to stop: they have
  // to stop at the same update.
  Result<bool> Agree(const MaskedBatch& batch) {
    std::vector<double> values = {
        stop_.load() ? 1.0 : 0.0, static_cast<double>(batch.tokens),
        static_cast<double>(batch.predicted),
        TrainingFlops(model_.encoder.shape, batch.lengths, batch.predicted)};
    REPRO_RETURN_IF_ERROR(group_.Sum(values));
    totals_ = {.tokens = static_cast<std::int64_t>(values[1]),
               .predicted = static_cast<std::int64_t>(values[2])};
    flops_since_ += values[3];
    return values[0] > 0;
  }

  Status Update(std::int64_t update, const MaskedBatch& batch) {
    const double learning_rate = LearningRate(options_.schedule, update);
    for (;;) {
      const auto step = TrainStep(
          model_, optimizer_, batch, learning_rate,
          {.sequences_per_micro_batch = history_.sequences_per_micro_batch,
           .clip_norm = options_.clip_norm,
           .dropout_seed = MixSeed(options_.seed, "dropout", static_cast<std::uint64_t>(update)),
           .languages = static_cast<std::int64_t>(data_.languages.size()),
           .group = &group_,
           .exchange = exchange_.get(),
           .totals = totals_});
      if (step && !step->out_of_memory.empty()) {
        REPRO_RETURN_IF_ERROR(Halve(update, batch, step->out_of_memory));
        continue;
      }
      if (!step) return Explain(update, learning_rate, batch, step.error());
      history_.tokens += step->tokens;
      tokens_since_ += step->tokens;
      Log(update, learning_rate, *step);
      return {};
    }
  }

  // Every process gets here when one diverges, so they can still say together what the batch held.
  Status Explain(std::int64_t update, double learning_rate, const MaskedBatch& batch,
                 const Error& error) {
    if (error.code != ErrorCode::kDiverged) return tl::unexpected(error);
    std::vector<double> counts(data_.languages.size() + 1, 0.0);
    for (const std::int64_t language : batch.languages)
      ++counts[static_cast<std::size_t>(language)];
    counts.back() = static_cast<double>(batch.rows);
    REPRO_RETURN_IF_ERROR(group_.Sum(counts));
    const std::string languages = LanguageCounts(counts, data_.languages);
    const auto rows = static_cast<std::int64_t>(counts.back());
    const std::string what =
        fmt::format("update {} (learning rate {:g}, batch of {} sequences: {})", update,
                    learning_rate, rows, languages);
    if (group_.Leads()) {
      events_.State("diverged", {{"update", update},
                                 {"learning_rate", learning_rate},
                                 {"batch_rows", rows},
                                 {"batch_languages", languages},
                                 {"reason", error.message}});
    }
    return Context(what, error);
  }

  // Half as many sequences at a time; the update's batch stays as it is. Errors: kFailed when there
  // is no half, or with several processes, who have to start again.
  Status Halve(std::int64_t update, const MaskedBatch& batch, const std::string& reason) {
    REPRO_ASSIGN_OR_RETURN(const MicroBatchHalving halving,
                           HalveMicroBatch(update, history_.sequences_per_micro_batch, batch.rows,
                                           "sequence", reason));
    if (group_.size() > 1) {
      REPRO_RETURN_IF_ERROR(MakeDirectory(options_.checkpoint_folder));
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(MicroBatchFile(options_.checkpoint_folder),
                                            halving.Info().dump() + "\n"));
      return Fail(ErrorCode::kFailed, "rank {} of {}: {}", group_.rank(), group_.size(),
                  halving.Text());
    }
    history_.sequences_per_micro_batch = halving.to;
    events_.State("out_of_memory", halving.Info());
    events_.Message("warning", halving.Text());
    return {};
  }

  void Log(std::int64_t update, double learning_rate, const StepReport& step) {
    if (!group_.Leads()) return;
    language_losses_.Add(step);
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
      if (seconds > 0) write("pretrain.data_wait", waited_ / seconds);
      if (options_.peak_flops > 0 && seconds > 0) {
        write("pretrain.mfu",
              flops_since_ / seconds / (options_.peak_flops * static_cast<double>(group_.size())));
      }
      write(
          "pretrain.peak_memory",
          static_cast<double>(options_.peak_memory ? options_.peak_memory() : PeakResidentBytes()));
      for (std::size_t i = 0; i < language_losses_.loss.size(); ++i) {
        if (language_losses_.predicted[i] == 0) continue;
        events_.Write({.name = "pretrain.language_loss",
                       .value = language_losses_.loss[i] / language_losses_.predicted[i],
                       .step = done,
                       .language = data_.languages[i]});
      }
      language_losses_ = {};
    }
    if (logs || SteadySeconds() - progress_ >= kProgressSeconds) {
      progress_ = SteadySeconds();
      events_.Progress(done, total, "updates",
                       {{"loss", step.loss}, {"tokens_per_second", std::round(rate)}});
    }
    if (logs) RestartClock();
  }

  // Each process takes every size-th language; sums bring the losses together, exactly, since each
  // is added to zeros.
  Status Validate(std::int64_t update) {
    const std::size_t sets = data_.validation.size();
    // The losses, and of each process how many rows at a time memory left it; 0: as many as before.
    std::vector<double> values(sets + static_cast<std::size_t>(group_.size()), 0.0);
    const std::int64_t rows_before = validation_rows_;
    for (std::size_t i = 0; i < sets; ++i) {
      if (static_cast<std::int64_t>(i) % group_.size() != group_.rank()) continue;
      REPRO_ASSIGN_OR_RETURN(values[i], EvaluateWithinMemory(data_.validation[i].batch));
    }
    if (validation_rows_ < rows_before) {
      values[sets + static_cast<std::size_t>(group_.rank())] =
          static_cast<double>(validation_rows_);
    }
    REPRO_RETURN_IF_ERROR(group_.Sum(values));
    if (group_.Leads()) {
      const auto rows = values.begin() + static_cast<std::ptrdiff_t>(sets);
      WarnOfFewerRows({rows, values.end()});
      RecordValidation(update, {values.begin(), rows});
    }
    RestartClock();
    return {};
  }

  // The leader speaks for all: what a worker writes, nobody reads.
  void WarnOfFewerRows(const std::vector<double>& rows_by_rank) {
    std::string rows;
    for (std::size_t rank = 0; rank < rows_by_rank.size(); ++rank) {
      if (rows_by_rank[rank] == 0) continue;
      rows += fmt::format("{}{:.0f}", rows.empty() ? "" : ", ", rows_by_rank[rank]);
      if (group_.size() > 1) rows += fmt::format(" (rank {})", rank);
    }
    if (rows.empty()) return;
    events_.Message(
        "warning",
        fmt::format("out of memory in validation: going on with {} sequences at a time", rows));
  }

  // Fewer rows at a time where memory asks for it: no other process is waiting in the middle.
  Result<double> EvaluateWithinMemory(const MaskedBatch& batch) {
    for (;;) {
      try {
        return EvaluateLoss(model_, batch, validation_rows_);
      } catch (const std::exception& error) {
        if (!IsOutOfMemory(error)) throw;
        REPRO_ASSIGN_OR_RETURN(
            validation_rows_, HalfAsMany(validation_rows_, batch.rows, "sequence", WordsOf(error)));
      }
    }
  }

  void RecordValidation(std::int64_t update, const std::vector<double>& all_losses) {
    Json losses = Json::object();
    double margin_sum = 0;
    std::int64_t predicted = 0;
    for (std::size_t i = 0; i < all_losses.size(); ++i) {
      const ValidationSet& set = data_.validation[i];
      const double loss = all_losses[i];
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
  }

  Status Save(std::int64_t update) {
    if (!group_.Leads()) return {};
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
    flops_since_ = 0;
    waited_ = 0;
  }

  MlmModel& model_;
  const TrainingData& data_;
  const TrainerOptions& options_;
  const TrainingGroup group_;
  EventWriter& events_;
  const StopFlag& stop_;
  AdamW optimizer_;
  std::unique_ptr<GradientExchange> exchange_;
  TrainingHistory history_;
  UpdateTotals totals_;
  LanguageLosses language_losses_;
  std::int64_t validation_rows_ = kValidationRows;
  double flops_since_ = 0;
  double waited_ = 0;
  double clock_ = 0;
  double progress_ = 0;
  std::int64_t tokens_since_ = 0;
};

}  // namespace

fs::path MicroBatchFile(const fs::path& checkpoint_folder) {
  return checkpoint_folder / "micro-batch.json";
}

Result<TrainingHistory> Train(MlmModel& model, const TrainingData& data,
                              const TrainerOptions& options, EventWriter& events,
                              const StopFlag& stop) {
  return Trainer(model, data, options, events, stop).Run();
}

}  // namespace repro
