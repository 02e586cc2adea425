#include "experiments/programs/run_leaks.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/manifest/fields.h"
#include "core/report/report_text.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/coded/coded_language.h"
#include "experiments/corpus/coded/slice_leaks.h"
#include "experiments/programs/run_artifact.h"
#include "experiments/tasks/coded/spec.h"
#include "experiments/tasks/evaluation_text/spec.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCoded = "coded";
const std::atomic<bool> kNever = false;  // asked to stop

/// What `evaluation_text` tasks have collected.
struct Evaluation {
  EvaluationLines hashes;
  std::set<std::string> sets;
};

Result<Evaluation> LoadEvaluation(const NamedTasks& named, const ArtifactStore& store) {
  const std::vector<TaskRow> tasks = named.OfKind("evaluation_text");
  if (tasks.empty()) {
    return Fail(ErrorCode::kNotFound,
                "{} has no task that collects evaluation text: stage `evaluation` is not among its "
                "`clean.stages`, or its text is synthetic (`repro data check babel`)",
                named.name);
  }
  Evaluation evaluation;
  for (const TaskRow& task : tasks) {
    REPRO_ASSIGN_OR_RETURN(const RunArtifact artifact, FindArtifact(store, task));
    REPRO_ASSIGN_OR_RETURN(const auto hashes, LoadHashes(artifact.folder / "lines.hashes"));
    const auto spec = FromJson<EvaluationTextSpec>(task.spec);
    if (!spec) return Context(task.label, spec.error());
    auto& all = spec->letters ? evaluation.hashes.letters : evaluation.hashes.lines;
    all.insert(all.end(), hashes.begin(), hashes.end());
    REPRO_ASSIGN_OR_RETURN(const Json counts, LoadJson(artifact.folder / "counts.json"));
    const Json by_set = counts.is_object() ? counts.value("by_set", Json::object()) : Json();
    for (const auto& [set, unused] : by_set.items()) evaluation.sets.insert(set);
  }
  for (auto* const hashes : {&evaluation.hashes.lines, &evaluation.hashes.letters}) {
    std::sort(hashes->begin(), hashes->end());
    hashes->erase(std::unique(hashes->begin(), hashes->end()), hashes->end());
  }
  return evaluation;
}

void Take(const SharedLines& lines, TextLeaks& leaks) {
  leaks.lines = lines.lines();
  leaks.shared = lines.shared();
  leaks.alike = lines.alike();
  leaks.shared_examples = lines.shared_examples();
  leaks.alike_examples = lines.alike_examples();
}

/// The artifact of a task; nothing where it has left none yet.
Result<std::optional<fs::path>> FolderOf(const ArtifactStore& store, const TaskRow& task) {
  REPRO_ASSIGN_OR_RETURN(const auto record, store.Find(task.kind, task.key));
  if (!record) return std::optional<fs::path>();
  return std::optional(store.Folder(task.kind, task.key));
}

/// The slice that a `coded` task reads, and what is known of its text before it was looked at.
Result<std::pair<CodedSlice, TextLeaks>> ReadCodedTask(const TaskRow& task) {
  const auto spec = FromJson<CodedSpec>(task.spec);
  if (!spec) return Context(task.label, spec.error());
  TextLeaks leaks;
  leaks.task = task;
  leaks.language = CodedLanguageName(spec->language);
  leaks.before_recoding = true;
  return std::pair(CodedSlice{.language = spec->language,
                              .seed = spec->coded.seed,
                              .slices = spec->coded.slices,
                              .buckets = spec->settings.buckets},
                   std::move(leaks));
}

