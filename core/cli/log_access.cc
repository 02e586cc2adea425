#include "core/cli/log_access.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <ostream>
#include <system_error>
#include <tuple>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/text_table.h"
#include "core/io/file_lock.h"
#include "core/report/training.h"
#include "core/store/apply_request.h"
#include "core/store/schema.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

std::optional<std::int64_t> RunNumber(std::string_view text) {
  if (text.starts_with('#')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

// A key is given by at least so many digits where all of them are decimal: a person who types fewer
// means a run.
constexpr std::size_t kLeastDecimalDigits = 6;

bool IsDecimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

tl::unexpected<Error> NoRun(const RunLog& log, std::string_view number) {
  return Fail(ErrorCode::kNotFound,
              "no run {} in {}; `repro status --runs` lists them (a task goes by the first digits "
              "of its key, at least {} where none is a letter)",
              number, log.path(), kLeastDecimalDigits);
}

tl::unexpected<Error> NotFound(std::string_view name) {
  return Fail(
      ErrorCode::kNotFound,
      "'{}' is neither a run number nor the start of a task's key; `repro status --runs` lists "
      "runs, `repro show RUN` its tasks",
      Printable(name));
}

}  // namespace

fs::path LogPath(const GlobalOptions& options) {
  return options.workspace / "repro.sqlite";
}

Result<RunLog> OpenLogForReading(const GlobalOptions& options) {
  const fs::path path = LogPath(options);
  REPRO_ASSIGN_OR_RETURN(const int version, RunLog::FileVersion(path));
  if (version > 0 && version < kSchemaVersion) {
    REPRO_ASSIGN_OR_RETURN(const Lease lease,
                           Lease::Acquire(options.workspace, CommandText(options)));
    REPRO_RETURN_IF_ERROR(RunLog::Open(path, RunLog::Mode::kWrite));
  }
  return RunLog::Open(path, RunLog::Mode::kRead);
}

Result<RunLog> OpenLogForWriting(const GlobalOptions& options) {
  REPRO_ASSIGN_OR_RETURN(RunLog log, RunLog::Open(LogPath(options), RunLog::Mode::kWrite));
  REPRO_RETURN_IF_ERROR(log.CloseKilledInvocations());
  return log;
}

Result<Target> FindTarget(const RunLog& log, std::string_view name) {
  Target target;
  if (const auto number = RunNumber(name)) {
    REPRO_ASSIGN_OR_RETURN(target.run, log.FindRun(*number));
    if (target.run) return target;
  }
  const std::string_view number = name.starts_with('#') ? name.substr(1) : name;
  if (IsDecimal(number) && (number != name || number.size() < kLeastDecimalDigits)) {
    return NoRun(log, number);
  }
  REPRO_ASSIGN_OR_RETURN(target.task, log.FindTask(name));
  if (!target.task) return NotFound(name);
  return target;
}

Result<RunRow> FindRunTarget(const RunLog& log, std::string_view name) {
  REPRO_ASSIGN_OR_RETURN(Target target, FindTarget(log, name));
  if (target.run) return std::move(*target.run);
  REPRO_ASSIGN_OR_RETURN(const std::vector<std::int64_t> runs, log.RunsOfTask(target.task->key));
  std::string list;
  for (std::size_t i = 0; i < runs.size() && i < 5; ++i) list += fmt::format(" {}", runs[i]);
  return Fail(ErrorCode::kInvalidArgument, "{} is a task; a run is wanted here{}{}", ShortKey(name),
              list.empty() ? "" : ", for example one that it serves:", list);
}

Result<TaskRow> FindTaskTarget(const RunLog& log, std::string_view name) {
  REPRO_ASSIGN_OR_RETURN(Target target, FindTarget(log, name));
  if (target.task) return std::move(*target.task);
  REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(target.run->id));
  REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> tasks, log.Tasks(keys));
  std::string list;
  for (const TaskRow& task : tasks) {
    list += fmt::format("\n  {}  {}  {}", ShortKey(task.key), task.state, Printable(task.label));
  }
  return Fail(ErrorCode::kInvalidArgument, "run {} has {}; name one of them:{}", target.run->id,
              Plural(tasks.size(), "task"), list);
}

std::string ShortKey(std::string_view key) {
  return std::string(key.substr(0, 12));
}

std::string CommandText(const GlobalOptions& options) {
  std::string text;
  for (const std::string& word : options.command_line) {
    text += text.empty() ? fs::path(word).filename().string() : " " + ShellWord(word);
  }
  return text.empty() ? "repro" : text;
}

