#include "core/report/report_text.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"

namespace repro {
namespace {

constexpr const char* kNothing = "–";
constexpr const char* kSeedsAgree = "seeds agree";  // in the place of an interval

/// "mean (min to max)" of the values that are there; empty when none is.
std::string Spread(const std::vector<VocabularyReport::Row>& rows,
                   std::optional<double> VocabularyReport::Row::*field, int decimals,
                   const char* unit) {
  double sum = 0;
  double low = 0;
  double high = 0;
  std::size_t count = 0;
  for (const auto& row : rows) {
    const std::optional<double>& value = row.*field;
    if (!value) continue;
    low = count == 0 ? *value : std::min(low, *value);
    high = count == 0 ? *value : std::max(high, *value);
    sum += *value;
    ++count;
  }
  if (count == 0) return "";
  return fmt::format("{:.{}f}{} ({:.{}f} to {:.{}f})", sum / static_cast<double>(count), decimals,
                     unit, low, decimals, high, decimals);
}

/// The wall time leaves out what was made by another state of the manifest, by other manifests, or
/// elsewhere; the sum over tasks does not.
std::string SayRunTime(const Provenance& p) {
  const std::string tasks = fmt::format("{} summed over {} of {} tasks",
                                        FormatDuration(p.task_seconds), p.tasks_done, p.tasks);
  if (p.invocations == 0) {
    return tasks + "; no invocation of this manifest as it stands is in the log";
  }
  return fmt::format("{} of wall time in {} of this manifest as it stands, {}",
                     FormatDuration(p.wall_seconds), Plural(p.invocations, "invocation"), tasks);
}

}  // namespace

bool IsSynthetic(const Experiment& experiment) {
  return experiment.world == "babel";
}

std::string ShownCode(const Experiment& experiment, const std::string& code) {
  return IsSynthetic(experiment) ? "syn-" + code : code;
}

std::string FormatNumber(double value, int decimals) {
  const std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  return (value < 0 && !zero ? "−" : "") + text;
}

std::string FormatSigned(double value, int decimals) {
  const std::string text = FormatNumber(value, decimals);
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  return (value > 0 && !zero ? "+" : "") + text;
}

std::string ShowValue(const Measure& measure, double value) {
  if (!std::isfinite(value)) return kNothing;
  return fmt::format("{}{}{}", FormatNumber(value, measure.decimals),
                     measure.unit.empty() ? "" : " ", measure.unit);
}

std::string ShowRange(const Measure& measure, double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high)) return "";
  return fmt::format("{} to {}", FormatNumber(low, measure.decimals),
                     FormatNumber(high, measure.decimals));
}

std::string ShowRange(const Measure& measure, const Estimate& estimate) {
  if (estimate.mean.all_same()) return kSeedsAgree;
  return estimate.mean.known() ? ShowRange(measure, estimate.mean.low, estimate.mean.high) : "";
}

std::string ShowMean(const Measure& measure, const Estimate& estimate) {
  return estimate.empty() ? kNothing : ShowValue(measure, estimate.mean.mean);
}

std::string ShowEstimate(const Measure& measure, const Estimate& estimate) {
  if (estimate.empty()) return kNothing;
  if (!estimate.mean.known())
    return fmt::format("{} ({})", ShowMean(measure, estimate), estimate.variation);
  return fmt::format("{} ({}, {}, n = {})", ShowMean(measure, estimate),
                     ShowRange(measure, estimate), estimate.variation, estimate.mean.n);
}

std::string ShowDifference(const Measure& measure,
                           const std::optional<DifferenceInterval>& difference) {
  return difference ? FormatSigned(difference->difference, measure.decimals) : kNothing;
}

std::string ShowRange(const Measure& measure, const std::optional<DifferenceInterval>& difference) {
  if (difference && difference->all_same()) return kSeedsAgree;
  return difference && difference->known() ? ShowRange(measure, difference->low, difference->high)
                                           : "";
}

std::string SeedVariation(bool all_same) {
  return all_same ? "pretraining seeds, which do not differ" : "pretraining seeds";
}

std::string ShowControl(const Measure& measure, const std::map<std::string, Estimate>& controls,
                        const char* role) {
  const auto found = controls.find(role);
  return found == controls.end() ? kNothing : ShowMean(measure, found->second);
}

