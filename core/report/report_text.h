#pragma once
/// The words and numbers that every writer uses alike.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/report/report_model.h"

namespace repro {

bool IsSynthetic(const Experiment& experiment);
/// Languages of the synthetic world never go by the names of the languages they stand in for:
/// "syn-sw".
std::string ShownCode(const Experiment& experiment, const std::string& code);

/// "1.2", "−0.3" with a real minus sign, "0.0": no sign on what rounds to nothing.
std::string FormatNumber(double value, int decimals);
/// "+1.2", "−0.3", "0.0": no sign on what rounds to nothing.
std::string FormatSigned(double value, int decimals);
/// "61.2 %", "3.4 bits"; "–" for a value that is none.
std::string ShowValue(const Measure& measure, double value);
/// "57.0 to 65.4"; "seeds agree" where they all gave the same value; empty when there is no
/// interval for another reason.
std::string ShowRange(const Measure& measure, double low, double high);
std::string ShowRange(const Measure& measure, const Estimate& estimate);
/// "61.2 %" or "–".
std::string ShowMean(const Measure& measure, const Estimate& estimate);
/// "61.2 % (57.0 to 65.4, pretraining seeds, n = 3)"; says so when there is one value only.
std::string ShowEstimate(const Measure& measure, const Estimate& estimate);
/// "+12.3" with its sign, or "–".
std::string ShowDifference(const Measure& measure,
                           const std::optional<DifferenceInterval>& difference);
std::string ShowRange(const Measure& measure, const std::optional<DifferenceInterval>& difference);
/// What an interval over pretraining seeds holds, in a mean as in a difference: "pretraining
/// seeds", or that they do not differ and there is none.
std::string SeedVariation(bool all_same);
/// The mean of a control, or "–" when it did not run.
std::string ShowControl(const Measure& measure, const std::map<std::string, Estimate>& controls,
                        const char* role);

/// Which columns of a table have a value in some row; the others are left out.
struct ControlColumns {
  bool range = false;  ///< interval
  bool null_world = false;
  bool no_pretraining = false;
  bool transfer = false;

  void AddControls(const std::map<std::string, Estimate>& controls);
};
/// Of the table of a figure's series: its interval is that of the run's value.
ControlColumns ColumnsOf(const FigureReport& figure);
/// Of the table of measures: its interval is that of the transfer.
ControlColumns ColumnsOf(const std::vector<MeasureReport>& measures);

/// "0.031", "< 0.001", "–".
std::string ShowP(double p);
/// "xlm7 → xnli15: falls? −2.10 (−3.00 to −1.20), t = −6.10, p = 0.002"; without a test it says so.
std::string ShowStep(const StepTest& step);
/// What the list of a claim's steps is: its parts, or what could be measured of a claim that stays
/// undecided whatever the numbers are. Empty when there is no step.
std::string StepsTitle(const ClaimTest& test);
/// "n = 3 paired seeds", and the seeds that are left out.
std::string ShowSeeds(const ClaimTest& test);
/// "−2.10", "−3.00 to −1.20" and "−6.10 (df 4)" of a step outside any claim; empty or "–" without a
/// test.
std::string ShowDifference(const Measure& measure, const StepEstimate& step);
std::string ShowRange(const Measure& measure, const StepEstimate& step);
std::string ShowT(const StepEstimate& step);
/// p of what decided the claim: of the claim itself, or of its opposite where that is what is
/// significant.
std::string ShowClaimP(const ClaimTest& test);
/// "1.8 points", "–".
std::string ShowDetectable(const ClaimTest& test);

/// "intervals hold: pretraining seeds"; without one: "no interval: one value, ...". Empty when
/// nothing was measured.
std::string VariationNote(const FigureReport& figure);
std::string RoleName(const std::string& role);  ///< "null world", "no pretraining", "sweep"
/// What is missing, on the plateau, imported, stale.
std::string RunNote(const RunReport& run);
std::string VocabularyLine(
    const VocabularyReport& entry);  ///< "xlm7: 2.1 tokens a word (1.8 to 2.6), ..."
std::string SeedLine(const Provenance& provenance);  ///< "3 pretraining seeds x 1 fine-tuning seed"
std::string PlateauNote();  ///< what "below the plateau" means and its threshold
/// "Moves: 36.1 % in the source language ..."; empty while nothing was measured.
std::string MeasureVerdict(const Report& report, const FigureReport& figure);
/// "low at xlm7: seed 2 diverged", one for each point and what there is to know of its values;
/// points that this scale leaves out are not among them.
std::vector<std::string> ValueNotes(const Report& report, const FigureReport& figure);
bool HasSteps(const Report& report);           ///< some series was measured at two points
std::string StepsNote();                       ///< what the steps outside claims are
std::string ClaimsNote(const Report& report);  ///< how claims are decided
std::string TransferNote();  ///< what transfer means, which variation its interval holds
std::string CellNote(
    const SeriesPoint& point);  ///< note of a cell, with the paper's stated value where it has one
/// Scale, world, seeds, commit, machine, run time, manifest, overrides, builds: name and value, in
/// order.
std::vector<std::pair<std::string, std::string>> Facts(const Report& report);
/// A field of a CSV file, RFC 4180; a text that a spreadsheet would take for a formula gets a
/// quote.
std::string CsvField(const std::string& text);
/// As many digits as a double needs; empty for what is no number.
std::string CsvNumber(double value);
/// Text that cannot be taken for Markdown or HTML.
std::string MarkdownText(const std::string& text);
/// A JSON value as it stands in a manifest: 1500, "x", [1, 2].
std::string ShowJson(const Json& value);

}  // namespace repro