Result<RequestOutcome> ApplyOrAsk(const GlobalOptions& options, const Request& request) {
  const auto apply = [&]() -> Result<RequestOutcome> {
    REPRO_ASSIGN_OR_RETURN(RunLog log, OpenLogForWriting(options));
    RequestOutcome outcome;
    REPRO_ASSIGN_OR_RETURN(outcome.done, ApplyToLog(log, request));
    return outcome;
  };
  const auto lease = Lease::Acquire(options.workspace, CommandText(options));
  if (lease) return apply();
  if (lease.error().code != ErrorCode::kBusy) return tl::unexpected<Error>(lease.error());
  const LeaseState state = InspectLease(options.workspace);
  REPRO_ASSIGN_OR_RETURN(const fs::path left, DropRequest(options.workspace, request));
  // A holder that was about to end has not seen it: then nobody would for a long time.
  if (const auto late = Lease::Acquire(options.workspace, CommandText(options))) {
    std::error_code error;
    if (fs::remove(left, error)) return apply();
  }
  return RequestOutcome{
      true, fmt::format("asked {}",
                        state.holder ? Printable(state.holder->Describe()) : "the running repro")};
}

Result<std::vector<MetricSummary>> SummarizeMetrics(const RunLog& log,
                                                    const std::vector<std::string>& task_keys) {
  // By look-ups, a few a series: a long training has half a million rows.
  std::vector<MetricRow> rows;
  for (const std::string& key : task_keys) {
    REPRO_ASSIGN_OR_RETURN(const std::vector<MetricSeries> all, log.SeriesOfTask(key));
    REPRO_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts, log.Attempts(key));
    PointQuery newest;
    if (attempts.size() > 1) {
      REPRO_ASSIGN_OR_RETURN(const std::vector<Json> events, log.Events(key));
      newest = CurrentPoints(attempts, events, attempts.back().progress);
    }
    newest.newest = 1;
    for (const MetricSeries& series : all) {
      REPRO_ASSIGN_OR_RETURN(const std::vector<MetricPoint> points,
                             log.MetricPoints(key, series, newest));
      for (const MetricPoint& point : points) {
        rows.push_back({key, series.name, series.language, series.split, point.step, series.seed,
                        point.value});
      }
    }
  }
  std::map<std::tuple<std::string, std::string, std::string>, MetricSummary> summaries;
  for (const MetricRow& row : rows) {
    MetricSummary& summary = summaries[{row.name, row.split, row.language}];
    if (summary.values == 0) {
      summary = {row.name, row.split, row.language, 0, row.value, row.value, 0, 0};
    }
    summary.mean += row.value;
    summary.min = std::min(summary.min, row.value);
    summary.max = std::max(summary.max, row.value);
    ++summary.values;
  }
  std::vector<MetricSummary> result;
  for (auto& [key, summary] : summaries) {
    summary.mean /= static_cast<double>(summary.values);
    summary.languages = summary.language.empty() ? 0 : 1;
    result.push_back(std::move(summary));
  }
  return result;
}

std::vector<MetricSummary> OverLanguages(const std::vector<MetricSummary>& summaries) {
  std::map<std::pair<std::string, std::string>, std::vector<const MetricSummary*>> groups;
  for (const MetricSummary& summary : summaries) {
    groups[{summary.name, summary.split}].push_back(&summary);
  }
  std::vector<MetricSummary> result;
  for (const auto& [key, group] : groups) {
    MetricSummary all{key.first, key.second, "", 0, group.front()->mean, group.front()->mean, 0, 0};
    // A value over all languages that the task logged itself goes before a mean that is made here.
    const auto whole = std::find_if(group.begin(), group.end(),
                                    [](const MetricSummary* s) { return s->language.empty(); });
    if (whole != group.end()) {
      result.push_back(**whole);
      continue;
    }
    for (const MetricSummary* summary : group) {
      all.mean += summary->mean;
      all.min = std::min(all.min, summary->mean);
      all.max = std::max(all.max, summary->mean);
      all.values += summary->values;
    }
    all.mean /= static_cast<double>(group.size());
    all.languages = group.size();
    result.push_back(std::move(all));
  }
  return result;
}

std::string FormatValue(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{:.5g}", value);
}

std::string FormatMetric(std::string_view name, double value) {
  if (!name.ends_with("_memory") || !std::isfinite(value)) return FormatValue(value);
  return FormatBytes(static_cast<std::int64_t>(value));
}

