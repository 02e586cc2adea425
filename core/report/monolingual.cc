#include "core/report/monolingual.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/units.h"
#include "core/report/report_text.h"

namespace repro {
namespace {

constexpr const char* kRepeats = "pretrain.repeats";

std::string ShowBytes(double bytes) {
  return FormatBytes(std::llround(bytes));
}

/// "< " before the first amount of the curve, "> " beyond its last.
std::string SideOf(const ReadOff& read) {
  return read.side == ReadOff::Side::kBefore   ? "< "
         : read.side == ReadOff::Side::kBeyond ? "> "
                                               : "";
}

std::string ShowReadOff(const std::optional<ReadOff>& read) {
  return read ? SideOf(*read) + ShowBytes(read->x) : "–";
}

std::string ShowShare(const std::optional<ReadOff>& read, double bytes) {
  return read && bytes > 0 ? fmt::format("{}{:.2f}", SideOf(*read), read->x / bytes) : "–";
}

/// Which side of the text that was read the whole interval lies on. Beyond an end of the curve the
/// true amount is further out still.
std::string Verdict(const MonolingualReport::Reading& reading) {
  using Side = ReadOff::Side;
  if (!reading.equivalent || reading.bytes <= 0) return "";
  if (!reading.least || !reading.most) return "no interval";
  const ReadOff& least = *reading.least;
  const ReadOff& most = *reading.most;
  const bool more =
      least.x > reading.bytes || (least.side == Side::kBeyond && least.x == reading.bytes);
  if (more && least.side != Side::kBefore) return "transfer";
  const bool less =
      most.x < reading.bytes || (most.side == Side::kBefore && most.x == reading.bytes);
  return less && most.side != Side::kBeyond ? "the curse" : "not told apart";
}

/// Text that was read at least once: all of it, or what there was time for.
double ReadBytes(const RunValues& values, const std::string& point, const std::string& role,
                 const std::string& code, double text, double& repeats) {
  Measure plain;
  plain.metric = kRepeats;
  repeats = values.Fact(plain, point, role, code).value_or(0);
  return repeats > 0 ? text * std::min(1.0, repeats) : 0;
}

/// "5.000 bits at 977 KiB; not run at 3.81 MiB, 15.3 MiB": amounts without a value are those that
/// the manifest asks for.
std::string SayAmounts(const MonolingualReport& report) {
  std::vector<std::string> measured;
  std::vector<std::string> missing;
  for (const MonolingualReport::Amount& amount : report.curve) {
    if (amount.value.empty()) {
      missing.push_back(FormatBytes(amount.asked));
    } else {
      measured.push_back(fmt::format(
          "{} at {}", ShowMean(report.measure, amount.value),
          amount.bytes > 0 ? ShowBytes(amount.bytes) : FormatBytes(amount.asked) + " asked for"));
    }
  }
  return fmt::format("{}{}{}{}", fmt::join(measured, ", "),
                     measured.empty() || missing.empty() ? "" : "; ",
                     missing.empty() ? "" : "not run at ", fmt::join(missing, ", "));
}

std::string SayCurve(const MonolingualReport& report) {
  return fmt::format(
      "Models of {} alone: {}.{}{}", report.code, SayAmounts(report),
      report.complete ? "" : " Nothing is read off before all are there.",
      report.pooled ? " It was measured to rise somewhere; the points that rise were pooled." : "");
}

PageTable TableOf(const MonolingualReport& report) {
  PageTable table;
  table.title =
      fmt::format("{}{}: {}", report.code, report.name.empty() ? "" : " (" + report.name + ")",
                  report.measure.name);
  table.about = SayCurve(report);
  table.columns = {{"Point"},           {"Value", true},           {"95 % interval", true},
                   {"Reads as", true},  {"Interval", true},        {"Text read", true},
                   {"Times all", true}, {"Times text read", true}, {"Verdict"}};
  for (const MonolingualReport::Reading& reading : report.readings) {
    const bool interval = reading.least && reading.most;
    table.rows.push_back(
        {{reading.point, ""},
         {ShowMean(report.measure, reading.value), ""},
         {ShowRange(report.measure, reading.value), ""},
         {ShowReadOff(reading.equivalent), ""},
         {interval ? ShowReadOff(reading.least) + " to " + ShowReadOff(reading.most) : "", ""},
         {reading.bytes > 0 ? ShowBytes(reading.bytes) : "–", ""},
         {reading.repeats > 0 ? FormatNumber(reading.repeats, 2) : "–", ""},
         {ShowShare(reading.equivalent, reading.bytes), ""},
         {Verdict(reading), ""}});
  }
  return table;
}

}  // namespace

std::vector<MonolingualReport> ReadOffMonolingual(const ReportInputs& inputs,
                                                  const RunValues& values) {
  const Experiment& experiment = inputs.experiment;
  std::vector<MonolingualReport> reports;
  for (const auto& [code, amounts] : experiment.monolingual.max_bytes) {
    MonolingualReport report;
    report.measure = FindMeasure(inputs.measures, experiment.monolingual.metric);
    report.code = code;
    const auto language = experiment.languages.find(code);
    if (language != experiment.languages.end()) report.name = language->second.name;
    for (const Point& point : experiment.points) {
      if (std::find(point.languages.begin(), point.languages.end(), code) ==
          point.languages.end()) {
        continue;
      }
      MonolingualReport::Reading reading;
      reading.point = point.id;
      reading.value = values.Series(report.measure, point.id, kMainRole, {code});
      reading.bytes =
          ReadBytes(values, point.id, kMainRole, code,
                    values.TextBytes(point.id, kMainRole, code).value_or(0), reading.repeats);
      report.readings.push_back(std::move(reading));
    }
    std::vector<CurvePoint> points;
    for (const std::int64_t amount : amounts) {
      MonolingualReport::Amount entry;
      entry.point = fmt::format("{}-{}", code, amount);
      entry.asked = amount;
      entry.value = values.Series(report.measure, entry.point, kMonolingualRole, {code});
      double repeats = 0;
      entry.bytes =
          ReadBytes(values, entry.point, kMonolingualRole, code,
                    values.TextBytes(entry.point, kMonolingualRole, code).value_or(0), repeats);
      // Two amounts beyond what there is are one.
      const bool further = points.empty() || entry.bytes > points.back().x;
      if (!entry.value.empty() && entry.bytes > 0 && further) {
        points.push_back({entry.bytes, entry.value.mean.mean});
      }
      report.curve.push_back(std::move(entry));
    }
    report.complete = points.size() >= 2 &&
                      std::all_of(report.curve.begin(), report.curve.end(), [](const auto& amount) {
                        return !amount.value.empty() && amount.bytes > 0;
                      });
    if (report.complete) {
      const FallingCurve curve(std::move(points));
      report.pooled = curve.pooled();
      for (MonolingualReport::Reading& reading : report.readings) {
        if (reading.value.empty()) continue;
        const MeanInterval& mean = reading.value.mean;
        reading.equivalent = curve.Read(mean.mean);
        if (!mean.known()) continue;
        reading.least = curve.Read(mean.high);
        reading.most = curve.Read(mean.low);
      }
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

ReportPanel MonolingualPanel(const std::vector<MonolingualReport>& reports) {
  ReportPanel panel;
  panel.title = "Monolingual-data equivalents";
  panel.about =
      "Models of one language alone, trained for as many updates on less and less text (their "
      "vocabulary is learnt from all of it), give the curve over the text that they read. Each "
      "point "
      "of the sweep is read off it, between its points on a line over the logarithm of the amount, "
      "never beyond its ends. A point shares its updates out among its languages, so it reads less "
      "of each: what it reads as is set against the text that it read. Above that, other languages "
      "helped (transfer); below, they cost (the curse). Intervals hold the pretraining seeds of "
      "the "
      "point, not those of the curve.";
  for (const MonolingualReport& report : reports) panel.tables.push_back(TableOf(report));
  return panel;
}

}  // namespace repro
