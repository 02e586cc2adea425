#include "core/report/report_frame.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/panels.h"
#include "core/report/report_text.h"
#include "core/store/provenance.h"

namespace repro {
namespace {

/// Of [sweep]: the points of an item are named by it.
constexpr const char* kLanguagesKey = "languages";

class Framer {
 public:
  Framer(const ReportInputs& inputs, Report& report)
      : inputs_(inputs), experiment_(inputs.experiment), report_(report) {}

  void Frame() {
    AddProvenance();
    AddNextSteps();
    AddHeadline();
  }

 private:
  void AddImported(Provenance& p) const {
    struct Origin {
      std::size_t tasks = 0;
      std::int64_t first_ms = 0, last_ms = 0;
    };
    std::map<std::pair<std::string, std::string>, Origin> origins;  // by build and machine
    for (const auto& [key, imported] : inputs_.imported) {
      const TaskRow& task = inputs_.tasks.at(key);
      if (task.state != "done") continue;
      Origin& origin = origins[{task.build, TextField(imported, "machine")}];
      if (origin.tasks++ == 0) origin.first_ms = origin.last_ms = task.finished_ms;
      origin.first_ms = std::min(origin.first_ms, task.finished_ms);
      origin.last_ms = std::max(origin.last_ms, task.finished_ms);
    }
    for (const auto& [from, origin] : origins) {
      p.imported.push_back(fmt::format("{} by build {} on {}, finished {} to {}",
                                       Plural(origin.tasks, "task"), from.first, from.second,
                                       FormatTime(origin.first_ms), FormatTime(origin.last_ms)));
    }
  }

  void AddProvenance() {
    AddSettings();
    AddTasks();
    AddImported(report_.provenance);
    AddSources();
    AddInvocations();
  }

  void AddSettings() {
    Provenance& p = report_.provenance;
    p.scale = experiment_.scale;
    p.world = experiment_.world;
    p.manifest = experiment_.path;
    p.manifest_hash = experiment_.hash;
    p.pretrain_seeds = experiment_.pretrain_seeds;
    p.finetune_seeds = experiment_.finetune_seeds;
    p.control_seeds = experiment_.controls.seeds;
    p.selection = experiment_.selection;
    p.overrides = experiment_.overrides;
    p.build = inputs_.build_id;
    p.command = inputs_.command;
    p.made_ms = inputs_.now_ms;
  }

  void AddTasks() {
    Provenance& p = report_.provenance;
    p.tasks = inputs_.plan.size();
    std::map<std::string, std::size_t> builds;
    for (const auto& [key, task] : inputs_.tasks) {
      if (task.state != "done") continue;
      ++p.tasks_done;
      p.task_seconds += task.seconds;
      if (!task.build.empty() && task.build != inputs_.build_id) ++builds[task.build];
    }
    for (const auto& [build, count] : builds) {
      p.stale_builds.push_back(fmt::format("{} ({})", build, Plural(count, "task")));
    }
  }

  /// What is not at hand, and what stands in for the paper's tools.
  void AddSources() {
    Provenance& p = report_.provenance;
    std::set<std::string> unresolved;
    for (const auto& [key, task] : inputs_.plan) {
      if (!task.unresolved.empty()) {
        if (task.missing_sets.empty()) unresolved.insert(task.unresolved);
        for (const std::string& set : task.missing_sets) unresolved.insert("data set " + set);
      }
      const std::string stand_in = TextField(task.info, "stand_in");
      if (!stand_in.empty()) p.stand_ins.insert(stand_in);
      const auto not_kept_out = task.info.find("not_kept_out");
      if (not_kept_out == task.info.end()) continue;
      for (const Json& set : *not_kept_out) p.not_kept_out.insert(set.get<std::string>());
    }
    p.unresolved.assign(unresolved.begin(), unresolved.end());
  }

  /// Wall time, and where it all ran: by the newest invocation of this manifest as it stands, or
  /// else of an earlier state of it.
  void AddInvocations() {
    Provenance& p = report_.provenance;
    const InvocationRow* shown = nullptr;
    for (const InvocationRow& invocation : inputs_.invocations) {
      if (invocation.manifest_hash != experiment_.hash) continue;
      if (shown == nullptr) shown = &invocation;
      ++p.invocations;
      const std::int64_t end = invocation.ended_ms > 0 ? invocation.ended_ms : inputs_.now_ms;
      p.wall_seconds +=
          static_cast<double>(std::max<std::int64_t>(0, end - invocation.started_ms)) / 1000;
    }
    if (shown == nullptr && !inputs_.invocations.empty()) shown = &inputs_.invocations.front();
    if (shown == nullptr) return;
    p.commit = CommitOf(shown->provenance);
    p.machine = DescribeMachine(shown->provenance);
  }

