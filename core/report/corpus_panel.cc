#include "core/report/corpus_panel.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "core/report/report_text.h"
#include "core/report/run_values.h"

namespace repro {
namespace {

constexpr std::string_view kFunnel = "funnel.";
constexpr std::string_view kFaults = "faults.";

class PanelBuilder {
 public:
  PanelBuilder(const ReportInputs& inputs, const RunValues& values)
      : inputs_(inputs), values_(values) {}

  CorpusPanel Build() {
    for (const Point& point : inputs_.experiment.points) {
      AddVolume(point);
      AddFunnel(point);
      AddLeaks(point);
      AddFaults(point);
    }
    AddHalves();
    return std::move(panel_);
  }

 private:
  std::map<std::string, double> Facts(const std::string& metric, const Point& point) const {
    Measure plain;
    plain.metric = metric;
    return values_.Facts(plain, point.id, kMainRole);
  }

  /// What a limit of tokens took of each language, else what there is.
  std::map<std::string, double> Taken(const std::string& what, const Point& point) const {
    auto taken = Facts("corpus.taken_" + what, point);
    taken.merge(Facts("corpus." + what, point));
    return taken;
  }

  static std::optional<double> Find(const std::map<std::string, double>& facts,
                                    const std::string& language) {
    const auto found = facts.find(language);
    return found == facts.end() ? std::nullopt : std::optional(found->second);
  }

  static void AddTo(std::optional<std::int64_t>& sum, std::optional<double> value) {
    if (value) sum = sum.value_or(0) + std::llround(*value);
  }

  std::string Shown(const std::string& code) const {
    return code.empty() ? code : ShownCode(inputs_.experiment, code);
  }

  void AddVolume(const Point& point) {
    const auto lines = Taken("sentences", point);
    const auto words = Taken("words", point);
    const auto documents = Facts("corpus.documents", point);  // of the languages not left out
    const auto repeats = Facts("pretrain.repeats", point);
    const auto available = Facts("corpus.available_bytes", point);
    const auto heldout = Facts("corpus.heldout_sentences", point);
    TextVolume volume;
    double seen = 0;
    bool all_seen = true;
    for (const std::string& code : point.languages) {
      const auto size = values_.TextBytes(point.id, kMainRole, code);
      const bool left_out = !documents.empty() && !documents.contains(code);
      if (size && left_out) volume.left_out[Shown(code)] = std::llround(*size);
      if (!size || *size <= 0 || left_out) continue;
      ++volume.languages;
      volume.bytes += std::llround(*size);
      volume.lines += std::llround(Find(lines, code).value_or(0));
      volume.words += std::llround(Find(words, code).value_or(0));
      const auto times = Find(repeats, code);
      all_seen = all_seen && times.has_value();
      seen += *size * times.value_or(0);
      AddTo(volume.available_bytes, Find(available, code));
      AddTo(volume.heldout_lines, Find(heldout, code));
    }
    if (volume.languages == 0) return;
    if (all_seen) volume.seen_bytes = std::llround(seen);
    panel_.volumes[point.id] = volume;
  }

  void AddHalves() {
    const Experiment& experiment = inputs_.experiment;
    const bool wanted = std::any_of(experiment.series.begin(), experiment.series.end(),
                                    [](const Series& series) { return !series.text.empty(); });
    if (!wanted || experiment.points.empty()) return;
    std::vector<std::pair<std::string, std::int64_t>> sizes;
    for (const std::string& code : experiment.points.front().languages) {
      const bool everywhere =
          std::all_of(experiment.points.begin(), experiment.points.end(), [&](const Point& point) {
            return std::find(point.languages.begin(), point.languages.end(), code) !=
                   point.languages.end();
          });
      const auto size = values_.TextBytes(experiment.points.front().id, kMainRole, code);
      if (everywhere && !size) return;  // not counted yet
      if (everywhere) sizes.emplace_back(code, std::llround(*size));
    }
    std::stable_sort(sizes.begin(), sizes.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::map<std::string, std::string> half_of;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const bool most = 2 * i + 1 < sizes.size();
      if (!most && 2 * i + 1 == sizes.size()) continue;
      half_of[sizes[i].first] = most ? "most" : "least";
      (most ? panel_.halves.most : panel_.halves.least)
          .emplace_back(Shown(sizes[i].first), sizes[i].second);
    }
    for (const Series& series : experiment.series) {
      if (series.text.empty()) continue;
      for (const std::string& code : series.languages) {
        if (half_of[code] == series.text) continue;
        panel_.halves.misplaced.push_back({series.name, series.text, Shown(code)});
      }
    }
  }

