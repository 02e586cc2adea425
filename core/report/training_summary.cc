#include "core/report/training_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"

namespace repro {
namespace {

/// So many rows of the log are "now" for what jumps from row to row.
constexpr std::size_t kMedianRows = 20;
/// From so many languages on a figure shows their mean, the best and the worst.
constexpr std::size_t kMostStrongLines = 6;

constexpr int kPlainDigits = 4;  // significant ones of a value
constexpr int kMostDigits = 12;

/// Of the first digit of a number: 0 for units, -1 for tenths.
int DecimalPlace(double value) {
  return static_cast<int>(std::floor(std::log10(std::abs(value))));
}

using CurvePointers = std::vector<const TrainingCurve*>;

std::optional<double> Last(const TrainingCurve* curve) {
  if (curve == nullptr || curve->points.empty()) return std::nullopt;
  return curve->points.back().value;
}

std::vector<double> Recent(const TrainingCurve* curve) {
  std::vector<double> values;
  if (curve == nullptr) return values;
  const auto& points = curve->points;
  const std::size_t first = points.size() > kMedianRows ? points.size() - kMedianRows : 0;
  for (std::size_t i = first; i < points.size(); ++i) {
    if (std::isfinite(points[i].value)) values.push_back(points[i].value);
  }
  return values;
}

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// The curves of a metric that have a language.
CurvePointers ByLanguage(const TrainingTask& training, std::string_view name,
                         std::string_view split) {
  CurvePointers found;
  for (const TrainingCurve& curve : training.curves) {
    const MetricSeries& series = curve.series;
    if (series.name == name && series.split == split && !series.language.empty() &&
        !curve.points.empty()) {
      found.push_back(&curve);
    }
  }
  return found;
}

/// The metric of a fine-tuning's dev scores: its only one with split dev that is no loss.
std::string ScoreName(const TrainingTask& training) {
  for (const TrainingCurve& curve : training.curves) {
    if (curve.series.split == "dev" && !curve.series.name.ends_with(".loss")) {
      return curve.series.name;
    }
  }
  return {};
}

/// "xnli.loss" of a fine-tuning; empty in pretraining.
std::string TaskLossName(const TrainingTask& training) {
  for (const TrainingCurve& curve : training.curves) {
    if (curve.series.split == "train" && curve.series.name.ends_with(".loss")) {
      return curve.series.name;
    }
  }
  return {};
}

std::optional<double> MeanOfLast(const CurvePointers& curves) {
  const std::vector<MetricPoint> mean = MeanCurve(curves);
  if (mean.empty()) return std::nullopt;
  return mean.back().value;
}

std::string DescribeDivergence(const Json& info) {
  std::string text =
      fmt::format("diverged after update {}", FormatCount(IntegerField(info, "update")));
  const auto rate = info.find("learning_rate");
  if (rate != info.end() && rate->is_number()) {
    text += fmt::format(" (learning rate {:.3g})", rate->get<double>());
  }
  if (!TextField(info, "reason").empty()) text += ": " + TextField(info, "reason");
  if (!TextField(info, "batch_languages").empty()) {
    text += fmt::format("; its batch of {} sequences: {}", IntegerField(info, "batch_rows"),
                        TextField(info, "batch_languages"));
  }
  return text;
}

std::string DescribeOutOfMemory(const Json& info) {
  std::string text = "out of memory: micro-batch";
  const std::int64_t from = IntegerField(info, "micro_batch_from");
  const std::int64_t to = IntegerField(info, "micro_batch_to");
  if (from > 0 && to > 0) {
    text +=
        fmt::format(" from {} to {} sequences, more of them an update, the batch stays the same",
                    FormatCount(from), FormatCount(to));
  } else {
    text += " made smaller, the batch stays the same";
  }
  return text;
}

/// What is told of each attempt beside its messages.
struct Told {
  std::map<std::int64_t, std::string> divergences;  ///< why, as the event that describes it has it
  std::map<std::int64_t, std::string> ends;         ///< reasons
};

/// Whether an error says nothing but why its attempt diverged or ended.
bool IsTold(const Json& message, const Told& told) {
  if (TextField(message, "level") != "error") return false;
  const std::int64_t attempt = IntegerField(message, "attempt");
  const std::string text = TextField(message, "text");
  const auto divergence = told.divergences.find(attempt);
  const auto end = told.ends.find(attempt);
  return (divergence != told.divergences.end() &&
          text.find(divergence->second) != std::string::npos) ||
         (end != told.ends.end() && end->second.find(text) != std::string::npos);
}

/// How an attempt ended, where there is something to say about it.
std::optional<Happening> EndOf(const AttemptRow& attempt, bool alive, const Told& told) {
  Happening end{attempt.ended_ms, "warning", fmt::format("attempt {} ", attempt.number)};
  if (attempt.state == "running") {
    if (alive) return std::nullopt;
    end.time_ms = IntegerField(attempt.progress, "time_ms");
    if (end.time_ms == 0) end.time_ms = attempt.started_ms;
    end.text += "was cut off; the next `repro run` goes on from its last checkpoint";
    return end;
  }
  if (attempt.state == "done") return std::nullopt;
  if (attempt.state == "diverged") {
    if (told.divergences.contains(attempt.number)) return std::nullopt;
    end.level = "error";  // its reason begins with the state
    end.text += attempt.reason.empty() ? "diverged" : attempt.reason;
    return end;
  }
  if (attempt.state == "continued") {
    end.level = "info";
    end.text += "stopped at a checkpoint, to be gone on with";
  } else if (attempt.state == "interrupted") {
    end.text += "was interrupted";
  } else if (attempt.state == "killed") {
    end.text += "was killed";
  } else {
    end.level = "error";
    end.text += attempt.state;
  }
  if (!attempt.reason.empty()) end.text += ": " + attempt.reason;
  return end;
}

std::vector<Happening> Happenings(const TrainingTask& training) {
  std::vector<Happening> happenings;
  Told told;
  for (const AttemptRow& attempt : training.attempts) {
    if (attempt.state != "done") told.ends[attempt.number] = attempt.reason;
  }
  for (const Json& event : training.events) {
    const Json info = EventInfo(event);
    if (TextField(event, "type") == "state" && TextField(event, "state") == "diverged" &&
        info.contains("update")) {
      told.divergences[IntegerField(event, "attempt")] = TextField(info, "reason");
    }
  }
  std::optional<Happening> checkpoint;
  std::string before;  // the state that the event before told
  for (const Json& event : training.events) {
    const Json info = EventInfo(event);
    const std::int64_t time_ms = IntegerField(event, "time_ms");
    const std::int64_t attempt = IntegerField(event, "attempt");
    const std::string type = TextField(event, "type");
    const std::string state = TextField(event, "state");
    // A task that runs out of memory warns of it, too: once is enough.
    if (std::exchange(before, state) == "out_of_memory" && type == "message") continue;
    if (type == "message" && IsTold(event, told)) continue;
    if (type == "message" && TextField(event, "level") != "info") {
      happenings.push_back({time_ms, TextField(event, "level"), TextField(event, "text")});
    } else if (type != "state") {
      continue;
    } else if (state == "resumed") {
      happenings.push_back({time_ms, "info",
                            fmt::format("attempt {} went on after update {}", attempt,
                                        FormatCount(IntegerField(info, "update")))});
    } else if (state == "assembled") {
      happenings.push_back({time_ms, "info",
                            fmt::format("attempt {} trains in {} processes", attempt,
                                        FormatCount(IntegerField(info, "processes")))});
    } else if (state == "checkpoint") {
      checkpoint = Happening{
          time_ms, "info",
          fmt::format("newest checkpoint: update {}", FormatCount(IntegerField(info, "update")))};
    } else if (state == "diverged" && info.contains("update")) {
      happenings.push_back({time_ms, "error", DescribeDivergence(info)});
    } else if (state == "out_of_memory") {
      happenings.push_back({time_ms, "warning", DescribeOutOfMemory(info)});
    }
  }
  for (const AttemptRow& attempt : training.attempts) {
    const bool newest = &attempt == &training.attempts.back();
    if (auto end = EndOf(attempt, newest && training.alive, told))
      happenings.push_back(std::move(*end));
  }
  // Once it is done, nobody goes on from there.
  if (checkpoint && training.task.state != "done") happenings.push_back(std::move(*checkpoint));
  std::stable_sort(happenings.begin(), happenings.end(),
                   [](const Happening& a, const Happening& b) { return a.time_ms < b.time_ms; });
  return happenings;
}

std::vector<CurveMark> Marks(const TrainingTask& training) {
  std::vector<CurveMark> marks;
  for (const Json& event : training.events) {
    if (TextField(event, "type") != "state") continue;
    const Json info = EventInfo(event);
    const std::string state = TextField(event, "state");
    if (state == "resumed") {
      marks.push_back({IntegerField(info, "update"), "resumed"});
    } else if (state == "diverged" && info.contains("update")) {
      marks.push_back({IntegerField(info, "update"), "diverged"});
    } else if (state == "out_of_memory" && info.contains("update")) {
      marks.push_back({IntegerField(info, "update"), "out of memory"});
    }
  }
  return marks;
}

/// Languages as lines: each of a few strong; of many the mean, and the best and the worst at the
/// end, with the others faint behind them.
void AddLanguages(const CurvePointers& curves, bool high_is_good, std::vector<CurveLine>& lines) {
  if (curves.size() <= kMostStrongLines) {
    for (const TrainingCurve* curve : curves) {
      lines.push_back({curve->series.language, false, lines.size(), curve->points});
    }
    return;
  }
  const auto worse = [high_is_good](const TrainingCurve* a, const TrainingCurve* b) {
    const double x = a->points.back().value;
    const double y = b->points.back().value;
    return high_is_good ? x < y : x > y;
  };
  const auto [worst, best] = std::minmax_element(curves.begin(), curves.end(), worse);
  lines.push_back(
      {fmt::format("mean of {} languages", curves.size()), false, lines.size(), MeanCurve(curves)});
  lines.push_back({"worst: " + (*worst)->series.language, false, lines.size(), (*worst)->points});
  lines.push_back({"best: " + (*best)->series.language, false, lines.size(), (*best)->points});
  for (const TrainingCurve* curve : curves) {
    if (curve == *worst || curve == *best) continue;
    lines.push_back({curve->series.language, true, 0, curve->points});
  }
}

void AddCurve(const TrainingTask& training, std::string_view metric, std::string name,
              CurveFigure& figure) {
  const TrainingCurve* curve = training.Find(metric);
  if (curve == nullptr || curve->points.empty()) return;
  figure.lines.push_back({std::move(name), false, figure.lines.size(), curve->points});
}

CurveFigure LossFigure(const TrainingTask& training) {
  CurveFigure figure{.id = "loss", .title = "Loss", .about = "Nats a token."};
  AddCurve(training, "pretrain.loss", "training", figure);
  CurvePointers valid = ByLanguage(training, "valid.loss", "");
  const std::string task_loss = TaskLossName(training);
  if (!task_loss.empty()) {
    figure.about = "Nats an example, or a word where words are labelled.";
    const CurvePointers train = ByLanguage(training, task_loss, "train");
    if (!train.empty()) figure.lines.push_back({"training", false, 0, MeanCurve(train)});
    valid = ByLanguage(training, task_loss, "dev");
  }
  if (valid.size() == 1) {
    figure.lines.push_back(
        {"validation, " + valid[0]->series.language, false, 1, valid[0]->points});
  } else if (!valid.empty()) {
    figure.lines.push_back({fmt::format("validation, mean of {} languages", valid.size()), false, 1,
                            MeanCurve(valid)});
    for (const TrainingCurve* curve : valid) {
      figure.lines.push_back({curve->series.language, true, 1, curve->points});
    }
  }
  figure.marks = Marks(training);
  return figure;
}

}  // namespace

TrainingSummary SummarizeTraining(const TrainingTask& training, std::int64_t now_ms) {
  TrainingSummary summary;
  if (training.progress.is_object()) {
    summary.done = IntegerField(training.progress, "done");
    summary.total = IntegerField(training.progress, "total");
    summary.unit = TextField(training.progress, "unit");
  }
  const std::string task_loss = TaskLossName(training);
  summary.loss = Last(training.Find("pretrain.loss"));
  CurvePointers valid = ByLanguage(training, "valid.loss", "");
  if (!task_loss.empty()) {
    summary.loss = MeanOfLast(ByLanguage(training, task_loss, "train"));
    valid = ByLanguage(training, task_loss, "dev");
  }
  if (!valid.empty()) summary.valid_loss = MeanOfLast(valid);
  summary.learning_rate = Last(training.Find("pretrain.learning_rate"));
  summary.gradient_norm = Last(training.Find("pretrain.gradient_norm"));
  summary.tokens_per_second = Median(Recent(training.Find("pretrain.tokens_per_second")));
  summary.mfu = Median(Recent(training.Find("pretrain.mfu")));
  summary.data_wait = Median(Recent(training.Find("pretrain.data_wait")));
  const std::vector<double> memory = Recent(training.Find("pretrain.peak_memory"));
  if (!memory.empty()) summary.peak_memory = *std::max_element(memory.begin(), memory.end());
  summary.plateau_margin = Last(training.Find("pretrain.plateau_margin"));
  summary.eta_seconds = SecondsLeft(training, now_ms);
  summary.score = ScoreName(training);
  const CurvePointers scores = ByLanguage(training, summary.score, "dev");
  if (!scores.empty()) summary.dev_score = MeanOfLast(scores);

  std::map<std::string, LanguageState> languages;
  const auto fill = [&](const CurvePointers& curves, std::optional<double> LanguageState::*field) {
    std::map<std::string, std::pair<double, int>> sums;  // over fine-tuning seeds
    for (const TrainingCurve* curve : curves) {
      auto& [sum, count] = sums[curve->series.language];
      sum += curve->points.back().value;
      ++count;
    }
    for (const auto& [language, sum] : sums) {
      languages[language].language = language;
      languages[language].*field = sum.first / sum.second;
    }
  };
  if (task_loss.empty()) {
    fill(valid, &LanguageState::valid_loss);
    fill(ByLanguage(training, "pretrain.language_loss", ""), &LanguageState::train_loss);
    fill(ByLanguage(training, "valid.unigram_loss", ""), &LanguageState::unigram_loss);
    fill(ByLanguage(training, "valid.context_free_loss", ""), &LanguageState::context_free_loss);
  } else {
    fill(valid, &LanguageState::dev_loss);
    fill(scores, &LanguageState::dev_score);
  }
  for (auto& [code, language] : languages) summary.languages.push_back(std::move(language));
  const auto badness = [](const LanguageState& language) {
    const auto& loss = language.valid_loss   ? language.valid_loss
                       : language.train_loss ? language.train_loss
                                             : language.dev_loss;
    const std::optional<double> bad =
        language.dev_score ? std::optional<double>(-*language.dev_score) : loss;
    if (!bad) return -std::numeric_limits<double>::infinity();
    return std::isnan(*bad) ? std::numeric_limits<double>::infinity() : *bad;
  };
  std::stable_sort(
      summary.languages.begin(), summary.languages.end(),
      [&](const LanguageState& a, const LanguageState& b) { return badness(a) > badness(b); });
  summary.happenings = Happenings(training);
  summary.diverged = training.task.state == "diverged";
  return summary;
}

std::string TrainingState(const TrainingTask& training) {
  if (training.attempts.empty() || training.attempts.back().state != "running") {
    return training.task.state;
  }
  return training.alive ? "running" : "cut off";
}

std::string TrainingVerdict(const TrainingTask& training, const TrainingSummary& summary) {
  const std::string state = TrainingState(training);
  std::string far;
  if (summary.total > 0) {
    far = fmt::format("{} of {} {}", FormatCount(summary.done), FormatCount(summary.total),
                      Printable(summary.unit));
  }
  const auto last_bad = std::find_if(summary.happenings.rbegin(), summary.happenings.rend(),
                                     [](const Happening& h) { return h.level != "info"; });
  const std::string why =
      last_bad != summary.happenings.rend() ? ": " + Brief(last_bad->text) : std::string();
  if (state == "running") {
    return "Running: " + (far.empty() ? std::string("just begun") : far) +
           (summary.eta_seconds ? ", " + FormatDuration(*summary.eta_seconds) + " left" : "") + ".";
  }
  if (state == "done") {
    std::string text = "Done";
    if (training.task.seconds > 0) text += " in " + FormatDuration(training.task.seconds);
    return text + (far.empty() ? "" : ": " + far) + ".";
  }
  if (state == "diverged") {
    // "diverged after update 3: ..." needs no other verb.
    constexpr std::string_view kDiverged = ": diverged";
    return "Diverged" + (why.starts_with(kDiverged) ? why.substr(kDiverged.size()) : why) +
           (IsTraining(training) ? ". What it had learnt until then is below."
                                 : ". It had logged no loss yet.");
  }
  if (state == "failed") return "Failed" + why + ".";
  const std::string at = far.empty() ? std::string() : " at " + far;
  if (state == "cut off") {
    return "Cut off" + at +
           ": its process is gone. The next `repro run` goes on from its last "
           "checkpoint.";
  }
  if (state == "interrupted") {
    return "Interrupted" + at + ". The next `repro run` goes on from its last checkpoint.";
  }
  return state == "waiting" && !far.empty() ? "Waiting to be gone on with" + at + "."
                                            : "Not begun.";
}

int DigitsForRange(double low, double high, int least) {
  const double largest = std::max(std::abs(low), std::abs(high));
  if (!(high > low) || !std::isfinite(largest)) return least;
  return std::clamp(DecimalPlace(largest) - DecimalPlace((high - low) / 10) + 1, least,
                    kMostDigits);
}

std::string ShowCurveValue(CurveUnit unit, double value, double resolution) {
  if (!std::isfinite(value)) return "–";
  switch (unit) {
    case CurveUnit::kShare: {
      const int decimals = resolution > 0 ? std::clamp(-DecimalPlace(100 * resolution), 1, 6) : 1;
      return fmt::format("{:.{}f} %", 100 * value, decimals);
    }
    case CurveUnit::kBytes:
      return FormatBytes(static_cast<std::int64_t>(value));
    case CurveUnit::kRate:
      return FormatRate(value);
    case CurveUnit::kPlain:
      break;
  }
  int digits = kPlainDigits;
  if (resolution > 0 && value != 0) {
    digits = std::clamp(DecimalPlace(value) - DecimalPlace(resolution) + 1, digits, kMostDigits);
  }
  return fmt::format("{:.{}g}", value, digits);
}

std::vector<CurveFigure> TrainingFigures(const TrainingTask& training) {
  std::vector<CurveFigure> figures;
  const auto keep = [&figures](CurveFigure figure) {
    if (!figure.lines.empty()) figures.push_back(std::move(figure));
  };
  keep(LossFigure(training));

  const std::string score = ScoreName(training);
  CurveFigure dev{.id = "dev-score",
                  .title = "Dev score: " + score,
                  .about = "By language, at each validation.",
                  .unit = CurveUnit::kShare};
  if (!score.empty()) AddLanguages(ByLanguage(training, score, "dev"), true, dev.lines);
  keep(std::move(dev));

  CurveFigure languages{
      .id = "language-loss", .title = "Training loss by language", .about = "Nats a token."};
  AddLanguages(ByLanguage(training, "pretrain.language_loss", ""), false, languages.lines);
  keep(std::move(languages));

  const auto single = [&](const char* id, const char* title, const char* about, const char* metric,
                          CurveUnit unit) {
    CurveFigure figure{.id = id, .title = title, .about = about, .unit = unit};
    AddCurve(training, metric, title, figure);
    keep(std::move(figure));
  };
  single("learning-rate", "Learning rate", "", "pretrain.learning_rate", CurveUnit::kPlain);
  single("gradient-norm", "Gradient norm", "Before clipping.", "pretrain.gradient_norm",
         CurveUnit::kPlain);
  single("tokens-per-second", "Tokens a second", "Training alone, without validation.",
         "pretrain.tokens_per_second", CurveUnit::kRate);
  CurveFigure shares{
      .id = "utilization",
      .title = "Use of the device",
      .about = "MFU: share of the device's peak. Data wait: share of the step's time.",
      .unit = CurveUnit::kShare};
  AddCurve(training, "pretrain.mfu", "MFU", shares);
  AddCurve(training, "pretrain.data_wait", "data wait", shares);
  keep(std::move(shares));
  single("peak-memory", "Peak memory", "", "pretrain.peak_memory", CurveUnit::kBytes);
  return figures;
}

}  // namespace repro