  static std::string CommitOf(const Json& provenance) {
    const std::string commit = TextAt(provenance, "/git/commit").substr(0, 12);
    if (commit.empty()) {  // programs that were installed run outside a checkout
      const std::string build = TextAt(provenance, "/build/id");
      return build.empty() ? "" : "of the build " + build;
    }
    const Json::json_pointer dirty("/git/dirty");
    const bool changed = provenance.contains(dirty) && provenance.at(dirty) == true;
    return changed ? commit + " with uncommitted changes" : commit;
  }

  void AddNextSteps() {
    std::map<std::string, int> by_state;
    for (const RunReport& run : report_.runs) {
      if (run.state != "done") ++by_state[run.state];
    }
    int open = 0;
    std::vector<std::string> parts;
    for (const auto& [state, count] : by_state) {
      if (state == "diverged") continue;
      open += count;
      parts.push_back(fmt::format("{} {}", count, state));
    }
    // A run that diverged would diverge again: what helps is to see how it went.
    std::set<std::string> diverged;
    for (const RunReport& run : report_.runs) {
      if (run.diverged_task.empty() || !diverged.insert(run.diverged_task).second) continue;
      const std::size_t workspace = inputs_.command.find(" --workspace ");
      report_.next_steps.push_back(
          {fmt::format("{}, and would again with the same settings; its output", run.reason),
           fmt::format("repro logs {}{}", run.diverged_task.substr(0, 12),
                       workspace == std::string::npos ? "" : inputs_.command.substr(workspace))});
    }
    if (open > 0 && report_.provenance.unresolved.empty()) {
      report_.next_steps.push_back({fmt::format("{} of {} runs are not complete ({})", open,
                                                report_.runs.size(), fmt::join(parts, ", ")),
                                    inputs_.command});
    }
    if (open > 0 && !report_.provenance.unresolved.empty()) {
      std::string plan = inputs_.command;
      if (plan.starts_with("repro run ")) plan.replace(0, 10, "repro plan ");
      report_.next_steps.push_back(
          {fmt::format("{} source{} not at hand; the plan names them and what they would take",
                       report_.provenance.unresolved.size(),
                       report_.provenance.unresolved.size() == 1 ? " is" : "s are"),
           plan});
    }
    std::vector<std::string> missing;
    for (const std::string& point : report_.points) {
      if (!report_.point_languages.contains(point)) missing.push_back(point);
    }
    const bool sweeps_languages =
        std::find(experiment_.sweep_keys.begin(), experiment_.sweep_keys.end(), kLanguagesKey) !=
        experiment_.sweep_keys.end();
    if (!missing.empty() && sweeps_languages) {
      std::string list;
      for (const std::string& point : report_.points)
        list += (list.empty() ? "\"" : ", \"") + point + "\"";
      report_.next_steps.push_back(
          {fmt::format("{} {} left out at this scale", fmt::join(missing, ", "),
                       missing.size() == 1 ? "is" : "are"),
           fmt::format("{} --set 'sweep.{}=[{}]'", inputs_.command, kLanguagesKey, list)});
    }
    if (experiment_.scale != "paper" && inputs_.reference) {
      report_.next_steps.push_back({"the paper's own setting, on real text: what it would take",
                                    fmt::format("repro plan {} --scale paper", experiment_.id)});
    }
  }

  void AddHeadline() {
    SayText();
    SayClaims();
    SayTransfers();
    SayPlateau();
    SayWhatIsMissing();
  }

  void SayText() {
    if (std::string leak = LeakWarning(report_.corpus); !leak.empty()) {
      report_.headline.push_back(std::move(leak));
    }
    if (!report_.figures.empty()) return;
    for (std::string& sentence : SayVolumes(report_)) {
      report_.headline.push_back(std::move(sentence));
    }
  }