  /// "funnel.1.repeated.again.lines" -> {1, "repeated", "again"} and "lines".
  static std::optional<std::pair<TextFunnel::Step, std::string>> ParseStep(std::string_view name) {
    name.remove_prefix(kFunnel.size());
    TextFunnel::Step step;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step.place);
    const std::size_t unit = name.rfind('.');
    const auto digits = static_cast<std::size_t>(end - name.data());
    if (error != std::errc() || unit == std::string_view::npos || digits + 1 >= unit) {
      return std::nullopt;
    }
    const std::string_view what = name.substr(digits + 1, unit - digits - 1);
    const std::size_t dot = std::min(what.find('.'), what.size());
    step.name = what.substr(0, dot);
    if (dot < what.size()) step.reason = what.substr(dot + 1);
    return std::pair(std::move(step), std::string(name.substr(unit + 1)));
  }

  void AddFunnel(const Point& point) {
    std::map<TextFunnel::Step, std::map<std::string, FunnelAmount>> amounts;
    for (const std::string& metric : values_.Metrics(std::string(kFunnel), point.id, kMainRole)) {
      const auto parsed = ParseStep(metric);
      if (!parsed) continue;
      const auto& [step, unit] = *parsed;
      for (const auto& [language, value] : Facts(metric, point)) {
        FunnelAmount& amount = amounts[step][language];
        (unit == "documents" ? amount.documents
         : unit == "lines"   ? amount.lines
                             : amount.bytes) += std::llround(value);
      }
    }
    if (amounts.empty()) return;
    TextFunnel funnel;
    std::map<std::string, TextFunnel::Row> rows;
    for (const auto& [step, by_language] : amounts) {
      for (const auto& [language, amount] : by_language) {
        TextFunnel::Row& row = rows[language];
        row.language = language;
        row.at.resize(amounts.size());
        row.at[funnel.steps.size()] = amount;
        funnel.total.at.resize(amounts.size());
        funnel.total.at[funnel.steps.size()] += amount;
      }
      funnel.steps.push_back(step);
    }
    for (auto& [language, row] : rows) funnel.rows.push_back(std::move(row));
    std::stable_sort(funnel.rows.begin(), funnel.rows.end(), [](const auto& a, const auto& b) {
      return a.at.front().bytes > b.at.front().bytes;
    });
    for (TextFunnel::Row& row : funnel.rows) row.language = Shown(row.language);
    // Points of a sweep mostly take languages of one text.
    const auto same =
        std::find_if(panel_.funnels.begin(), panel_.funnels.end(), [&](const auto& other) {
          return other.steps == funnel.steps && other.rows == funnel.rows;
        });
    if (same != panel_.funnels.end()) {
      same->points.push_back(point.id);
      return;
    }
    funnel.points = {point.id};
    panel_.funnels.push_back(std::move(funnel));
  }

  void AddLeaks(const Point& point) {
    const auto lines = Facts("leaks.lines", point);
    const auto shared = Facts("leaks.shared_lines", point);
    const auto evaluation = Facts("leaks.evaluation_lines", point);
    if (evaluation.empty()) return;
    LeakCheck check;
    check.point = point.id;
    check.evaluation_lines = std::llround(evaluation.begin()->second);
    for (const auto& [language, count] : lines) check.lines += std::llround(count);
    for (const auto& [language, count] : Facts("leaks.alike_lines", point)) {
      check.alike += std::llround(count);
    }
    for (const auto& [language, count] : shared) {
      if (count <= 0) continue;
      check.shared += std::llround(count);
      check.leaking.emplace_back(Shown(language), std::llround(count));
    }
    panel_.leaks.push_back(std::move(check));
  }

  void AddFaults(const Point& point) {
    for (const std::string& metric : values_.Metrics(std::string(kFaults), point.id, kMainRole)) {
      for (const auto& [language, count] : Facts(metric, point)) {
        panel_.faults[point.id][metric.substr(kFaults.size())] += std::llround(count);
      }
    }
  }

  const ReportInputs& inputs_;
  const RunValues& values_;
  CorpusPanel panel_;
};

}  // namespace

FunnelAmount& FunnelAmount::operator+=(const FunnelAmount& other) {
  documents += other.documents;
  lines += other.lines;
  bytes += other.bytes;
  return *this;
}

std::int64_t CorpusPanel::shared_lines() const {
  std::int64_t sum = 0;
  for (const LeakCheck& check : leaks) sum += check.shared;
  return sum;
}

CorpusPanel BuildCorpusPanel(const ReportInputs& inputs, const RunValues& values) {
  return PanelBuilder(inputs, values).Build();
}

}  // namespace repro