std::string ShowP(double p) {
  if (std::isnan(p)) return kNothing;
  return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

std::string ShowStep(const StepTest& step) {
  std::string text = fmt::format("{} → {}: {}? {}", step.from, step.to, StepKindName(step.kind),
                                 FormatSigned(step.difference, 2));
  if (!std::isnan(step.p)) {
    text += fmt::format(" ({} to {}), t = {}, p {}{}", FormatNumber(step.low, 2),
                        FormatNumber(step.high, 2), FormatNumber(step.t, 2),
                        step.p < 0.001 ? "" : "= ", ShowP(step.p));
  } else {
    text += ", no test";
  }
  return text;
}

std::string StepsTitle(const ClaimTest& test) {
  if (test.steps.empty()) return "";
  if (test.decidable) return "Its steps:";
  return fmt::format("For information and no verdict: {} of {} measured.", test.steps.size(),
                     Plural(test.claimed_steps, "step"));
}

std::string ShowSeeds(const ClaimTest& test) {
  std::string text = fmt::format("n = {}", Plural(test.seeds, "paired seed"));
  if (!test.left_out.empty()) {
    text += fmt::format("; left out, without a value at every point: seed{} {}",
                        test.left_out.size() == 1 ? "" : "s", fmt::join(test.left_out, ", "));
  }
  return text;
}

std::string ShowDifference(const Measure& measure, const StepEstimate& step) {
  return FormatSigned(step.difference, measure.decimals + 1);
}

std::string ShowRange(const Measure& measure, const StepEstimate& step) {
  if (!step.known()) return "";
  return fmt::format("{} to {}", FormatNumber(step.low, measure.decimals + 1),
                     FormatNumber(step.high, measure.decimals + 1));
}

std::string ShowT(const StepEstimate& step) {
  if (!step.known()) return kNothing;
  return fmt::format("{} (df {:g})", FormatNumber(step.t, 2), step.df);
}

std::string ShowClaimP(const ClaimTest& test) {
  if (!test.decidable) return kNothing;
  if (test.state == ClaimState::kContradicted) return ShowP(test.p_opposite_holm) + " (opposite)";
  return ShowP(test.p_holm);
}

std::string ShowDetectable(const ClaimTest& test) {
  if (!std::isfinite(test.smallest_detectable)) return kNothing;
  return fmt::format("{:.1f} points", test.smallest_detectable);
}

std::string VariationNote(const FigureReport& figure) {
  std::set<std::string> held;
  std::set<std::string> without;
  for (const SeriesReport& series : figure.series) {
    for (const SeriesPoint& point : series.points) {
      if (!point.main.empty())
        (point.main.mean.known() ? held : without).insert(point.main.variation);
    }
  }
  std::vector<std::string> parts;
  if (!held.empty()) parts.push_back(fmt::format("intervals hold: {}", fmt::join(held, "; ")));
  if (!without.empty()) parts.push_back(fmt::format("no interval: {}", fmt::join(without, "; ")));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string RoleName(const std::string& role) {
  if (role == kMainRole) return "sweep";
  std::string name = role;
  std::replace(name.begin(), name.end(), '-', ' ');
  return name;
}

std::string RunNote(const RunReport& run) {
  std::vector<std::string> parts;
  if (run.state != "done") parts.push_back(run.reason);
  if (run.on_plateau) {
    // Overfitting, too, ends above what needs no context.
    const bool above = run.plateau_margin && *run.plateau_margin < -kPlateauThreshold;
    parts.emplace_back(above ? "on the early plateau, or overfitted" : "on the early plateau");
  }
  if (!run.imported.empty()) {
    std::size_t tasks = 0;
    std::vector<std::string> builds;
    for (const auto& [build, count] : run.imported) {
      tasks += count;
      builds.push_back(build);
    }
    parts.push_back(fmt::format(
        "{}, made by build{} {}",
        tasks == run.tasks ? "imported" : fmt::format("{} of {} tasks imported", tasks, run.tasks),
        builds.size() == 1 ? "" : "s", fmt::join(builds, ", ")));
  }
  if (!run.stale.empty()) {
    parts.push_back(fmt::format("stale: {} made by another build ({}{})",
                                Plural(run.stale.size(), "task"), run.stale.front(),
                                run.stale.size() > 1 ? ", ..." : ""));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string VocabularyLine(const VocabularyReport& entry) {
  std::vector<std::string> parts;
  const auto add = [&](std::string text, const char* what) {
    if (!text.empty()) parts.push_back(text.insert(0, std::string(what) + " "));
  };
  using Row = VocabularyReport::Row;
  add(Spread(entry.rows, &Row::tokens_per_word, 2, ""), "tokens a word");
  add(Spread(entry.rows, &Row::coverage, 2, " %"), "coverage");
  add(Spread(entry.rows, &Row::unknown_rate, 2, " %"), "unknown");
  add(Spread(entry.rows, &Row::repeats, 1, ""), "repeats of a language's text");
  return fmt::format("{}: {}; mean and range over {}", entry.point, fmt::join(parts, ", "),
                     Plural(entry.rows.size(), "language"));
}

ControlColumns ColumnsOf(const FigureReport& figure) {
  ControlColumns columns;
  for (const SeriesReport& series : figure.series) {
    for (const SeriesPoint& point : series.points) {
      columns.range |= !ShowRange(figure.measure, point.main).empty();
      columns.AddControls(point.controls);
      columns.transfer |= point.transfer.has_value();
    }
  }
  return columns;
}

ControlColumns ColumnsOf(const std::vector<MeasureReport>& measures) {
  ControlColumns columns;
  for (const MeasureReport& measure : measures) {
    for (const MeasureReport::AtPoint& at : measure.points) {
      columns.range |= !ShowRange(measure.measure, at.transfer).empty();
      columns.AddControls(at.target_controls);
      columns.transfer |= at.transfer.has_value();
    }
  }
  return columns;
}

void ControlColumns::AddControls(const std::map<std::string, Estimate>& controls) {
  for (const auto& [role, estimate] : controls) {
    null_world |= role == kNullWorldRole && !estimate.empty();
    no_pretraining |= role == kNoPretrainingRole && !estimate.empty();
  }
}

std::string SeedLine(const Provenance& provenance) {
  return fmt::format("{} × {}", Plural(provenance.pretrain_seeds.size(), "pretraining seed"),
                     Plural(provenance.finetune_seeds.size(), "fine-tuning seed"));
}

std::string PlateauNote() {
  return fmt::format(
      "How far the validation loss ended below two losses without context, nats a token: that of "
      "the unigram distribution, and that of the best predictor that sees one position alone (mean "
      "over the languages). The smaller distance counts: less than {:g} (four times the "
      "seed-to-seed spread of such a loss) is the early plateau, and claims on such a run are "
      "undecided.",
      kPlateauThreshold);
}

std::string MeasureVerdict(const Report& report, const FigureReport& figure) {
  for (const MeasureReport& measure : report.measures) {
    if (measure.measure.metric != figure.measure.metric || measure.points.empty()) continue;
    std::string verdict = measure.verdict;
    verdict[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(verdict[0])));
    return verdict + ".";
  }
  return "";
}

std::vector<std::string> ValueNotes(const Report& report, const FigureReport& figure) {
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < report.points.size(); ++i) {
    const std::string& point = report.points[i];
    if (!report.point_languages.contains(point)) continue;
    std::map<std::string, std::vector<std::string>> series_of;  // note -> series it holds for
    for (const SeriesReport& series : figure.series) {
      const std::string& note = series.points[i].note;
      if (!note.empty()) series_of[note].push_back(series.name);
    }
    for (const auto& [note, names] : series_of) {
      notes.push_back(names.size() == figure.series.size()
                          ? fmt::format("{}: {}", point, note)
                          : fmt::format("{} at {}: {}", fmt::join(names, ", "), point, note));
    }
  }
  return notes;
}

bool HasSteps(const Report& report) {
  return std::any_of(report.figures.begin(), report.figures.end(), [](const auto& figure) {
    return std::any_of(figure.series.begin(), figure.series.end(),
                       [](const auto& series) { return !series.steps.empty(); });
  });
}

std::string StepsNote() {
  return "For information, apart from the verdicts: the change of every series between "
         "neighbouring points that were measured. Seeds paired, variance pooled per series; "
         "p two-sided and not adjusted, so one in twenty is below 0.05 where nothing changes.";
}

std::string ClaimsNote(const Report& report) {
  return fmt::format(
      "In {} at {} scale. Planned contrasts with seeds paired across sweep points and variance "
      "pooled per series; every "
      "step must hold (intersection-union); p adjusted by Holm over the {} of the manifest, level "
      "{:g}. Contradicted: "
      "the opposite is significant. Undecided whatever the steps are: a claim on a measure that "
      "does not move. Steps are differences of means with 95 % intervals. "
      "Detectable step: found with power {:g}.",
      report.provenance.world, report.provenance.scale, Plural(report.claims.size(), "claim"),
      kClaimAlpha, kClaimPower);
}

std::string TransferNote() {
  return "Transfer is the difference from the null world at the same point, where languages share "
         "nothing but surface "
         "statistics; positive is better. Intervals hold the variation of pretraining seeds; a "
         "control with one seed "
         "borrows the variance of the sweep's runs, and where these do not differ there is no "
         "interval. The other languages are those of the point "
         "that "
         "every role was scored in, so points of more languages average over more.";
}

std::string CellNote(const SeriesPoint& point) {
  std::vector<std::string> parts;
  if (point.paper_stated)
    parts.push_back(fmt::format("the text states {:g}", point.paper_stated->value));
  if (!point.note.empty()) parts.push_back(point.note);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string ShowJson(const Json& value) {
  return value.is_string() ? value.get<std::string>() : CanonicalJson(value);
}

std::vector<std::pair<std::string, std::string>> Facts(const Report& report) {
  const Provenance& p = report.provenance;
  std::vector<std::pair<std::string, std::string>> facts = {
      {"Scale and world", fmt::format("{}, {}", p.scale, p.world)},
      {"Seeds",
       fmt::format("pretraining {}; fine-tuning {}; controls {}", fmt::join(p.pretrain_seeds, ", "),
                   fmt::join(p.finetune_seeds, ", "), fmt::join(p.control_seeds, ", "))},
      {"Intervals",
       "95 %, Student's t; they may reach beyond 0 or 100 %; none where the seeds do not differ"},
      {"Model selection", p.selection},
      {"Commit", p.commit.empty() ? "not known" : p.commit},
      {"Machine", p.machine.empty() ? "nothing has run yet" : p.machine},
      {"Run time", SayRunTime(p)},
      {"Manifest", fmt::format("{}, SHA-256 {}", p.manifest, p.manifest_hash)},
      {"Overrides", p.overrides.empty() ? "none" : fmt::format("{}", fmt::join(p.overrides, ", "))},
      {"This build", p.build},
      {"Artifacts of other builds",
       p.stale_builds.empty() ? "none" : fmt::format("{}", fmt::join(p.stale_builds, "; "))},
  };
  if (!p.imported.empty()) {
    facts.emplace_back("Imported results", fmt::format("{}", fmt::join(p.imported, "; ")));
  }
  if (!p.not_kept_out.empty()) {
    facts.emplace_back("Not kept out of the text", fmt::format("test sets that are not at hand: {}",
                                                               fmt::join(p.not_kept_out, ", ")));
  }
  if (!p.stand_ins.empty()) {
    facts.emplace_back("Stand-ins", fmt::format("{}", fmt::join(p.stand_ins, "; ")));
  }
  if (!p.unresolved.empty()) {
    facts.emplace_back("Not at hand", fmt::format("{}", fmt::join(p.unresolved, "; ")));
  }
  facts.emplace_back("Report made", FormatTime(p.made_ms));
  return facts;
}

std::string CsvField(const std::string& text) {
  std::string field = Printable(text);
  // A spreadsheet would run these as a formula; a number may start with a sign.
  if (!field.empty() && std::string_view("=+-@").find(field[0]) != std::string_view::npos) {
    char* end = nullptr;
    std::strtod(field.c_str(), &end);
    if (*end != '\0') field.insert(0, "'");
  }
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string CsvNumber(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}

std::string MarkdownText(const std::string& text) {
  std::string safe;
  for (const char c : Printable(text)) {
    if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      if (std::string_view("\\`*_[]|#").find(c) != std::string_view::npos) safe += '\\';
      safe += c;
    }
  }
  return safe;
}

}  // namespace repro
