#include "experiments/tasks/point_checks.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/manifest/document.h"
#include "core/manifest/section_reader.h"
#include "experiments/corpus/coded/coded_language.h"
#include "experiments/tasks/contradictions.h"
#include "experiments/tasks/import/spec.h"
#include "experiments/tasks/settings.h"

namespace repro {
namespace {

class PointChecker {
 public:
  PointChecker(const Point& point, const Experiment& experiment, ImportedModels& models,
               RealText& real_text, Diagnostics& diagnostics)
      : point_(point),
        config_(*point.config),
        experiment_(experiment),
        models_(models),
        real_text_(real_text),
        diagnostics_(diagnostics) {}

  void Check() {
    const auto settings = ReadSettings<RunSettings>(config_, diagnostics_);
    CheckWorld(settings);
    if (IsImportSource(settings.pretrain.from)) CheckImported(settings);
    if (!experiment_.monolingual.max_bytes.empty()) CheckMonolingual(settings);
    if (IsRealText(settings.corpus.source)) {
      CheckRealText(settings);
    } else {
      CheckNominalSizes(settings);
    }
  }

 private:
  SourcePosition PositionOfSource() const { return config_.PositionOf("corpus.source"); }

  // The source as messages say it.
  std::string Stated(const std::string& source) const {
    return fmt::format("`corpus.source` = \"{}\"{}", source,
                       config_.Find("corpus.source") == nullptr ? " (the default)" : "");
  }

  void CheckWorld(const RunSettings& settings) {
    const std::string& source = settings.corpus.source;
    if (WorldOf(source) == experiment_.world) return;
    std::vector<std::string> fitting = CorpusSources();
    fitting.push_back(std::string(kDatasetPrefix) + "ID");
    fitting.push_back(std::string(kCodedPrefix) + "ID");
    std::erase_if(fitting, [&](const auto& other) { return WorldOf(other) != experiment_.world; });
    diagnostics_.Add(PositionOfSource(),
                     fmt::format("{} with `world` = \"{}\"", Stated(source), experiment_.world),
                     "expected " + OneOfText(fitting) + " in this world");
  }

  // Text of data sets: what they hold is in their manifests, how much of it is not.
  void CheckRealText(const RunSettings& settings) {
    const std::string& source = settings.corpus.source;
    if (const Status known = real_text_.Check(DatasetOf(source)); !known) {
      diagnostics_.Add(PositionOfSource(), Stated(source) + ": " + known.error().message,
                       "expected \"dataset:\" or \"coded:\" with a name of `repro data list`, or "
                       "with the path of a manifest");
    }
    CheckCodedLanguages(settings);
    CheckClean(settings);
    CheckTestsets(settings);
    if (!SameTokens(point_) || IsCodedSource(source)) return;
    diagnostics_.Add(
        PositionOfSource(),
        fmt::format("{} at point `{}`, whose `budget` is "
                    "\"same-tokens-per-language\"",
                    Stated(source), point_.id),
        "expected \"same-updates\": how much text a language has is known only when it "
        "is read");
  }

  // Sources whose sizes languages.toml says.
  void CheckNominalSizes(const RunSettings& settings) {
    const std::string& source = settings.corpus.source;
    if (!experiment_.monolingual.max_bytes.empty()) {
      diagnostics_.Add(
          PositionOfSource(), Stated(source) + " with [monolingual]",
          "expected \"dataset:\" or \"coded:\": other sources have no smaller amounts");
    }
    std::vector<std::string> empty;
    for (const std::string& code : point_.languages) {
      if (NominalGb(experiment_, code, source) <= 0) empty.push_back(code);
    }
    if (!empty.empty()) {
      diagnostics_.Add(
          PositionOfSource(),
          fmt::format("point `{}` holds languages without text in {} ({})", point_.id,
                      Stated(source), fmt::join(empty, ", ")),
          fmt::format("expected languages that have `{}` in languages.toml", SizeField(source)));
    }
    if (SameTokens(point_) && settings.sampling.unit == "blocks") {
      diagnostics_.Add(config_.PositionOf("sampling.unit"),
                       fmt::format("`sampling.unit` = \"blocks\" at point `{}`, whose `budget` is "
                                   "\"same-tokens-per-language\"",
                                   point_.id),
                       "expected \"sentences\": how many blocks a language has is known only when "
                       "its text is encoded");
    }
    const auto& labelled = BenchmarkLanguages();
    const std::string& from = experiment_.source_language;
    if (std::find(labelled.begin(), labelled.end(), from) == labelled.end()) {
      diagnostics_.Add(config_.root().position,
                       fmt::format("`source_language` = \"{}\" has no labelled data", from),
                       "expected a language of XNLI: " + OneOfText(labelled));
    }
  }