/// The coded languages that are made of the same documents, in one pass through these.
Status LookAtCoded(const NamedTasks& named, const ArtifactStore& store,
                   const Evaluation& evaluation, std::vector<TextLeaks>& found) {
  const std::vector<TaskRow> cleaned = named.OfKind("clean");
  std::map<std::string, std::vector<TaskRow>> by_clean;
  for (const TaskRow& task : named.OfKind(kCoded)) {
    by_clean[TextField(task.inputs, "clean")].push_back(task);
  }
  for (const auto& [key, tasks] : by_clean) {
    const auto clean = std::find_if(cleaned.begin(), cleaned.end(),
                                    [&](const TaskRow& row) { return row.key == key; });
    if (clean == cleaned.end()) {
      return Fail(ErrorCode::kNotFound, "'{}': its input 'clean' ({}) is not in the run log",
                  tasks.front().label, ShortKey(key));
    }
    std::vector<CodedSlice> slices;
    std::vector<TextLeaks> texts;
    for (const TaskRow& task : tasks) {
      REPRO_ASSIGN_OR_RETURN(auto read, ReadCodedTask(task));
      slices.push_back(std::move(read.first));
      texts.push_back(std::move(read.second));
    }
    REPRO_ASSIGN_OR_RETURN(const auto folder, FolderOf(store, *clean));
    if (folder) {
      REPRO_ASSIGN_OR_RETURN(const auto lines, LookAtSlices(*folder / CodedLanguageName(0), slices,
                                                            evaluation.hashes, kNever));
      for (std::size_t i = 0; i < texts.size(); ++i) Take(lines[i], texts[i]);
    }
    for (TextLeaks& text : texts) {
      text.made = folder.has_value();
      found.push_back(std::move(text));
    }
  }
  return {};
}

Status LookAtText(const TaskRow& task, const ArtifactStore& store, const Evaluation& evaluation,
                  std::vector<TextLeaks>& found) {
  TextLeaks& leaks = found.emplace_back();
  leaks.task = task;
  leaks.language = TextField(task.spec, "language");
  REPRO_ASSIGN_OR_RETURN(const auto folder, FolderOf(store, task));
  leaks.made = folder.has_value();
  if (!folder) return {};
  SharedLines lines(evaluation.hashes);
  REPRO_RETURN_IF_ERROR(lines.AddFile(*folder / "text.txt", kNever));
  Take(lines, leaks);
  return {};
}

const char* WhatWasRead(const TextLeaks& text) {
  return text.before_recoding ? "English before recoding" : "text.txt";
}

}  // namespace

std::int64_t RunLeaks::shared() const {
  std::int64_t sum = 0;
  for (const TextLeaks& text : texts) sum += text.shared;
  return sum;
}

std::int64_t RunLeaks::alike() const {
  std::int64_t sum = 0;
  for (const TextLeaks& text : texts) sum += text.alike;
  return sum;
}

std::int64_t RunLeaks::unmade() const {
  return std::count_if(texts.begin(), texts.end(), [](const auto& text) { return !text.made; });
}

Result<RunLeaks> FindLeaks(const NamedTasks& named, const ArtifactStore& store) {
  REPRO_ASSIGN_OR_RETURN(const Evaluation evaluation, LoadEvaluation(named, store));
  RunLeaks leaks;
  leaks.evaluation_lines = static_cast<std::int64_t>(evaluation.hashes.lines.size());
  leaks.by_letters = !evaluation.hashes.letters.empty();
  leaks.evaluation_sets = {evaluation.sets.begin(), evaluation.sets.end()};
  for (const char* kind : {"subset", "corpus"}) {
    for (const TaskRow& task : named.OfKind(kind)) {
      REPRO_RETURN_IF_ERROR(LookAtText(task, store, evaluation, leaks.texts));
    }
  }
  REPRO_RETURN_IF_ERROR(LookAtCoded(named, store, evaluation, leaks.texts));
  if (leaks.texts.empty()) {
    return Fail(ErrorCode::kNotFound, "{} has no task that makes text to train on", named.name);
  }
  std::stable_sort(leaks.texts.begin(), leaks.texts.end(), [](const auto& a, const auto& b) {
    return std::pair(a.language, a.task.label) < std::pair(b.language, b.task.label);
  });
  return leaks;
}

