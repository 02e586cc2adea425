#pragma once
/// What a report says, before any format: rows, intervals, verdicts. Writers only lay it out.
///
/// All values are in shown units (points of a percentage, bits, nats). Only complete runs give
/// values: a run that diverged, failed or is not finished is listed and averaged in nowhere.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/manifest/experiment.h"
#include "core/report/corpus_panel.h"
#include "core/report/language_facts.h"
#include "core/report/measures.h"
#include "core/report/report_inputs.h"
#include "core/stats/contrast.h"
#include "core/stats/read_off.h"
#include "core/stats/student_t.h"

namespace repro {

/// A pretraining that ends less than this below the plateau, in nats a token, has learnt little
/// more than how frequent each piece is; what is measured on it says nothing about languages. The
/// plateau is the smaller of the unigram loss and the loss of the best predictor without context.
/// 0.1 is four times the spread of an MLM loss between seeds (sd 0.023, published for BERT-sized
/// models), so a smaller margin could be seed noise alone.
inline constexpr double kPlateauThreshold = 0.1;

/// How far a surface-only classifier may be from chance, in points.
inline constexpr double kSurfaceLimit = 3.0;

/// Where all seeds give the same value there is no interval: a measure then moves when it is more
/// than this beyond its baseline, in shown units. A ceiling is; a classifier that names one class
/// for everything is not.
inline constexpr double kClearOfBaseline = 3.0;

/// The state of a cell of the paper.
enum class CellState { kReproduced, kNotReproduced, kInconclusive, kNotComparable, kNotRun };
std::string_view CellStateName(CellState state);

/// A mean over pretraining seeds with its interval.
struct Estimate {
  std::vector<std::pair<std::int64_t, double>>
      by_seed;  ///< pretraining seed -> value (mean over fine-tuning seeds)
  MeanInterval mean;
  std::string variation;  ///< which variation the interval holds: "pretraining seeds", or
                          ///< "fine-tuning seeds, conditional on one pretraining", or "one value,
                          ///< conditional on one pretraining"; seeds "which do not differ" give no
                          ///< interval
  bool empty() const { return by_seed.empty(); }
};

/// One series at one point.
struct SeriesPoint {
  std::string point;
  Estimate main;
  std::map<std::string, Estimate> controls;    ///< by role
  std::optional<DifferenceInterval> transfer;  ///< main minus null world, where both are
  std::optional<ReferenceCell> paper;          ///< as drawn in the figure or printed
  std::optional<ReferenceCell> paper_stated;   ///< as the running text says
  CellState cell = CellState::kNotRun;         ///< means nothing without `paper`
  std::string note;  ///< why there is no value, or not that of every seed; what to know of it
};

struct SeriesReport {
  std::string id, name;
  bool companion = false;
  std::vector<std::string> languages;  ///< as shown
  std::string direction;               ///< what the paper's series does, in words
  std::vector<SeriesPoint> points;
  /// From point to point among those with values, whatever a claim says: for information. Seeds
  /// paired, variance pooled over the series.
  std::vector<StepEstimate> steps;
  std::vector<std::int64_t> step_seeds;  ///< the seeds that enter the steps
};

/// All series of one metric: one figure, with the paper's panel when the paper has values.
struct FigureReport {
  Measure measure;
  std::optional<double> chance;
  bool has_paper = false;
  bool measured = false;  ///< some point of some series has a value
  std::vector<SeriesReport> series;
};

/// Does a measure move at this scale? Source-language value against its baseline.
struct MeasureReport {
  Measure measure;
  std::optional<double> chance;
  struct AtPoint {
    std::string point;
    Estimate source;               ///< in the source language; empty for retrieval
    Estimate targets;              ///< mean over the other languages
    std::size_t target_count = 0;  ///< how many those are; other points may have more
    std::map<std::string, Estimate> source_controls;
    std::map<std::string, Estimate> target_controls;
    std::optional<DifferenceInterval> transfer;  ///< targets minus null world; positive is better
    bool moves = false;
  };
  std::vector<AtPoint> points;
  bool moves = false;
  /// False: measured, and at no point learnt well enough in the source language
  /// (`Measure::informative_from`).
  bool informative = true;
  std::string verdict;  ///< one sentence: moves where, at chance, or not informative; with figures
};

/// Per-language values of one measure: rows are languages, columns the points.
struct PerLanguageTable {
  Measure measure;
  std::vector<std::string> points;
  struct Row {
    std::string code, name;  ///< "syn-sw", "Swahili"
    bool source = false;
    std::vector<Estimate> values;      ///< by point; may be empty
    std::vector<Estimate> null_world;  ///< by point; may be empty
  };
  std::vector<Row> rows;
};

/// What a sweep's models know of one language, as text of that language alone: the curve of its
/// monolingual models over bytes of text, and each point's value read off it.
struct MonolingualReport {
  Measure measure;
  std::string code, name;  ///< "sw", "Swahili"
  struct Amount {
    std::string point;       ///< "sw-500000"
    std::int64_t asked = 0;  ///< bytes of text that the manifest asks for; there may be less
    double bytes = 0;        ///< of text that is read once or more often; 0: not known yet
    Estimate value;          ///< may be empty
  };
  std::vector<Amount> curve;
  struct Reading {
    std::string point;   ///< of the sweep
    Estimate value;      ///< may be empty
    double bytes = 0;    ///< text of this language that was read there; 0: not known yet
    double repeats = 0;  ///< how often all of its text was read; 0: not known yet
    std::optional<ReadOff> equivalent;
    /// At the ends of the value's interval. They hold its variation, not that of the curve.
    std::optional<ReadOff> least, most;
  };
  std::vector<Reading> readings;
  bool complete = false;  ///< every amount has a value: without all of them nothing is read off
  bool pooled = false;    ///< the curve was measured to rise somewhere
};

struct ClaimReport {
  Claim claim;
  std::string series_name;
  ClaimTest test;
};

/// A surface-only control over all languages and points.
struct SurfaceReport {
  Measure measure;
  double chance = 0;
  std::size_t values = 0;
  double largest_distance = 0;  ///< from chance, in points
  double worst_value = 0;
  std::string worst_where;  ///< "syn-ur, xlm7"
  bool within = false;      ///< largest_distance <= kSurfaceLimit
};

/// One run of the plan and how far it came.
struct RunReport {
  std::string point, role;
  std::int64_t pretrain_seed = 0;
  std::string
      state;  ///< "done", "running", "partial", "waiting", "failed", "diverged", "unresolved"
  std::string reason;  ///< what is missing
  std::size_t tasks = 0, tasks_done = 0;
  double seconds = 0;                         ///< task time that its finished tasks took
  std::string diverged_task;                  ///< key; empty unless a task diverged
  std::optional<double> unigram_margin;       ///< nats below the unigram loss
  std::optional<double> context_free_margin;  ///< below the best predictor without context
  std::optional<double> plateau_margin;       ///< the smaller of the two
  bool on_plateau = false;
  /// Labels of tasks that another build made here, from pretraining on: the text and the
  /// vocabulary before it are the same by any build.
  std::vector<std::string> stale;
  std::map<std::string, std::size_t> imported;  ///< build -> tasks whose results it made elsewhere
};

/// Vocabulary facts of one point.
struct VocabularyReport {
  std::string point;
  struct Row {
    std::string code;
    std::optional<double> tokens_per_word, coverage, unknown_rate, repeats;
  };
  std::vector<Row> rows;
};

struct Provenance {
  std::string scale, world, manifest, manifest_hash;
  std::vector<std::int64_t> pretrain_seeds, finetune_seeds, control_seeds;
  std::string selection;
  std::string commit, machine, build;
  std::string command;
  std::vector<std::string> overrides;
  double task_seconds = 0;      ///< sum over finished tasks, each counted once
  double wall_seconds = 0;      ///< of the `repro run`s of this manifest as it stands
  std::size_t invocations = 0;  ///< how many those are
  std::size_t tasks = 0, tasks_done = 0;
  std::int64_t made_ms = 0;
  std::vector<std::string>
      stale_builds;  ///< other builds that made artifacts, with the number of tasks
  std::vector<std::string>
      imported;  ///< where imported results come from: tasks, build, machine, when they were made
  std::vector<std::string> unresolved;  ///< sources that are not at hand
  std::set<std::string>
      not_kept_out;  ///< test sets that are not at hand: their lines may be trained on
  std::set<std::string> stand_ins;  ///< what tasks use in the place of the paper's own tools
};

/// What to run for what is missing.
struct NextStep {
  std::string what;
  std::string command;
};

struct Report {
  std::string id, item, title, question;
  std::vector<std::string> points;  ///< of the paper's item, in order, dropped ones included
  std::map<std::string, std::size_t>
      point_languages;                ///< number of languages, where the point is planned
  std::vector<std::string> headline;  ///< one to three sentences: the verdict line first
  std::vector<FigureReport> figures;  ///< the leading measure first
  std::string lead_reason;            ///< why this figure leads
  std::vector<ClaimReport> claims;
  std::vector<MeasureReport> measures;  ///< tasks and intrinsic measures
  std::vector<SurfaceReport> surface;
  std::vector<PerLanguageTable> languages;
  std::vector<MonolingualReport> monolingual;  ///< by language
  LanguageFacts language_facts;
  CorpusPanel corpus;
  std::vector<RunReport> runs;
  std::vector<VocabularyReport> vocabulary;
  std::vector<Assumption> assumptions;
  std::vector<std::string> reference_notes;
  std::string reference_unit;
  std::vector<NextStep> next_steps;
  Provenance provenance;
  bool complete = false;  ///< every planned run is done
};

/// Pure: the same inputs give the same report. Never fails: what is missing is said in the report.
Report BuildReport(const ReportInputs& inputs);

}  // namespace repro
