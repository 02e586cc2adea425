#include "core/cli/show_command.h"

#include <algorithm>
#include <map>
#include <ostream>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/experiment_plan.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/cli/training_view.h"
#include "core/io/json_diff.h"
#include "core/report/training_writers.h"
#include "core/store/artifact_store.h"
#include "core/store/provenance.h"

namespace repro {

namespace {

constexpr std::size_t kLeastValue = 12;  // columns

/// "name   value" lines, the names padded to one width.
class Facts {
 public:
  void Add(std::string name, const std::string& value, Style style = Style::kPlain) {
    if (!value.empty()) facts_.push_back({std::move(name), Printable(value), style});
  }
  void Print(std::ostream& out, bool color) const {
    std::size_t width = 0;
    for (const Fact& fact : facts_) width = std::max(width, fact.name.size());
    // On a narrow terminal values do not stand below each other.
    const std::size_t columns = TableWidth();
    if (columns > 0 && width + 2 + kLeastValue > columns) width = 0;
    for (const Fact& fact : facts_) {
      out << Styled(fmt::format("{:<{}}", fact.name, width), Style::kDim, color) << "  "
          << Styled(fact.value, fact.style, color) << '\n';
    }
  }

 private:
  struct Fact {
    std::string name, value;
    Style style;
  };
  std::vector<Fact> facts_;
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string TimeOrNothing(std::int64_t ms) {
  return ms == 0 ? std::string() : FormatTime(ms);
}

void PrintSettings(std::ostream& out, const char* title, const Json& settings, bool color) {
  const std::vector<JsonLeaf> leaves = JsonLeaves(settings);
  if (leaves.empty() || (leaves.size() == 1 && leaves[0].path.empty())) return;
  out << '\n' << Styled(title, Style::kBold, color) << '\n';
  Facts facts;
  for (const JsonLeaf& leaf : leaves) {
    facts.Add("  " + Printable(leaf.path), leaf.value->is_string() ? leaf.value->get<std::string>()
                                                                   : CanonicalJson(*leaf.value));
  }
  facts.Print(out, color);
}

void PrintMetrics(std::ostream& out, const std::vector<MetricSummary>& all, bool by_language,
                  bool color) {
  if (all.empty()) return;
  out << '\n' << Styled("metrics at their last step", Style::kBold, color) << '\n';
  TextTable table({{"  metric"},
                   {"split"},
                   {"language"},
                   {"mean", true},
                   {"min", true},
                   {"max", true},
                   {"values", true}});
  for (const MetricSummary& metric : by_language ? all : OverLanguages(all)) {
    table.AddRow(
        {"  " + metric.name, metric.split,
         metric.languages > 1 ? fmt::format("{} languages", metric.languages) : metric.language,
         FormatMetric(metric.name, metric.mean), FormatMetric(metric.name, metric.min),
         FormatMetric(metric.name, metric.max), std::to_string(metric.values)});
  }
  table.Print(out, color, TableWidth());
}

/// Those of `tasks` that train, with their curves, and those that ended badly before their first
/// loss.
Result<std::vector<TrainingTask>> ReadTraining(const RunLog& log, const GlobalOptions& options,
                                               const std::vector<std::string>& keys) {
  std::vector<TrainingTask> training;
  for (const std::string& key : keys) {
    TrainingReader reader(options.workspace, key, CurveDetail::kWatch);
    REPRO_ASSIGN_OR_RETURN(const TrainingTask* task, reader.Read(log));
    if (task != nullptr && IsDrawnTask(*task)) training.push_back(*task);
  }
  return training;
}

void PrintTraining(std::ostream& out, const TrainingTask& task, const GlobalOptions& options) {
  const TrainingViewOptions view{
      .width = ReadingWidth(), .color = options.color, .unicode = LocaleIsUtf8()};
  out << '\n';
  for (const std::string& line : DrawTraining(task, WallTimeMs(), view)) out << line << '\n';
}

/// One line each, for what a run trains beside what is drawn.
void PrintTrainings(std::ostream& out, const std::vector<TrainingTask>& tasks, bool color) {
  if (tasks.empty()) return;
  out << '\n' << Styled("more training; curves: repro show KEY", Style::kBold, color) << '\n';
  TextTable table({{"  key"}, {"task"}, {"state"}, {"so far"}});
  for (const TrainingTask& task : tasks) {
    const std::string state = TrainingState(task);
    table.AddRow({"  " + ShortKey(task.task.key),
                  task.task.label,
                  {state, StateStyle(state)},
                  TrainingLine(SummarizeTraining(task, WallTimeMs()))});
  }
  table.Print(out, color, TableWidth());
}

Json TrainingList(const std::vector<TrainingTask>& tasks) {
  Json list = Json::array();
  for (const TrainingTask& task : tasks) list.push_back(TrainingJson(task, WallTimeMs()));
  return list;
}

class ShowCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("target", target_,
                   "A run number, or the first digits of a task's key; with --model a manifest, or "
                   "a model of the paper by name")
        ->required();
    app.add_flag("--by-language", by_language_, "Every language of every metric");
    CLI::Option* model =
        app.add_flag("--model", model_, "The parameter table of a manifest's models");
    arguments_.scale.clear();
    app.add_option("--scale", arguments_.scale,
                   "With --model: smoke, desk (the default), lab, released or paper")
        ->needs(model);
    app.add_option("--point", point_, "With --model: only this point of the sweep")->needs(model);
    app.add_option("--set", arguments_.sets, "With --model: changes one value; may be given often")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false)
        ->needs(model);
    app.footer(
        "Example:\n  repro show 12\n  repro show 3fa9c1\n  repro show --model fig2 --scale paper\n"
        "  repro show --model base");
  }

