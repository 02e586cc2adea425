#include "experiments/tasks/corpus_stats/task.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/manifest/fields.h"
#include "experiments/corpus/clean/funnel.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/coded/coded_language.h"
#include "experiments/corpus/coded/slice_leaks.h"
#include "experiments/tasks/corpus_stats/spec.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// What the task that wrote a text counted in it.
struct TextCounts {
  std::int64_t bytes = 0;
  std::int64_t documents = 0;
  std::int64_t sentences = 0;
  std::int64_t words = 0;
  std::string left_out;  ///< why nothing is trained on it
};

Result<TextCounts> LoadCounts(const fs::path& folder) {
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(folder / "stats.json"));
  return TextCounts{.bytes = IntegerField(json, "bytes"),
                    .documents = IntegerField(json, "documents"),
                    .sentences = IntegerField(json, "sentences"),
                    .words = IntegerField(json, "words"),
                    .left_out = TextField(json, "left_out")};
}

class Statistics {
 public:
  Statistics(const CorpusStatsSpec& spec, TaskContext& context) : spec_(spec), context_(context) {}

  Status Write() {
    for (const std::string& language : spec_.languages) {
      REPRO_ASSIGN_OR_RETURN(const fs::path folder, context_.Input(language));
      REPRO_ASSIGN_OR_RETURN(TextCounts counts, LoadCounts(folder));
      counts_.emplace(language, std::move(counts));
    }
    WriteCounts();
    REPRO_RETURN_IF_ERROR(WriteFunnel());
    REPRO_RETURN_IF_ERROR(WriteLeaks());
    REPRO_RETURN_IF_ERROR(WriteFileAtomic(
        context_.out / "stats.json", Json({{"version", 1}, {"languages", json_}}).dump(1) + "\n"));
    return context_.events.status();
  }

 private:
  void Log(std::string name, double value, const std::string& language) {
    context_.events.Write({.name = std::move(name), .value = value, .language = language});
  }

  void WriteCounts() {
    constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
    for (const auto& [language, counts] : counts_) {
      if (!counts.left_out.empty()) {
        json_[language] = {{"left_out", counts.left_out}};
        continue;
      }
      json_[language] = {{"bytes", counts.bytes},
                         {"documents", counts.documents},
                         {"lines", counts.sentences},
                         {"words", counts.words}};
      const auto bytes = static_cast<double>(counts.bytes);
      Log("corpus.gib", bytes / kGib, language);
      Log("corpus.gb", bytes / 1e9, language);
      Log("corpus.million_tokens", static_cast<double>(counts.words) / 1e6, language);
      Log("corpus.documents", static_cast<double>(counts.documents), language);
    }
  }

  /// An amount at a step of cleaning: funnel.PLACE.STEP[.REASON].UNIT.
  void LogAmount(std::size_t place, std::string_view step, const TextAmount& amount,
                 const std::string& language) {
    const std::string name = fmt::format("funnel.{}.{}.", place, step);
    Log(name + "documents", static_cast<double>(amount.documents), language);
    Log(name + "lines", static_cast<double>(amount.lines), language);
    Log(name + "bytes", static_cast<double>(amount.bytes), language);
  }