void PrintLeaks(const RunLeaks& leaks, std::size_t table_width, std::size_t width, bool color,
                std::ostream& out) {
  std::vector<TextTable::Column> columns = {{"language"}, {"lines", true}, {"of test sets", true}};
  if (leaks.by_letters) columns.push_back({"by letters", true});
  columns.insert(columns.end(), {{"looked at"}, {"task"}});
  TextTable table(std::move(columns));
  for (const TextLeaks& text : leaks.texts) {
    const auto count = [&](std::int64_t of, Style style) {
      return text.made ? TextTable::Cell(FormatCount(of), of > 0 ? style : Style::kPlain)
                       : TextTable::Cell("-");
    };
    std::vector<TextTable::Cell> row = {{text.language, Style::kBold},
                                        count(text.lines, Style::kPlain),
                                        count(text.shared, Style::kRed)};
    if (leaks.by_letters) row.push_back(count(text.alike, Style::kYellow));
    row.emplace_back(text.made ? WhatWasRead(text) : "nothing: it is not made yet",
                     text.made ? Style::kPlain : Style::kYellow);
    row.emplace_back(text.task.label);
    table.AddRow(std::move(row));
  }
  table.Print(out, color, table_width);
  const auto say = [&](const std::string& text, std::size_t indent) {
    for (const std::string& line : WrapToColumns(Printable(text), width - indent)) {
      out << std::string(indent, ' ') << line << '\n';
    }
  };
  for (const TextLeaks& text : leaks.texts) {
    const auto list = [&](const std::vector<SharedLine>& lines, const char* how) {
      if (lines.empty()) return;
      out << '\n';
      say(fmt::format("{}, of {}{}:", text.language, text.task.label, how), 0);
      for (const SharedLine& line : lines) say(fmt::format("{}: {}", line.where, line.text), 2);
    };
    list(text.shared_examples, "");
    list(text.alike_examples, ", by letters");
  }
  out << '\n';
  const std::string tested = fmt::format(
      "{} different lines of {} (normalised)", FormatCount(leaks.evaluation_lines),
      leaks.evaluation_sets.empty() ? "no data set"
                                    : fmt::format("{}", fmt::join(leaks.evaluation_sets, ", ")));
  if (leaks.shared() > 0) {
    say(fmt::format("Leak: {} of these texts are among the {}.",
                    leaks.shared() == 1 ? "1 line" : FormatCount(leaks.shared()) + " lines",
                    tested),
        0);
  } else if (leaks.evaluation_lines == 0) {
    say("Nothing is known of leaks: no test set was at hand when the text was cleaned.", 0);
  } else {
    say(fmt::format("No line of {} texts is among the {}.",
                    leaks.unmade() > 0 ? "the other" : "these", tested),
        0);
  }
  if (leaks.alike() > 0) {
    say(fmt::format("{} the letters and digits of one of them and other punctuation, spaces or "
                    "spelling of characters; `clean.evaluation_letters` = true keeps them out.",
                    leaks.alike() == 1 ? "1 line has" : FormatCount(leaks.alike()) + " lines have"),
        0);
  }
}

Json LeaksToJson(const RunLeaks& leaks) {
  const auto list = [](const std::vector<SharedLine>& lines) {
    Json examples = Json::array();
    for (const SharedLine& line : lines) {
      examples.push_back({{"where", line.where}, {"text", line.text}});
    }
    return examples;
  };
  Json texts = Json::array();
  for (const TextLeaks& text : leaks.texts) {
    texts.push_back({{"language", text.language},
                     {"task", text.task.key},
                     {"label", text.task.label},
                     {"before_recoding", text.before_recoding},
                     {"made", text.made},
                     {"lines", text.lines},
                     {"shared_lines", text.shared},
                     {"alike_lines", text.alike},
                     {"examples", list(text.shared_examples)},
                     {"alike_examples", list(text.alike_examples)}});
  }
  return {{"ok", leaks.shared() == 0 && leaks.unmade() == 0 && leaks.evaluation_lines > 0},
          {"evaluation_lines", leaks.evaluation_lines},
          {"evaluation_sets", leaks.evaluation_sets},
          {"shared_lines", leaks.shared()},
          {"alike_lines", leaks.alike()},
          {"texts", std::move(texts)}};
}

std::string LeaksToCsv(const RunLeaks& leaks) {
  std::string csv = "language,task,text,lines,shared_lines,alike_lines\n";
  for (const TextLeaks& text : leaks.texts) {
    const auto count = [&](std::int64_t of) { return text.made ? std::to_string(of) : ""; };
    csv += fmt::format("{},{},{},{},{},{}\n", CsvField(text.language), text.task.key,
                       CsvField(WhatWasRead(text)), count(text.lines), count(text.shared),
                       leaks.by_letters ? count(text.alike) : "");
  }
  return csv;
}

}  // namespace repro