  Result<int> Run(const CommandContext& context) override {
    if (model_) {
      REPRO_RETURN_IF_ERROR(ShowModels(context));
      return 0;
    }
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
    REPRO_ASSIGN_OR_RETURN(const Target target, FindTarget(log, target_));
    const Status shown =
        target.run ? ShowRun(log, *target.run, context) : ShowTask(log, *target.task, context);
    REPRO_RETURN_IF_ERROR(shown);
    return 0;
  }

 private:
  /// A model of some points that are alike in it; no points: one known by name.
  struct PointsModel {
    std::vector<std::string> points;
    ModelTable table;
  };

  Status ShowModels(const CommandContext& context) {
    std::string of;
    Json json = {{"experiment", nullptr}, {"scale", nullptr}, {"models", Json::array()}};
    std::vector<PointsModel> models;
    Result<ModelTable> published = context.suite.describe_published_model(target_);
    if (published) {
      if (!arguments_.scale.empty() || !arguments_.sets.empty() || !point_.empty()) {
        return Fail(
            ErrorCode::kInvalidArgument,
            "'{}' is a model of the paper: expected no --scale, --point or --set, which are "
            "for manifests",
            target_);
      }
      models.push_back({{}, std::move(*published)});
    } else {
      arguments_.manifest = target_;
      if (arguments_.scale.empty()) arguments_.scale = ExperimentArguments().scale;
      const Result<LoadedExperiment> loaded =
          LoadGraph(arguments_, context.suite, context.options.workspace);
      if (!loaded) {
        Error error = loaded.error();
        if (error.code == ErrorCode::kNotFound)
          error.message += "; and " + published.error().message;
        return tl::unexpected(std::move(error));
      }
      const Experiment& experiment = loaded->experiment;
      of = fmt::format("{} at scale {}", experiment.id, experiment.scale);
      json["experiment"] = experiment.id;
      json["scale"] = experiment.scale;
      REPRO_ASSIGN_OR_RETURN(models, ModelsOf(experiment, context.suite));
    }
    for (std::size_t i = 0; i < models.size(); ++i) {
      PointsModel& model = models[i];
      if (context.options.json) {
        model.table.json["points"] = model.points;
        json["models"].push_back(std::move(model.table.json));
        continue;
      }
      if (i > 0) context.out << '\n';
      if (!of.empty()) {
        context.out << Styled(Printable(of + ": " + Joined(model.points)), Style::kBold,
                              context.options.color)
                    << '\n';
      }
      PrintModelTable(context.out, model.table, context.options.color);
    }
    if (context.options.json) PrintJson(context.out, json);
    return {};
  }