  Status WriteFunnel() {
    const auto clean = context_.inputs.find(kCleanRole);
    if (clean == context_.inputs.end()) return {};
    const fs::path path = clean->second / "funnel.json";
    REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
    const auto funnel = Funnel::FromJson(json.contains("rows") ? json.at("rows") : Json());
    if (!funnel) return Context(path.string(), funnel.error());
    std::map<std::string, Funnel::Row> rows;  // over data sets
    for (const auto& [key, row] : funnel->rows()) {
      Funnel::Row& sum = rows[key.language];
      sum.read += row.read;
      sum.kept += row.kept;
      for (const auto& [what, amount] : row.dropped) sum.dropped[what] += amount;
    }
    REPRO_ASSIGN_OR_RETURN(const Json notes, LoadJson(clean->second / "notes.json"));
    for (const auto& [reason, note] : notes.at("notes").items()) {
      Log("faults." + reason, static_cast<double>(IntegerField(note, "count")), "");
    }
    const auto& stages = spec_.stages;
    for (const auto& [language, row] : rows) {
      LogAmount(0, "read", row.read, language);
      for (const auto& [what, amount] : row.dropped) {
        const auto place = std::find(stages.begin(), stages.end(), what.stage) - stages.begin();
        LogAmount(static_cast<std::size_t>(place) + 1,
                  fmt::format("{}.{}", what.stage, what.reason), amount, language);
      }
      LogAmount(stages.size() + 1, "kept", row.kept, language);
    }
    return {};
  }

  /// One for each language, in order of the codes.
  Result<std::vector<SharedLines>> LookForLeaks(const EvaluationLines& evaluation) {
    if (spec_.slices > 0) {
      std::vector<CodedSlice> slices;
      for (const std::string& language : spec_.languages) {
        slices.push_back({.language = ParseCodedLanguageName(language).value_or(0),
                          .seed = spec_.slice_seed,
                          .slices = spec_.slices,
                          .buckets = spec_.buckets});
      }
      REPRO_ASSIGN_OR_RETURN(const fs::path clean, context_.Input(kCleanRole));
      return LookAtSlices(clean / CodedLanguageName(0), slices, evaluation, context_.stop);
    }
    std::vector<SharedLines> texts;
    for (const std::string& language : spec_.languages) {
      context_.events.Progress(static_cast<std::int64_t>(texts.size()),
                               static_cast<std::int64_t>(spec_.languages.size()), "languages");
      REPRO_RETURN_IF_ERROR(texts.emplace_back(evaluation)
                                .AddFile(context_.inputs.at(language) / "text.txt", context_.stop));
    }
    return texts;
  }

  Status WriteLeaks() {
    const auto folder = context_.inputs.find(kEvaluationRole);
    if (folder == context_.inputs.end()) return {};
    REPRO_ASSIGN_OR_RETURN(const fs::path letters, context_.Input(kEvaluationLettersRole));
    EvaluationLines evaluation;
    REPRO_ASSIGN_OR_RETURN(evaluation.lines, LoadHashes(folder->second / "lines.hashes"));
    REPRO_ASSIGN_OR_RETURN(evaluation.letters, LoadHashes(letters / "lines.hashes"));
    REPRO_ASSIGN_OR_RETURN(const std::vector<SharedLines> texts, LookForLeaks(evaluation));
    Log("leaks.evaluation_lines", static_cast<double>(evaluation.lines.size()), "");
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string& language = spec_.languages[i];
      if (!counts_.at(language).left_out.empty()) continue;
      Log("leaks.lines", static_cast<double>(texts[i].lines()), language);
      Log("leaks.shared_lines", static_cast<double>(texts[i].shared()), language);
      Log("leaks.alike_lines", static_cast<double>(texts[i].alike()), language);
      json_[language]["shared_lines"] = texts[i].shared();
      json_[language]["alike_lines"] = texts[i].alike();
      if (texts[i].shared() == 0) continue;
      const SharedLine& example = texts[i].shared_examples().front();
      context_.events.Message(
          "warning", fmt::format("leak: {} of {} lines of {} are lines of a test set, e.g. {}: {}",
                                 FormatCount(texts[i].shared()), FormatCount(texts[i].lines()),
                                 language, example.where, Printable(Prefix(example.text, 120))));
    }
    return {};
  }

  const CorpusStatsSpec& spec_;
  TaskContext& context_;
  std::map<std::string, TextCounts> counts_;
  Json json_ = Json::object();
};

}  // namespace

Status RunCorpusStatsTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const auto spec, FromJson<CorpusStatsSpec>(context.task.spec));
  return Statistics(spec, context).Write();
}

}  // namespace repro