  // One curve serves all points: they may differ in their languages alone, and have all their text.
  void CheckMonolingual(const RunSettings& settings) {
    for (const std::string& key : experiment_.sweep_keys) {
      if (key == "languages") continue;
      diagnostics_.Add(config_.PositionOf(key),
                       fmt::format("`{}` is swept beside [monolingual]", key),
                       "expected a sweep of `languages` alone: one curve serves all points");
    }
    const std::vector<std::pair<const char*, std::int64_t>> limits = {
        {"corpus.max_bytes", settings.corpus.max_bytes},
        {"corpus.max_sentences", settings.corpus.max_sentences},
        {"corpus.max_tokens", settings.corpus.max_tokens}};
    for (const auto& [key, value] : limits) {
      if (value == 0) continue;
      diagnostics_.Add(config_.PositionOf(key), fmt::format("`{}` beside [monolingual]", key),
                       "expected no limit: `monolingual.max_bytes` says how much text there is");
    }
    if (!settings.pretrain.from.empty()) {
      diagnostics_.Add(config_.PositionOf("pretrain.from"), "`pretrain.from` beside [monolingual]",
                       "expected none: its models are pretrained");
    }
  }

  void CheckSet(const char* key, const std::string& set, const Status& known,
                std::string_view expected) {
    if (known) return;
    const char* const written = config_.Find(key) == nullptr ? " (the default)" : "";
    diagnostics_.Add(config_.PositionOf(key),
                     fmt::format("`{}` = \"{}\"{}: {}", key, set, written, known.error().message),
                     expected);
  }
  void CheckParts(const char* key, const std::string& set, const RealText::Wanted& wanted) {
    if (set.empty()) return;
    CheckSet(
        key, set, real_text_.CheckParts(set, wanted),
        fmt::format("expected a data set {}with {} `{}`{}{}",
                    wanted.kind.empty() ? "" : fmt::format("of kind `{}` ", wanted.kind),
                    wanted.parts.size() == 1 ? "part" : "parts", fmt::join(wanted.parts, "`, `"),
                    wanted.language.empty() ? "" : " in ", wanted.language));
  }

  // A set that is `used` has to be named and to hold what is `wanted`. Every set has to be known:
  // what it holds is looked for in the text, whatever is measured. Whether it is at hand is another
  // question.
  void CheckTestset(const char* key, const std::string& set, bool used,
                    const RealText::Wanted& wanted) {
    if (used && set.empty()) {
      diagnostics_.Add(config_.PositionOf(key), fmt::format("`{}` is empty", key),
                       fmt::format("expected a data set of kind `{}`: models are measured with it",
                                   wanted.kind));
    } else if (used) {
      CheckParts(key, set, wanted);
    } else if (!set.empty()) {
      CheckKnown(key, set);
    }
  }
  void CheckKnown(const char* key, const std::string& set) {
    CheckSet(key, set, real_text_.CheckParts(set, {}),
             "expected a name of `repro data list`, or the path of a manifest");
  }