std::string FormatMetricChange(std::string_view name, double change) {
  const std::string text = FormatMetric(name, change);
  return text.starts_with('-') || std::isnan(change) ? text : "+" + text;
}

Json JsonNumber(double value) {
  if (std::isfinite(value)) return value;
  return FormatValue(value);
}

Json ToJson(const RunRow& run) {
  return {{"run", run.id},
          {"experiment", run.experiment_id},
          {"scale", run.scale},
          {"point", run.point},
          {"role", run.role},
          {"key", run.key},
          {"pretrain_seed", run.pretrain_seed},
          {"finetune_seeds", run.finetune_seeds},
          {"state", run.state},
          {"tags", run.tags},
          {"sweep", run.sweep},
          {"invocation", run.invocation},
          {"created_ms", run.created_ms},
          {"finished_ms", run.finished_ms}};
}

Json ToJson(const TaskRow& task) {
  return {{"key", task.key},
          {"kind", task.kind},
          {"version", task.version},
          {"label", task.label},
          {"state", task.state},
          {"unresolved", task.unresolved},
          {"work", task.work},
          {"work_unit", task.work_unit},
          {"attempts", task.attempts},
          {"seconds", task.seconds},
          {"peak_rss_bytes", task.peak_rss},
          {"artifact_bytes", task.artifact_bytes},
          {"build", task.build},
          {"finished_ms", task.finished_ms}};
}

Json ToJson(const AttemptRow& attempt) {
  return {{"task", attempt.task_key},         {"attempt", attempt.number},
          {"state", attempt.state},           {"reason", attempt.reason},
          {"folder", attempt.folder},         {"exit_code", attempt.exit_code},
          {"started_ms", attempt.started_ms}, {"ended_ms", attempt.ended_ms},
          {"progress", attempt.progress},     {"damaged_lines", attempt.damaged_lines}};
}

Json ToJson(const InvocationRow& invocation) {
  return {{"invocation", invocation.id},
          {"experiment", invocation.experiment_id},
          {"scale", invocation.scale},
          {"manifest_hash", invocation.manifest_hash},
          {"command_line", invocation.command_line},
          {"state", invocation.state},
          {"started_ms", invocation.started_ms},
          {"ended_ms", invocation.ended_ms},
          {"provenance", invocation.provenance}};
}

Json ToJson(const MetricSummary& metric) {
  return {{"name", metric.name},           {"split", metric.split},
          {"language", metric.language},   {"mean", JsonNumber(metric.mean)},
          {"min", JsonNumber(metric.min)}, {"max", JsonNumber(metric.max)},
          {"values", metric.values}};
}

Json ToJson(const LeaseState& lease) {
  Json json = {{"held", lease.held}, {"holder", nullptr}};
  if (lease.holder) {
    json["holder"] = {{"pid", lease.holder->pid},
                      {"host", lease.holder->host},
                      {"user", lease.holder->user},
                      {"command", lease.holder->command},
                      {"since_ms", lease.holder->since_ms}};
  }
  return json;
}

void PrintJson(std::ostream& out, const Json& value) {
  out << value.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string FormatProgress(const Json& progress) {
  if (!progress.is_object()) return {};
  // Ingestion has checked that these are numbers.
  const double done = progress.value("done", 0.0);
  const double total = progress.value("total", 0.0);
  std::string text;
  if (total > 0) {
    text = fmt::format("{:.0f} %, {}/{}", 100 * done / total,
                       FormatCount(static_cast<std::int64_t>(done)),
                       FormatCount(static_cast<std::int64_t>(total)));
  } else {
    text = FormatCount(static_cast<std::int64_t>(done));
  }
  const auto unit = progress.find("unit");
  if (unit != progress.end() && unit->is_string()) text += " " + unit->get<std::string>();
  const auto info = progress.find("info");
  if (info != progress.end() && info->is_object()) {
    const auto number = [&info](const char* name) -> std::optional<double> {
      const auto found = info->find(name);
      if (found == info->end() || !found->is_number()) return std::nullopt;
      return found->get<double>();
    };
    if (const auto loss = number("loss")) text += fmt::format(", loss {:.4g}", *loss);
    if (const auto rate = number("tokens_per_second")) {
      std::string speed = FormatRate(*rate);
      if (speed.ends_with("/s")) speed.resize(speed.size() - 2);
      text += fmt::format(", {} tokens/s", speed);
    }
  }
  return text;
}

bool IsAlive(const GlobalOptions& options, const AttemptRow& attempt) {
  return attempt.state == "running" && IsLocked(options.workspace / attempt.folder / "lock");
}

}  // namespace repro
