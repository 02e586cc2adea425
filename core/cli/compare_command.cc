#include "core/cli/compare_command.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <set>
#include <tuple>

#include <CLI/CLI.hpp>

#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/io/json_diff.h"

namespace repro {

namespace {

/// A setting by its dotted path, one value a run; null where a run has none.
struct SettingRow {
  std::string path;
  std::vector<Json> values;
};

/// A metric, one mean a run; nan with `known` false where a run did not measure it.
struct MetricLine {
  std::string name, split, language;
  std::vector<double> values;
  std::vector<bool> known;
};

std::string ShowValue(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : CanonicalJson(value);
}

/// Equal, with nan equal to nan: the same outcome is no difference.
bool Same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// Paths at which not all runs say the same.
std::vector<SettingRow> DiffSettings(const std::vector<RunRow>& runs) {
  std::map<std::string, std::vector<Json>> values;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (const JsonLeaf& leaf : JsonLeaves(runs[i].config)) {
      auto& row = values[leaf.path];
      row.resize(runs.size());
      row[i] = *leaf.value;
    }
  }
  std::vector<SettingRow> rows;
  for (auto& [path, row] : values) {
    if (std::any_of(row.begin(), row.end(), [&row = row](const Json& v) { return v != row[0]; })) {
      rows.push_back({path, std::move(row)});
    }
  }
  return rows;
}

class CompareCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("runs", names_, "Two or more run numbers")->required()->expected(2, -1);
    app.add_flag("--by-language", by_language_, "Every language of every metric");
    app.add_flag("--all", all_, "Also what is equal");
    app.add_option("--metric", prefix_, "Only metrics whose name starts so, e.g. xnli");
    app.footer("Example:\n  repro compare 12 15\n  repro compare 12 15 18 --metric xnli");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
    std::vector<RunRow> runs;
    for (const std::string& name : names_) {
      REPRO_ASSIGN_OR_RETURN(RunRow run, FindRunTarget(log, name));
      runs.push_back(std::move(run));
    }
    const std::vector<SettingRow> settings = DiffSettings(runs);
    REPRO_ASSIGN_OR_RETURN(const std::vector<MetricLine> metrics, CompareMetrics(log, runs));
    if (context.options.json) {
      PrintJson(context.out, AsJson(runs, settings, metrics));
    } else {
      PrintText(context.out, context.options.color, runs, settings, metrics);
    }
    return 0;
  }

 private:
  Result<std::vector<MetricLine>> CompareMetrics(const RunLog& log,
                                                 const std::vector<RunRow>& runs) const {
    std::map<std::tuple<std::string, std::string, std::string>, MetricLine> lines;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(runs[i].id));
      REPRO_ASSIGN_OR_RETURN(std::vector<MetricSummary> summaries, SummarizeMetrics(log, keys));
      if (!by_language_) summaries = OverLanguages(summaries);
      for (const MetricSummary& metric : summaries) {
        if (!metric.name.starts_with(prefix_)) continue;
        MetricLine& line = lines[{metric.name, metric.split, metric.language}];
        if (line.values.empty()) {
          line = {metric.name, metric.split, metric.language,
                  std::vector<double>(runs.size(), std::numeric_limits<double>::quiet_NaN()),
                  std::vector<bool>(runs.size(), false)};
        }
        line.values[i] = metric.mean;
        line.known[i] = true;
      }
    }
    std::vector<MetricLine> result;
    for (auto& [key, line] : lines) {
      bool equal = true;
      for (std::size_t i = 1; i < runs.size(); ++i) {
        equal = equal && line.known[i] == line.known[0] && Same(line.values[i], line.values[0]);
      }
      if (all_ || !equal) result.push_back(std::move(line));
    }
    return result;
  }

  static Json AsJson(const std::vector<RunRow>& runs, const std::vector<SettingRow>& settings,
                     const std::vector<MetricLine>& metrics) {
    Json json = {{"runs", Json::array()}, {"settings", Json::array()}, {"metrics", Json::array()}};
    for (const RunRow& run : runs) json["runs"].push_back(ToJson(run));
    for (const SettingRow& row : settings) {
      json["settings"].push_back({{"path", row.path}, {"values", row.values}});
    }
    for (const MetricLine& line : metrics) {
      Json values = Json::array();
      for (std::size_t i = 0; i < line.values.size(); ++i) {
        values.push_back(line.known[i] ? JsonNumber(line.values[i]) : Json());
      }
      json["metrics"].push_back({{"name", line.name},
                                 {"split", line.split},
                                 {"language", line.language},
                                 {"values", std::move(values)}});
    }
    return json;
  }

  static void PrintText(std::ostream& out, bool color, const std::vector<RunRow>& runs,
                        const std::vector<SettingRow>& settings,
                        const std::vector<MetricLine>& metrics) {
    TextTable heads(
        {{"run", true}, {"experiment"}, {"scale"}, {"point"}, {"role"}, {"seed", true}, {"state"}});
    for (const RunRow& run : runs) {
      heads.AddRow({std::to_string(run.id),
                    run.experiment_id,
                    run.scale,
                    run.point,
                    run.role,
                    std::to_string(run.pretrain_seed),
                    {run.state, StateStyle(run.state)}});
    }
    heads.Print(out, color);
    for (const RunRow& run : runs) {
      if (run.state != "done") {
        out << "run " << run.id << " is " << run.state << ": its metrics are not its last\n";
      }
    }

    out << '\n' << Styled("settings", Style::kBold, color) << '\n';
    if (settings.empty()) {
      out << "  no difference\n";
    } else {
      std::vector<TextTable::Column> columns = {{"  setting"}};
      for (const RunRow& run : runs) columns.push_back({fmt::format("run {}", run.id)});
      TextTable table(columns);
      for (const SettingRow& row : settings) {
        std::vector<TextTable::Cell> cells = {"  " + row.path};
        if (runs.size() == 2 && row.values[0].is_array() && row.values[1].is_array()) {
          // A long list reads better as what came and went.
          cells.emplace_back(fmt::format("{} items", row.values[0].size()));
          cells.emplace_back(fmt::format("{} items: {}", row.values[1].size(),
                                         DescribeChange({row.path, row.values[0], row.values[1]})));
        } else {
          for (const Json& value : row.values) cells.emplace_back(ShowValue(value));
        }
        table.AddRow(std::move(cells));
      }
      table.Print(out, color);
    }

    out << '\n' << Styled("metrics at their last step", Style::kBold, color) << '\n';
    if (metrics.empty()) {
      out << "  no difference\n";
      return;
    }
    std::vector<TextTable::Column> columns = {{"  metric"}, {"split"}, {"language"}};
    for (const RunRow& run : runs) columns.push_back({fmt::format("run {}", run.id), true});
    if (runs.size() == 2) columns.push_back({"difference", true});
    TextTable table(columns);
    for (const MetricLine& line : metrics) {
      std::vector<TextTable::Cell> cells = {"  " + line.name, line.split, line.language};
      for (std::size_t i = 0; i < runs.size(); ++i) {
        cells.emplace_back(line.known[i] ? FormatMetric(line.name, line.values[i]) : "-");
      }
      if (runs.size() == 2) {
        const bool both = line.known[0] && line.known[1];
        cells.emplace_back(both ? FormatMetricChange(line.name, line.values[1] - line.values[0])
                                : "-");
      }
      table.AddRow(std::move(cells));
    }
    table.Print(out, color);
  }

  std::vector<std::string> names_;
  std::string prefix_;
  bool by_language_ = false;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeCompareCommand() {
  return std::make_unique<CompareCommand>();
}

}  // namespace repro