  void SayClaims() {
    std::map<ClaimState, int> states;
    for (const ClaimReport& claim : report_.claims) ++states[claim.test.state];
    const std::string world =
        IsSynthetic(experiment_) ? "the synthetic world (babel)" : experiment_.world;
    if (!report_.claims.empty()) {
      report_.headline.push_back(
          fmt::format("Of {}, {} supported, {} contradicted, {} undecided in {} at {} scale.",
                      Plural(report_.claims.size(), "claim"), states[ClaimState::kSupported],
                      states[ClaimState::kContradicted], states[ClaimState::kUndecided], world,
                      experiment_.scale));
    }
    if (IsSynthetic(experiment_)) {
      report_.headline.emplace_back(
          "A controlled world that calibrates machinery and statistics: never a verdict on the "
          "paper, whose cells are "
          "shown as not comparable.");
    }
  }

  void SayTransfers() {
    for (const MeasureReport* measure : TasksAsShown()) {
      std::vector<std::string> parts;
      for (const MeasureReport::AtPoint& at : measure->points) {
        if (at.transfer) parts.push_back(SayTransfer(measure->measure, at));
      }
      if (parts.empty()) continue;
      report_.headline.push_back(
          fmt::format("{}: transfer, the difference from the null world, is {}.",
                      measure->measure.name, fmt::join(parts, "; ")));
    }
  }

  void SayPlateau() {
    std::vector<std::string> stuck;
    for (const RunReport& run : report_.runs) {
      if (run.on_plateau) stuck.push_back(fmt::format("{} seed {}", run.point, run.pretrain_seed));
    }
    if (stuck.empty()) return;
    constexpr std::size_t kNamed = 4;
    const std::size_t named = std::min(stuck.size(), kNamed);
    report_.headline.push_back(fmt::format(
        "{} ended on the early plateau or overfitted, less than {:g} nats below what a predictor "
        "without context reaches ({}{}): what was measured on {} says nothing about languages.",
        Plural(stuck.size(), "run"), kPlateauThreshold,
        fmt::join(stuck.begin(), stuck.begin() + static_cast<std::ptrdiff_t>(named), ", "),
        stuck.size() > kNamed ? ", ..." : "", stuck.size() == 1 ? "it" : "them"));
  }

  void SayWhatIsMissing() {
    if (report_.complete) return;
    const auto done = std::count_if(report_.runs.begin(), report_.runs.end(),
                                    [](const RunReport& run) { return run.state == "done"; });
    // Where a run would go on, the first next step says so.
    const bool goes_on =
        std::any_of(report_.next_steps.begin(), report_.next_steps.end(),
                    [&](const NextStep& step) { return step.command == inputs_.command; });
    report_.headline.push_back(fmt::format("Partial: {} of {} runs are complete{}.", done,
                                           report_.runs.size(),
                                           goes_on ? "; to go on: " + inputs_.command : ""));
  }

  /// The measures of tasks, what moves first and then as the figures stand.
  std::vector<const MeasureReport*> TasksAsShown() const {
    std::vector<const MeasureReport*> tasks;
    for (const MeasureReport& measure : report_.measures) {
      if (measure.measure.kind == MeasureKind::kTask) tasks.push_back(&measure);
    }
    const auto place = [&](const MeasureReport* measure) {
      const auto figure = std::find_if(
          report_.figures.begin(), report_.figures.end(),
          [&](const auto& shown) { return shown.measure.metric == measure->measure.metric; });
      return std::pair(!measure->moves, figure - report_.figures.begin());
    };
    std::stable_sort(tasks.begin(), tasks.end(),
                     [&](const auto* a, const auto* b) { return place(a) < place(b); });
    return tasks;
  }

  static std::string SayTransfer(const Measure& measure, const MeasureReport::AtPoint& at) {
    const DifferenceInterval& d = *at.transfer;
    const std::string unit = measure.unit == "%" ? "points" : measure.unit;
    const std::string amount =
        fmt::format("{} {} at {}", FormatSigned(d.difference, measure.decimals), unit, at.point);
    if (d.all_same()) return amount + " (no interval: the seeds do not differ)";
    if (!d.known()) return amount + ", no interval";
    return fmt::format("{} (95 % interval {}, {})", amount, ShowRange(measure, d.low, d.high),
                       d.low > 0    ? "above zero"
                       : d.high < 0 ? "below zero"
                                    : "not told from zero");
  }

  const ReportInputs& inputs_;
  const Experiment& experiment_;
  Report& report_;
};

}  // namespace

void FrameReport(const ReportInputs& inputs, Report& report) {
  Framer(inputs, report).Frame();
}

}  // namespace repro
