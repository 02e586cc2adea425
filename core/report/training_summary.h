#pragma once
/// What a person wants to know of a training task at a glance, and the figures that show it: pure
/// functions of what was read, alike for terminal, page and files.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/report/training.h"

namespace repro {

/// Values of one language at their last step. Losses in nats a token.
struct LanguageState {
  std::string language;
  std::optional<double> valid_loss, train_loss;
  std::optional<double> unigram_loss,
      context_free_loss;                      ///< what needs no context; at the end only
  std::optional<double> dev_score, dev_loss;  ///< of fine-tuning; means over its seeds
};

/// Something that happened to the task, in one line for people.
struct Happening {
  std::int64_t time_ms = 0;
  std::string level;  ///< "info", "warning", "error"
  std::string text;
};

struct TrainingSummary {
  std::int64_t done = 0, total = 0;  ///< total 0: not known
  std::string unit;                  ///< "updates"
  std::optional<double> loss, learning_rate, gradient_norm;
  std::optional<double> valid_loss;         ///< mean over languages
  std::optional<double> tokens_per_second;  ///< median of the recent rows, as the next three
  std::optional<double> mfu, data_wait;     ///< shares
  std::optional<double> peak_memory;        ///< bytes, the highest
  std::optional<double> plateau_margin;
  std::optional<double> eta_seconds;
  std::string score;                     ///< "xnli.accuracy"; empty where there are no dev scores
  std::optional<double> dev_score;       ///< mean over languages
  std::vector<LanguageState> languages;  ///< the worst first: highest loss, or lowest dev score
  std::vector<Happening> happenings;     ///< in the order of time
  bool diverged = false;
};

TrainingSummary SummarizeTraining(const TrainingTask& training, std::int64_t now_ms);

/// "running", "cut off", or the task's state.
std::string TrainingState(const TrainingTask& training);

/// One sentence: "Running: update 412 of 1,500, 3 min 05 s left." "Diverged after ...".
std::string TrainingVerdict(const TrainingTask& training, const TrainingSummary& summary);

/// How the values of a figure are written.
enum class CurveUnit { kPlain, kShare, kBytes, kRate };

/// "5.123", "61.2 %", "1.30 GiB", "18.2K/s"; "–" for what is no number. Plain values and shares get
/// more digits where two that are `resolution` apart must not read alike (labels of an axis).
std::string ShowCurveValue(CurveUnit unit, double value, double resolution = 0);

/// Significant digits, `least` or more, with which round values a tenth of the range from `low` to
/// `high` apart are written apart.
int DigitsForRange(double low, double high, int least);

struct CurveLine {
  std::string name;
  bool faint = false;     ///< one of many, for comparison
  std::size_t style = 0;  ///< colour and marker, 0-based
  std::vector<MetricPoint> points;
};

/// A line across a figure at a step: where training went on after an interruption, ran out of
/// memory, diverged.
struct CurveMark {
  std::int64_t step = 0;
  std::string text;
};

struct CurveFigure {
  std::string id;  ///< "loss"
  std::string title;
  std::string about{};
  CurveUnit unit = CurveUnit::kPlain;
  std::vector<CurveLine> lines{};  ///< strong ones first
  std::vector<CurveMark> marks{};
};

/// The figures that have something to show, the most wanted first: loss, dev score, loss by
/// language, learning rate, gradient norm, tokens a second, MFU and data wait, memory.
std::vector<CurveFigure> TrainingFigures(const TrainingTask& training);

}  // namespace repro