  /// The models of the points, each once, in the order of the sweep.
  Result<std::vector<PointsModel>> ModelsOf(const Experiment& experiment,
                                            const Suite& suite) const {
    std::vector<PointsModel> models;
    std::vector<std::string> known;
    for (const Point& point : experiment.points) {
      known.push_back(point.id);
      if (!point_.empty() && point.id != point_) continue;
      REPRO_ASSIGN_OR_RETURN(ModelTable table, suite.describe_model(point));
      const auto same = std::find_if(models.begin(), models.end(), [&](const PointsModel& model) {
        return model.table.json == table.json;
      });
      if (same != models.end()) {
        same->points.push_back(point.id);
      } else {
        models.push_back({{point.id}, std::move(table)});
      }
    }
    if (models.empty()) {
      return Fail(ErrorCode::kNotFound, "{} has no point '{}' at scale {}; there are {}",
                  experiment.id, point_, experiment.scale, Joined(known));
    }
    return models;
  }

  Status ShowRun(const RunLog& log, const RunRow& run, const CommandContext& context) const {
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(run.id));
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> tasks, log.Tasks(keys));
    REPRO_ASSIGN_OR_RETURN(const auto metrics, SummarizeMetrics(log, keys));
    REPRO_ASSIGN_OR_RETURN(const std::vector<TrainingTask> training,
                           ReadTraining(log, context.options, keys));
    std::optional<InvocationRow> invocation;
    if (run.invocation != 0) {
      REPRO_ASSIGN_OR_RETURN(invocation, log.FindInvocation(run.invocation));
    }
    if (context.options.json) {
      Json json = ToJson(run);
      json["config"] = run.config;
      json["invocation"] = invocation ? ToJson(*invocation) : Json();
      json["tasks"] = Json::array();
      for (const TaskRow& task : tasks) json["tasks"].push_back(ToJson(task));
      json["metrics"] = Json::array();
      for (const MetricSummary& metric : metrics) json["metrics"].push_back(ToJson(metric));
      json["training"] = TrainingList(training);
      PrintJson(context.out, json);
      return {};
    }
    std::ostream& out = context.out;
    const bool color = context.options.color;
    Facts facts;
    facts.Add("run",
              fmt::format("{}: {} {}, {} scale", run.id, run.experiment_id, run.point, run.scale));
    facts.Add("state", run.state, StateStyle(run.state));
    facts.Add("role", run.role);
    std::string seeds;
    for (const std::int64_t seed : run.finetune_seeds) {
      seeds += fmt::format("{}{}", seeds.empty() ? "" : ", ", seed);
    }
    facts.Add("seeds", fmt::format("pretraining {}, fine-tuning {}", run.pretrain_seed,
                                   seeds.empty() ? "none" : seeds));
    facts.Add("tags", Joined(run.tags));
    facts.Add("created", TimeOrNothing(run.created_ms));
    facts.Add("finished", TimeOrNothing(run.finished_ms));
    if (invocation) {
      facts.Add("last command", invocation->command_line);
      facts.Add("made by", DescribeProvenance(invocation->provenance));
    }
    facts.Print(out, color);
    PrintSettings(out, "settings", run.config, color);
    out << '\n' << Styled("tasks", Style::kBold, color) << '\n';
    TextTable table(
        {{"  key"}, {"task"}, {"state"}, {"attempts", true}, {"time", true}, {"size", true}});
    for (const TaskRow& task : tasks) {
      table.AddRow({"  " + ShortKey(task.key),
                    task.label,
                    {task.state, StateStyle(task.state)},
                    std::to_string(task.attempts),
                    task.state == "done" ? FormatDuration(task.seconds) : "-",
                    task.artifact_bytes > 0 ? FormatBytes(task.artifact_bytes) : "-"});
    }
    table.Print(out, color, TableWidth());
    // The pretraining, or what else comes first, whole, and what ended badly with its reason; the
    // others in a line each.
    std::vector<TrainingTask> others;
    for (const TrainingTask& task : training) {
      if (&task == &training.front() || EndedBadly(task)) {
        PrintTraining(out, task, context.options);
      } else {
        others.push_back(task);
      }
    }
    PrintTrainings(out, others, color);
    PrintMetrics(out, metrics, by_language_, color);
    for (const TaskRow& task : tasks) {
      if (task.state != "failed" && task.state != "diverged") continue;
      out << "\nwhat went wrong: repro logs " << ShortKey(task.key)
          << Printable(context.options.workspace_flag) << '\n';
      break;
    }
    return {};
  }

  Status ShowTask(const RunLog& log, const TaskRow& task, const CommandContext& context) const {
    const GlobalOptions& options = context.options;
    REPRO_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts, log.Attempts(task.key));
    REPRO_ASSIGN_OR_RETURN(const auto runs, log.RunsOfTask(task.key));
    REPRO_ASSIGN_OR_RETURN(const auto metrics, SummarizeMetrics(log, {task.key}));
    REPRO_ASSIGN_OR_RETURN(const std::vector<Json> events, log.Events(task.key));
    REPRO_ASSIGN_OR_RETURN(const std::vector<TrainingTask> training,
                           ReadTraining(log, options, {task.key}));
    const ArtifactStore store(options.workspace);
    const auto artifact = store.Find(task.kind, task.key);
    const bool whole = artifact && artifact->has_value();
    const auto results = store.FindResults(task.kind, task.key);
    const bool results_only = artifact && !whole && results && results->has_value();
    const std::string folder = store.Folder(task.kind, task.key).string();
    std::vector<std::string> input_keys;
    for (const auto& [role, key] : task.inputs.items()) {
      if (key.is_string()) input_keys.push_back(key.get<std::string>());
    }
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> inputs, log.Tasks(input_keys));

    if (options.json) {
      Json json = ToJson(task);
      json["spec"] = task.spec;
      json["inputs"] = task.inputs;
      json["runs"] = runs;
      json["attempt_list"] = Json::array();
      for (const AttemptRow& attempt : attempts) {
        Json entry = ToJson(attempt);
        entry["alive"] = IsAlive(options, attempt);
        json["attempt_list"].push_back(std::move(entry));
      }
      json["metrics"] = Json::array();
      for (const MetricSummary& metric : metrics) json["metrics"].push_back(ToJson(metric));
      json["events"] = events;
      json["training"] = training.empty() ? Json() : TrainingJson(training.front(), WallTimeMs());
      json["artifact"] = nullptr;
      if (whole) {
        json["artifact"] = {{"folder", folder}, {"record", (*artifact)->ToJson()}};
      }
      json["results"] = results_only ? (*results)->ToJson() : Json();
      json["artifact_problem"] = artifact ? std::string() : artifact.error().message;
      PrintJson(context.out, json);
      return {};
    }

    std::ostream& out = context.out;
    const bool color = options.color;
    Facts facts;
    facts.Add("task", task.label);
    facts.Add("key", task.key);
    facts.Add("kind", fmt::format("{}, version {}", task.kind, task.version));
    facts.Add("state", task.state, StateStyle(task.state));
    facts.Add("cannot run", task.unresolved, Style::kYellow);
    if (task.work > 0) {
      facts.Add("work", FormatCount(static_cast<std::int64_t>(task.work)) + " " + task.work_unit);
    }
    if (task.state == "done") {
      std::string took = FormatDuration(task.seconds);
      if (task.peak_rss > 0) took += ", peak memory " + FormatBytes(task.peak_rss);
      facts.Add("took", took);
      facts.Add("finished", TimeOrNothing(task.finished_ms));
    }
    if (whole) {
      facts.Add("artifact",
                fmt::format("{} ({} in {}, made by build {})", folder,
                            FormatBytes((*artifact)->TotalBytes()),
                            Plural((*artifact)->files.size(), "file"), (*artifact)->build));
    } else if (results_only) {
      facts.Add("artifact",
                fmt::format("none: its results were imported, without its files ({} in {}, made by "
                            "build {})",
                            FormatBytes((*results)->TotalBytes()),
                            Plural((*results)->files.size(), "file"), (*results)->build));
    } else {
      facts.Add("artifact", artifact ? "none" : artifact.error().message,
                artifact ? Style::kPlain : Style::kRed);
    }
    for (const auto& [role, key] : task.inputs.items()) {
      std::string line = key.is_string() ? ShortKey(key.get<std::string>()) : std::string("?");
      for (const TaskRow& input : inputs) {
        if (key == input.key) line += "  " + input.label + " (" + input.state + ")";
      }
      facts.Add("input " + Printable(role), line);
    }
    std::string used;
    for (const std::int64_t run : runs) used += fmt::format("{}{}", used.empty() ? "" : " ", run);
    facts.Add("serves runs", used);
    facts.Print(out, color);
    PrintSettings(out, "spec", task.spec, color);
    PrintAttempts(out, attempts, options);
    for (const TrainingTask& entry : training) PrintTraining(out, entry, options);
    PrintMetrics(out, metrics, by_language_, color);
    const std::string key = ShortKey(task.key) + Printable(options.workspace_flag);
    std::int64_t damaged = 0;
    for (const AttemptRow& attempt : attempts) damaged += attempt.damaged_lines;
    if (damaged > 0) {
      out << "\n"
          << damaged << " damaged lines in events.jsonl were left out; see repro logs " << key
          << '\n';
    }
    if (!attempts.empty()) out << "\nits output: repro logs " << key << '\n';
    if (task.state == "failed" || task.state == "diverged") {
      out << "try again:  repro retry " << key << '\n';
    }
    return {};
  }

  static void PrintAttempts(std::ostream& out, const std::vector<AttemptRow>& attempts,
                            const GlobalOptions& options) {
    if (attempts.empty()) return;
    out << '\n' << Styled("attempts", Style::kBold, options.color) << '\n';
    TextTable table({{"  no", true},
                     {"state"},
                     {"exit", true},
                     {"started"},
                     {"took", true},
                     {"reason or progress"}});
    for (const AttemptRow& attempt : attempts) {
      const std::int64_t end = attempt.ended_ms != 0 ? attempt.ended_ms : WallTimeMs();
      const bool running = attempt.state == "running";
      const bool alive = IsAlive(options, attempt);
      table.AddRow(
          {std::to_string(attempt.number),
           {running && !alive ? "cut off" : attempt.state, StateStyle(attempt.state)},
           attempt.exit_code < 0 ? "-" : std::to_string(attempt.exit_code),
           TimeOrNothing(attempt.started_ms),
           FormatDuration(static_cast<double>(std::max<std::int64_t>(0, end - attempt.started_ms)) /
                          1000),
           running ? FormatProgress(attempt.progress) : attempt.reason});
    }
    table.Print(out, options.color, TableWidth());
  }

  std::string target_;
  bool by_language_ = false;
  bool model_ = false;
  std::string point_;
  ExperimentArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> MakeShowCommand() {
  return std::make_unique<ShowCommand>();
}

}  // namespace repro