  void CheckTestsets(const RunSettings& settings) {
    const TestsetsSettings& sets = settings.testsets;
    const bool measured = !settings.corpus.only;
    const auto& tasks = settings.finetune.tasks;
    const auto learnt = [&](std::string_view task) {
      return measured && std::find(tasks.begin(), tasks.end(), task) != tasks.end();
    };
    CheckTestset("testsets.xnli", sets.xnli, learnt("xnli"),
                 {.kind = "nli", .parts = {"dev", "test"}});
    for (const std::string& set : sets.xnli_train) {
      CheckTestset("testsets.xnli_train", set, learnt("xnli"),
                   {.kind = "nli", .parts = {"train"}, .language = experiment_.source_language});
    }
    CheckTestset("testsets.tags", sets.tags, learnt("tags"),
                 {.kind = "ner", .parts = {"train", "dev"}});
    CheckTestset("testsets.parallel", sets.parallel, measured,
                 {.kind = "parallel", .parts = {"text"}});
    CheckTestset("testsets.pairs", sets.pairs, measured && !sets.pairs.empty(),
                 {.kind = "parallel", .parts = {"text", "english"}});
  }

  // Sets that cleaning reads beside the text.
  void CheckClean(const RunSettings& settings) {
    const CleanSettings& clean = settings.clean;
    const auto has = [&](std::string_view stage) {
      return std::find(clean.stages.begin(), clean.stages.end(), stage) != clean.stages.end();
    };
    for (const std::string& set : settings.testsets.evaluation) {
      if (has("evaluation")) {
        CheckSet("testsets.evaluation", set, real_text_.CheckEvaluation(set),
                 "expected data sets for evaluation");
      } else {
        CheckKnown("testsets.evaluation", set);
      }
    }
    if (has("language")) {
      CheckParts("clean.language_model", clean.language_model,
                 {.parts = {std::string(kLanguageModelPart)}});
    }
    if (!has("perplexity")) return;
    CheckParts("clean.line_models", clean.line_models, {.parts = {std::string(kLineModelPart)}});
    if (!clean.line_model_text.empty()) {
      CheckSet("clean.line_model_text", clean.line_model_text,
               real_text_.CheckLineModelText(clean.line_model_text), "expected a data set of text");
    }
    if (clean.line_models.empty() && clean.line_model_text.empty()) {
      diagnostics_.Add(config_.PositionOf("clean.stages"),
                       "`clean.stages` names `perplexity` without a language model",
                       "expected `clean.line_models`, a data set of them, or "
                       "`clean.line_model_text`, one to train them on");
    }
  }

  // Coded languages have text where English is recoded, and nowhere else; and each has its slice.
  void CheckCodedLanguages(const RunSettings& settings) {
    const std::string& source = settings.corpus.source;
    std::vector<std::string> wrong;
    for (const std::string& code : point_.languages) {
      const std::optional<std::int64_t> number = ParseCodedLanguageName(code);  // en: 0
      const bool fits = IsCodedSource(source) ? number.has_value() : number.value_or(0) == 0;
      if (!fits) wrong.push_back(code);
    }
    if (!wrong.empty()) {
      diagnostics_.Add(config_.PositionOf("corpus.source"),
                       fmt::format("point `{}` holds {} with `corpus.source` = \"{}\"", point_.id,
                                   fmt::join(wrong, ", "), source),
                       IsCodedSource(source) ? "expected en, en-c01, en-c02, ..."
                                             : "expected languages that people speak");
    }
    if (IsCodedSource(source)) CheckSlices(settings.coded.slices);
  }

  void CheckSlices(std::int64_t slices) {
    std::vector<std::string> beyond;
    std::int64_t highest = 0;
    for (const std::string& code : point_.languages) {
      const std::int64_t number = ParseCodedLanguageName(code).value_or(0);
      if (number < slices) continue;
      beyond.push_back(code);
      highest = std::max(highest, number);
    }
    if (beyond.empty()) return;
    diagnostics_.Add(
        config_.PositionOf("coded.slices"),
        fmt::format("`coded.slices` = {}{} leaves no text for {} of point `{}`", slices,
                    config_.Find("coded.slices") == nullptr ? " (the default)" : "",
                    fmt::join(beyond, ", "), point_.id),
        fmt::format("expected at least {}: English reads slice 0, en-c01 slice 1, and so on",
                    highest + 1));
  }

