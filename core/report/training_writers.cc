#include "core/report/training_writers.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/report/report_text.h"

namespace repro {
namespace {

/// JSON has no nan and no infinity.
Json Number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

std::string Loss(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : fmt::format("{}", value);
}

std::string Percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100 * share) : fmt::format("{}", share);
}

std::string TokenRate(double value) {
  std::string text = FormatRate(value);
  if (text.ends_with("/s")) text.resize(text.size() - 2);
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> KnownFigures(const TrainingSummary& summary) {
  std::vector<std::pair<std::string, std::string>> figures;
  const auto add = [&figures](const char* name, const std::optional<double>& value, auto show) {
    if (value) figures.emplace_back(name, show(*value));
  };
  const auto digits = [](double value) { return fmt::format("{:.3g}", value); };
  if (summary.total > 0) {
    figures.emplace_back(
        summary.unit.empty() ? "done" : Printable(summary.unit),
        fmt::format("{} of {} ({:.0f} %)", FormatCount(summary.done), FormatCount(summary.total),
                    std::floor(100 * static_cast<double>(summary.done) /
                               static_cast<double>(summary.total))));
  }
  add("time left", summary.eta_seconds, FormatDuration);
  add("loss", summary.loss, Loss);
  add("validation loss", summary.valid_loss, Loss);
  if (!summary.score.empty()) add("dev score", summary.dev_score, Percent);
  add("learning rate", summary.learning_rate, digits);
  add("gradient norm", summary.gradient_norm, digits);
  add("tokens/s", summary.tokens_per_second, TokenRate);
  add("MFU", summary.mfu, Percent);
  add("data wait", summary.data_wait, Percent);
  add("peak memory", summary.peak_memory,
      [](double v) { return FormatBytes(static_cast<std::int64_t>(v)); });
  add("plateau margin", summary.plateau_margin,
      [](double v) { return fmt::format("{:.3f} nats", v); });
  return figures;
}

std::vector<LanguageColumn> LanguageColumns(const std::vector<LanguageState>& languages) {
  std::vector<LanguageColumn> columns = {{"dev score", &LanguageState::dev_score, true},
                                         {"dev loss", &LanguageState::dev_loss},
                                         {"validation loss", &LanguageState::valid_loss},
                                         {"training loss", &LanguageState::train_loss},
                                         {"unigram", &LanguageState::unigram_loss},
                                         {"without context", &LanguageState::context_free_loss}};
  std::erase_if(columns, [&languages](const LanguageColumn& column) {
    return std::none_of(languages.begin(), languages.end(), [&column](const LanguageState& state) {
      return (state.*column.value).has_value();
    });
  });
  return columns;
}

std::string ShowLanguageValue(const LanguageColumn& column, const LanguageState& language) {
  const std::optional<double>& value = language.*column.value;
  if (!value) return "-";
  return column.share ? Percent(*value) : Loss(*value);
}

Json TrainingJson(const TrainingTask& training, std::int64_t now_ms) {
  const TrainingSummary summary = SummarizeTraining(training, now_ms);
  const auto number = [](const std::optional<double>& value) {
    return value ? Number(*value) : Json(nullptr);
  };
  Json languages = Json::array();
  for (const LanguageState& language : summary.languages) {
    languages.push_back({{"language", language.language},
                         {"validation_loss", number(language.valid_loss)},
                         {"training_loss", number(language.train_loss)},
                         {"unigram_loss", number(language.unigram_loss)},
                         {"context_free_loss", number(language.context_free_loss)},
                         {"dev_score", number(language.dev_score)},
                         {"dev_loss", number(language.dev_loss)}});
  }
  Json happenings = Json::array();
  for (const Happening& happening : summary.happenings) {
    happenings.push_back(
        {{"time_ms", happening.time_ms}, {"level", happening.level}, {"text", happening.text}});
  }
  return {{"task", training.task.key},
          {"label", training.task.label},
          {"state", TrainingState(training)},
          {"verdict", TrainingVerdict(training, summary)},
          {"done", summary.done},
          {"total", summary.total},
          {"unit", summary.unit},
          {"eta_seconds", number(summary.eta_seconds)},
          {"loss", number(summary.loss)},
          {"validation_loss", number(summary.valid_loss)},
          {"dev_score", number(summary.dev_score)},
          {"learning_rate", number(summary.learning_rate)},
          {"gradient_norm", number(summary.gradient_norm)},
          {"tokens_per_second", number(summary.tokens_per_second)},
          {"mfu", number(summary.mfu)},
          {"data_wait", number(summary.data_wait)},
          {"peak_memory_bytes", number(summary.peak_memory)},
          {"plateau_margin", number(summary.plateau_margin)},
          {"languages", std::move(languages)},
          {"happenings", std::move(happenings)}};
}

std::string WriteTrainingMarkdown(const TrainingReport& report) {
  std::string out;
  const auto line = [&out](const std::string& text) { out += text + "\n"; };
  const auto row = [&line](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + MarkdownText(cell) + " |";
    line(text);
  };
  const auto rule = [&line](std::size_t text_columns, std::size_t columns) {
    std::string text = "|";
    for (std::size_t i = 0; i < columns; ++i) text += i < text_columns ? " --- |" : " ---: |";
    line(text);
  };
  line(fmt::format("# Run {}: {} {}, {} scale", report.run.id,
                   MarkdownText(report.run.experiment_id), MarkdownText(report.run.point),
                   MarkdownText(report.run.scale)));
  bool first = true;
  for (const std::string& sentence : TrainingHeadline(report)) {
    line("");
    line(first ? "**" + MarkdownText(sentence) + "**" : MarkdownText(sentence));
    first = false;
  }
  for (const TrainingTask& training : report.training) {
    const TrainingSummary summary = SummarizeTraining(training, report.now_ms);
    line("");
    line("## " + MarkdownText(training.task.label));
    line("");
    line(MarkdownText(TrainingVerdict(training, summary)));
    const auto figures = KnownFigures(summary);
    if (!figures.empty()) {
      line("");
      row({"figure", "now"});
      rule(1, 2);
    }
    for (const auto& [name, value] : figures) row({name, value});
    const std::vector<LanguageColumn> columns = LanguageColumns(summary.languages);
    if (!columns.empty()) {
      line("");
      std::vector<std::string> cells = {"language"};
      for (const LanguageColumn& column : columns) cells.emplace_back(column.name);
      row(cells);
      rule(1, cells.size());
      for (const LanguageState& language : summary.languages) {
        cells = {language.language};
        for (const LanguageColumn& column : columns) {
          cells.push_back(ShowLanguageValue(column, language));
        }
        row(cells);
      }
    }
    if (!summary.happenings.empty()) line("");
    for (const Happening& happening : summary.happenings) {
      line(fmt::format("- {} {}", FormatTime(happening.time_ms),
                       MarkdownText(Brief(happening.text))));
    }
  }
  line("");
  line("## Where this comes from");
  line("");
  for (const auto& [name, value] : TrainingFacts(report)) {
    line(fmt::format("- {}: {}", name, MarkdownText(value)));
  }
  return out;
}

std::string WriteTrainingCsv(const TrainingReport& report) {
  std::string out = "run,task,label,metric,split,language,seed,step,value\n";
  for (const TrainingTask& training : report.training) {
    for (const TrainingCurve& curve : training.curves) {
      const std::string head =
          fmt::format("{},{},{},{},{},{},{},", report.run.id, training.task.key,
                      CsvField(training.task.label), CsvField(curve.series.name),
                      CsvField(curve.series.split), CsvField(curve.series.language),
                      curve.series.seed < 0 ? std::string() : std::to_string(curve.series.seed));
      for (const MetricPoint& point : curve.points) {
        fmt::format_to(std::back_inserter(out), "{}{},{}\n", head, point.step,
                       CsvNumber(point.value));
      }
    }
  }
  return out;
}

std::string WriteTrainingJson(const TrainingReport& report) {
  Json trainings = Json::array();
  for (const TrainingTask& training : report.training) {
    Json entry = TrainingJson(training, report.now_ms);
    entry["curves"] = Json::array();
    for (const TrainingCurve& curve : training.curves) {
      Json steps = Json::array();
      Json values = Json::array();
      for (const MetricPoint& point : curve.points) {
        steps.push_back(point.step);
        values.push_back(Number(point.value));
      }
      entry["curves"].push_back({{"name", curve.series.name},
                                 {"split", curve.series.split},
                                 {"language", curve.series.language},
                                 {"seed", curve.series.seed},
                                 {"steps", std::move(steps)},
                                 {"values", std::move(values)}});
    }
    trainings.push_back(std::move(entry));
  }
  Json facts = Json::array();
  for (const auto& [name, value] : TrainingFacts(report)) {
    facts.push_back({{"name", name}, {"value", value}});
  }
  const Json json = {{"run", report.run.id},
                     {"experiment", report.run.experiment_id},
                     {"scale", report.run.scale},
                     {"point", report.run.point},
                     {"role", report.run.role},
                     {"state", report.run.state},
                     {"pretrain_seed", report.run.pretrain_seed},
                     {"finetune_seeds", report.run.finetune_seeds},
                     {"headline", TrainingHeadline(report)},
                     {"training", std::move(trainings)},
                     {"facts", std::move(facts)},
                     {"config", report.run.config},
                     {"provenance", report.invocation ? report.invocation->provenance : Json()},
                     {"made_ms", report.now_ms}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace repro
