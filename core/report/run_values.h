#pragma once
/// Metric values of runs, found by the keys of their tasks and averaged as the report needs them.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/report/report_inputs.h"
#include "core/report/report_model.h"

namespace repro {

/// How far each run of the plan came. Complete ("done") means that every task it needs is done.
std::vector<RunReport> RunStates(const ReportInputs& inputs);

/// Values of complete runs. Borrows the inputs, which must outlive it.
class RunValues {
 public:
  RunValues(const ReportInputs& inputs, const std::vector<RunReport>& states);

  /// Mean over `languages` of a metric, for every complete run of a point and role: per pretraining
  /// seed, averaged over fine-tuning seeds. A run that lacks one of the languages gives no value.
  Estimate Series(const Measure& measure, const std::string& point, const std::string& role,
                  const std::vector<std::string>& languages) const;

  /// Languages that a metric was logged for, in the complete runs of a point and role.
  std::set<std::string> Languages(const std::string& metric, const std::string& point,
                                  const std::string& role) const;

  /// The value of a metric without fine-tuning seed, of any run whose task is done: also of runs
  /// that are not complete, for facts about the text and the vocabulary. Shared over seeds, so the
  /// first run that has it answers.
  std::optional<double> Fact(const Measure& measure, const std::string& point,
                             const std::string& role, const std::string& language) const;

  /// The same of every language that has it. Metrics over all languages stand under "".
  std::map<std::string, double> Facts(const Measure& measure, const std::string& point,
                                      const std::string& role) const;

  /// Bytes of a language's text that is trained on: what a limit of tokens took, else the text. Of
  /// several texts (a run alone learns its vocabulary from all of it) the smallest.
  std::optional<double> TextBytes(const std::string& point, const std::string& role,
                                  const std::string& language) const;

  /// Metrics whose name begins with `prefix`, of any run of a point and role, sorted.
  std::set<std::string> Metrics(const std::string& prefix, const std::string& point,
                                const std::string& role) const;

  /// Mean over the languages of `above` minus `below`, of one planned run, by its position in
  /// `inputs.runs`. None when a language has one of the two alone.
  std::optional<double> MeanGap(const std::string& above, const std::string& below,
                                std::size_t run) const;

  /// Chance level of a measure: stated, or from the config of the runs at hand.
  std::optional<double> Chance(const Measure& measure) const;

 private:
  struct Row {
    std::string language;
    std::int64_t seed;
    double value;
  };
  /// Of the plan, by their positions.
  std::vector<std::size_t> RunsOf(const std::string& point, const std::string& role) const;
  std::vector<std::size_t> CompleteRunsOf(const std::string& point, const std::string& role) const;
  const std::vector<Row>* Find(std::size_t run, const std::string& metric) const;

  const ReportInputs& inputs_;
  const std::vector<RunReport>& states_;
  std::vector<std::map<std::string, std::vector<Row>>> by_run_;  ///< metric -> rows, per run
};

}  // namespace repro