  // Weights from outside against what the manifest says beside them.
  void CheckImported(const RunSettings& settings) {
    const std::string& from = settings.pretrain.from;
    const SourcePosition where = config_.PositionOf("pretrain.from");
    const std::string stated = fmt::format("`pretrain.from` = \"{}\"", from);
    const Result<ImportRecord>& record = models_.Find(from);
    if (!record) {
      diagnostics_.Add(where, fmt::format("{}: {}", stated, record.error().message),
                       "expected a model that `repro import` takes");
      return;
    }
    const ModelShape& shape = record->shape;
    CheckModelSection(stated, shape);
    if (settings.evaluate.retrieval_layer > shape.settings.layers) {
      diagnostics_.Add(config_.PositionOf("evaluate.retrieval_layer"),
                       fmt::format("`evaluate.retrieval_layer` = {}, but {} has {} layers",
                                   settings.evaluate.retrieval_layer, from, shape.settings.layers),
                       fmt::format("expected 0 (the embeddings) to {}, or -1 for the middle layer",
                                   shape.settings.layers));
    }
    if (SameTokens(point_)) {
      diagnostics_.Add(where,
                       fmt::format("{} at point `{}`, whose `budget` is "
                                   "\"same-tokens-per-language\"",
                                   stated, point_.id),
                       "expected no budget: nothing is pretrained");
    }
    const std::size_t seeds = experiment_.pretrain_seeds.size();
    const auto& controls = experiment_.controls;
    if (seeds > 1 || (controls.seeds.size() > 1 && !controls.null_world.empty())) {
      diagnostics_.Add(where,
                       fmt::format("{} with {} in `{}`", stated,
                                   Plural(seeds > 1 ? seeds : controls.seeds.size(), "seed"),
                                   seeds > 1 ? "seeds.pretrain" : "controls.seeds"),
                       "expected one: nothing is pretrained, so all would be the same run");
    }
    if (record->has_lm_head) return;
    for (const Series& series : experiment_.series) {
      if (!series.metric.starts_with("retrieval.") && !series.metric.starts_with("pseudo_bits.")) {
        continue;
      }
      diagnostics_.Add(where,
                       fmt::format("{} has no LM head, and series `{}` shows `{}`", stated,
                                   series.id, series.metric),
                       "expected a model with one: without it nothing intrinsic is measured");
    }
  }

  // `[model]` may be written beside `pretrain.from`, as long as it says what the files say.
  void CheckModelSection(const std::string& stated, const ModelShape& shape) {
    const Node* section = config_.Find("model");
    if (section == nullptr || !section->IsTable()) return;
    const Json theirs = ToJson(shape.settings);
    for (const auto& [key, node] : Leaves(*section)) {
      const auto value = theirs.find(key);
      if (value == theirs.end()) continue;  // reported as unknown
      const Node expected = value->is_number_integer() ? Node(value->get<std::int64_t>())
                                                       : Node(value->get<double>());
      if (node->SameValue(expected)) continue;
      const bool four_times = key == "feed_forward" && node->SameValue(Node(std::int64_t{0})) &&
                              shape.FeedForward() == 4 * shape.settings.hidden;
      if (four_times) continue;
      diagnostics_.Add(node->position,
                       fmt::format("`model.{}` = {} with {}, where it is {}", key, node->ToText(),
                                   stated, expected.ToText()),
                       "expected nothing, or what the model's own config.json says");
    }
  }

  const Point& point_;
  const Document& config_;
  const Experiment& experiment_;
  ImportedModels& models_;
  RealText& real_text_;
  Diagnostics& diagnostics_;
};

}  // namespace

void CheckPoint(const Point& point, const Experiment& experiment, ImportedModels& models,
                RealText& real_text, Diagnostics& diagnostics) {
  PointChecker(point, experiment, models, real_text, diagnostics).Check();
}

}  // namespace repro
