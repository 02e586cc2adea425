#include "experiments/tasks/pipeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/ranges.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/section_reader.h"
#include "experiments/corpus/coded/coded_language.h"
#include "experiments/tasks/contradictions.h"
#include "experiments/tasks/controls/spec.h"
#include "experiments/tasks/corpus_stats/spec.h"
#include "experiments/tasks/costs.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/tasks/import/import_record.h"
#include "experiments/tasks/import/spec.h"
#include "experiments/tasks/model_description.h"
#include "experiments/tasks/point_checks.h"
#include "experiments/tasks/point_facts.h"
#include "experiments/tasks/real_text.h"
#include "experiments/tasks/settings.h"
#include "experiments/text/vocab_files.h"

namespace repro {
namespace {

std::vector<std::string> Sorted(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<std::string> EvaluatedLanguages(const Point& point) {
  std::vector<std::string> evaluated;
  for (const std::string& code : BenchmarkLanguages()) {
    if (std::find(point.languages.begin(), point.languages.end(), code) != point.languages.end()) {
      evaluated.push_back(code);
    }
  }
  return evaluated;
}

// What is run at one point: the sweep's own models, or a control.
struct Variant {
  std::string role = kMainRole;
  bool null_world = false;
  bool pretrained = true;
  std::string alone{};         // the only language of a monolingual run
  std::int64_t max_bytes = 0;  // of its text; its vocabulary is learnt from all of it
};

// What a point is measured with: a task a language, and which languages each measure has.
struct TestData {
  std::map<std::string, std::string> tasks;                     // by language: key
  std::map<std::string, std::vector<std::string>> languages{};  // by measure, sorted

  std::map<std::string, std::string> Inputs(const std::string& measure) const {
    std::map<std::string, std::string> inputs;
    for (const std::string& code : languages.at(measure)) inputs[code] = tasks.at(code);
    return inputs;
  }
};

class GraphBuilder {
 public:
  GraphBuilder(const Experiment& experiment, const GraphPlaces& places)
      : experiment_(experiment),
        imported_(places.workspace),
        real_text_(places.workspace, places.datasets,
                   std::filesystem::path(experiment.path).parent_path()) {}

  void Check(const Point& point, Diagnostics& diagnostics) {
    CheckPoint(point, experiment_, imported_, real_text_, diagnostics);
  }

  Status AddPoint(const Point& point) {
    REPRO_ASSIGN_OR_RETURN(RunSettings settings, Resolve(point));
    const Variant main;
    if (settings.corpus.only) return AddTextRun(point, settings);
    for (const std::int64_t seed : experiment_.pretrain_seeds) {
      REPRO_RETURN_IF_ERROR(AddRun(point, settings, main, seed));
    }
    const auto& controls = experiment_.controls;
    const auto lists = [&](const std::vector<std::string>& values) {
      return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
        return value == point.id || std::any_of(point.sweep.begin(), point.sweep.end(),
                                                [&](const auto& s) { return s.second == value; });
      });
    };
    for (const std::int64_t seed : controls.seeds) {
      const std::string& text = settings.corpus.source;
      if (lists(controls.null_world) && (IsBabel(text) || IsCodedSource(text))) {
        REPRO_RETURN_IF_ERROR(
            AddRun(point, settings, {.role = kNullWorldRole, .null_world = true}, seed));
      }
      if (lists(controls.no_pretraining)) {
        REPRO_RETURN_IF_ERROR(
            AddRun(point, settings, {.role = kNoPretrainingRole, .pretrained = false}, seed));
      }
    }
    return {};
  }

  // The curves of languages alone: settings of the sweep's first point, with less and less text.
  Status AddMonolingual() {
    const Point& first = experiment_.points.front();
    REPRO_ASSIGN_OR_RETURN(const RunSettings settings, Resolve(first));
    if (settings.corpus.only) return {};
    for (const auto& [code, amounts] : experiment_.monolingual.max_bytes) {
      for (const std::int64_t bytes : amounts) {
        Point point = first;
        point.id = fmt::format("{}-{}", code, bytes);
        point.languages = {code};
        point.sweep = {{"languages", code}, {"corpus.max_bytes", fmt::to_string(bytes)}};
        for (const std::int64_t seed : experiment_.monolingual.seeds) {
          REPRO_RETURN_IF_ERROR(
              AddRun(point, settings, {.role = kMonolingualRole, .alone = code, .max_bytes = bytes},
                     seed));
        }
      }
    }
    return {};
  }

  Result<TaskGraph> Finish() {
    REPRO_RETURN_IF_ERROR(graph_.Validate());
    const std::vector<std::string> absent = real_text_.AbsentSets();
    if (!absent.empty()) {
      graph_.AddNote(
          fmt::format("{} not at hand ({}): what they hold is known by name and SHA-256 from "
                      "imported results",
                      Plural(absent.size(), "data set"), fmt::join(absent, ", ")));
    }
    for (const std::string& note : real_text_.notes()) graph_.AddNote(note);
    return std::move(graph_);
  }

 private:
  // Typed settings of a point, with the model's width solved (or a model from outside as its files
  // say) and the budget rule applied to the number of updates.
  Result<RunSettings> Resolve(const Point& point) {
    Diagnostics diagnostics;
    auto settings = ReadSettings<RunSettings>(*point.config, diagnostics);
    REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
    REPRO_RETURN_IF_ERROR(ResolveModel(settings));
    if (SameTokens(point)) {
      const double here = MeanShareOfCommonLanguages(point, settings);
      const double first = MeanShareOfCommonLanguages(experiment_.points.front(), settings);
      settings.pretrain.updates = static_cast<std::int64_t>(
          std::llround(static_cast<double>(settings.pretrain.updates) * first / here));
    }
    if (!settings.pretrain.from.empty()) {
      const Result<ImportRecord>& record = imported_.Find(settings.pretrain.from);
      if (!record) return tl::unexpected<Error>(record.error());
      static_cast<ModelSettings&>(settings.model) = record->shape.settings;
      settings.vocab.size = record->shape.vocab_size;
      settings.pretrain.tokens_per_sample = record->shape.max_positions - 2;
    }
    return settings;
  }

  // Mean sampling probability, at `point`, of the languages that every point of the sweep holds.
  double MeanShareOfCommonLanguages(const Point& point, const RunSettings& settings) const {
    const auto weight = [&](const std::string& code) {
      return std::pow(NominalGb(experiment_, code, settings.corpus.source),
                      settings.sampling.alpha);
    };
    double total = 0;
    for (const std::string& code : point.languages) total += weight(code);
    double common = 0;
    int count = 0;
    for (const std::string& code : point.languages) {
      const bool everywhere = std::all_of(
          experiment_.points.begin(), experiment_.points.end(), [&](const Point& other) {
            return std::find(other.languages.begin(), other.languages.end(), code) !=
                   other.languages.end();
          });
      if (!everywhere) continue;
      common += weight(code) / total;
      ++count;
    }
    return count == 0 ? 1.0 : common / count;
  }

  template <class Spec>
  Task MakeTask(std::string kind, int version, const Spec& spec, std::string label) const {
    Task task;
    task.kind = std::move(kind);
    task.version = version;
    task.spec = ToJson(spec);
    task.label = std::move(label);
    return task;
  }

  // Lines that nobody may train on, as they are normalised or their letters alone.
  Result<std::string> AddEvaluationText(const RunSettings& settings, bool letters) {
    const std::string_view dataset = DatasetOf(settings.corpus.source);
    const std::string id =
        fmt::format("{} {} {}", letters, dataset, CanonicalJson(ToJson(settings.testsets)));
    const auto known = evaluation_texts_.find(id);
    if (known != evaluation_texts_.end()) return known->second;
    REPRO_ASSIGN_OR_RETURN(Task task,
                           real_text_.EvaluationText(settings.testsets, dataset, letters));
    const auto missing = task.info.find(kNotKeptOut);
    if (missing != task.info.end() && !letters) {
      graph_.AddNote(fmt::format("not at hand, so no line of them is kept out of the text: {}{}",
                                 fmt::join(missing->get<std::vector<std::string>>(), ", "),
                                 settings.testsets.evaluation.empty()
                                     ? "; `testsets.evaluation` names those that are meant"
                                     : ""));
    }
    return evaluation_texts_.emplace(id, graph_.Add(std::move(task))).first->second;
  }

  // The documents of a data set: cleaned once for all languages and points.
  struct Cleaned {
    std::string key;
    double packed_mb = 0;                   // of its files
    std::map<std::string, double> mb_of{};  // language: of it; "": of files that do not say

    // Of a language, and of what may be in it.
    double PackedMb(const std::string& language) const {
      double mb = 0;
      for (const std::string& one : {language, std::string()}) {
        const auto found = mb_of.find(one);
        if (found != mb_of.end()) mb += found->second;
      }
      return mb;
    }
  };
  Result<Cleaned> AddClean(const RunSettings& settings) {
    const std::string_view dataset = DatasetOf(settings.corpus.source);
    std::map<std::string, std::string> inputs;
    const auto& stages = settings.clean.stages;
    std::string id = std::string(dataset) + CanonicalJson(ToJson(settings.clean));
    if (std::find(stages.begin(), stages.end(), "evaluation") != stages.end()) {
      REPRO_ASSIGN_OR_RETURN(const std::string evaluation,
                             AddEvaluationText(settings, settings.clean.evaluation_letters));
      inputs["evaluation"] = evaluation;
      id += evaluation;
    }
    const auto cleaned = cleaned_.find(id);
    if (cleaned != cleaned_.end()) return cleaned->second;
    auto models = real_text_.LineModels(settings.clean);
    if (!models) return Context(experiment_.path, models.error());
    for (auto& [language, task] : *models) {
      inputs[std::string(kLineModelRole) + language] = graph_.Add(std::move(task));
    }
    REPRO_ASSIGN_OR_RETURN(Task task, real_text_.Clean(dataset, settings.clean, std::move(inputs)));
    Cleaned made;
    made.packed_mb = task.work;
    for (const auto& [language, bytes] : task.info.at("bytes").items()) {
      made.mb_of[language] = bytes.get<double>() / 1e6;
    }
    made.key = graph_.Add(std::move(task));
    return cleaned_.emplace(id, std::move(made)).first->second;
  }

  std::string AddCodedTypes(const RunSettings& settings, const std::string& clean) {
    Task task = MakeTask("coded_types", kCodedTypesVersion,
                         CodedTypesSpec{.types = settings.coded.types}, "coded English, its types");
    task.inputs = {{"clean", clean}};
    return graph_.Add(std::move(task));
  }

  // Coded English of a variant. In its null world only the words of a line are left, in any order,
  // and nothing means the same in two languages.
  static CodedSection CodedOf(const RunSettings& settings, const Variant& variant) {
    CodedSection coded = settings.coded;
    if (variant.null_world) {
      coded.order = "shuffled";
      coded.anchor_share = 0;
      coded.keep_symbols = false;
    }
    return coded;
  }

  // Text of a language out of a data set, no more than `limits`.
  Result<std::string> AddSubset(const RunSettings& settings, const Variant& variant,
                                const std::string& code, const SubsetSettings& limits) {
    REPRO_ASSIGN_OR_RETURN(const Cleaned clean, AddClean(settings));
    std::string label = fmt::format(
        "text {} {}{}", std::filesystem::path(DatasetOf(settings.corpus.source)).stem().string(),
        code, variant.alone.empty() ? Suffix(variant) : "");
    if (limits.max_bytes > 0) label += fmt::format(", {}", FormatBytes(limits.max_bytes));
    const bool drawn_order = settings.corpus.max_tokens > 0;
    const SubsetSpec subset{.language = code, .settings = limits, .drawn_order = drawn_order};
    Task task = MakeTask("subset", kSubsetVersion, subset, label);
    const bool coded = IsCodedSource(settings.corpus.source);
    AddCosts(subset, clean.PackedMb(coded ? CodedLanguageName(0) : code), task);
    if (coded) {
      const CodedSpec spec{.language = ParseCodedLanguageName(code).value_or(0),
                           .coded = CodedOf(settings, variant),
                           .settings = limits,
                           .drawn_order = drawn_order};
      task.kind = "coded";
      task.version = kCodedVersion;
      task.spec = ToJson(spec);
      task.inputs["types"] = AddCodedTypes(settings, clean.key);
    }
    task.inputs["clean"] = clean.key;
    return graph_.Add(std::move(task));
  }

  Result<std::string> AddCorpus(const RunSettings& settings, const Variant& variant,
                                const std::string& code, const SubsetSettings& limits) {
    if (IsRealText(settings.corpus.source)) return AddSubset(settings, variant, code, limits);
    const CorpusSpec spec{.source = settings.corpus.source,
                          .language = code,
                          .null_world = variant.null_world,
                          .nominal_gb = NominalGb(experiment_, code, settings.corpus.source),
                          .babel = settings.babel};
    Task task = MakeTask("corpus", kCorpusVersion, spec,
                         fmt::format("corpus {} {}{}", spec.source, code, Suffix(variant)));
    if (!IsBabel(spec.source)) {
      task.unresolved =
          fmt::format("dataset {} ({}), {:.2f} GB stated", spec.source, code, spec.nominal_gb);
    }
    AddCosts(spec, task);
    return graph_.Add(std::move(task));
  }

  std::string AddBenchmark(const RunSettings& settings, const Variant& variant,
                           const std::string& code) {
    const bool babel = IsBabel(settings.corpus.source);
    const BenchmarkSpec spec{.source = babel ? "babel" : "xnli",
                             .language = code,
                             .with_train = code == experiment_.source_language,
                             .null_world = variant.null_world,
                             .sizes = settings.benchmark,
                             .babel = settings.babel};
    Task task = MakeTask("benchmark", kBenchmarkVersion, spec,
                         fmt::format("benchmark {} {}{}", spec.source, code, Suffix(variant)));
    if (!babel) task.unresolved = fmt::format("dataset xnli ({})", code);
    AddCosts(spec, task);
    return graph_.Add(std::move(task));
  }

  Result<TestData> AddTestData(const Point& point, const RunSettings& settings,
                               const Variant& variant) {
    TestData data;
    std::vector<std::string> measures = LabelledTasks(settings, variant);
    measures.emplace_back("intrinsic");
    if (!IsRealText(settings.corpus.source)) {
      const std::vector<std::string> evaluated = EvaluatedLanguages(point);
      for (const std::string& code : evaluated) {
        data.tasks[code] = AddBenchmark(settings, variant, code);
      }
      for (const std::string& measure : measures) data.languages[measure] = evaluated;
      return data;
    }
    for (const std::string& code : Sorted(point.languages)) {
      // A coded language has the English test sets, recoded.
      const bool coded = IsCodedSource(settings.corpus.source) && code != CodedLanguageName(0);
      REPRO_ASSIGN_OR_RETURN(
          RealText::LanguageTestsets testsets,
          real_text_.Testsets(settings.testsets, settings.benchmark, settings.finetune.tasks,
                              coded ? CodedLanguageName(0) : code, experiment_.source_language));
      if (coded) REPRO_RETURN_IF_ERROR(Recode(settings, variant, code, testsets.task));
      const bool unknown = !testsets.task.unresolved.empty();
      for (const std::string& measure : measures) {
        const bool has = measure == "xnli"   ? testsets.xnli
                         : measure == "tags" ? testsets.tags
                                             : testsets.parallel;
        if (has || unknown) data.languages[measure].push_back(code);
      }
      data.tasks[code] = graph_.Add(std::move(testsets.task));
    }
    for (const std::string& measure : measures) {
      const auto& languages = data.languages[measure];
      const std::string& source = SourceOf(variant);
      if (std::find(languages.begin(), languages.end(), source) != languages.end()) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: point `{}`: no test data of `{}` in `{}`, the {} language; expected "
                  "[testsets] to name data sets that have it",
                  experiment_.path, point.id, measure, source,
                  variant.alone.empty() ? "source" : "only");
    }
    return data;
  }

  // A model of one language is measured by text alone.
  static std::vector<std::string> LabelledTasks(const RunSettings& settings,
                                                const Variant& variant) {
    return variant.alone.empty() ? settings.finetune.tasks : std::vector<std::string>{};
  }

  const std::string& SourceOf(const Variant& variant) const {
    return variant.alone.empty() ? experiment_.source_language : variant.alone;
  }

  // The English test sets of `task` in a coded language.
  Status Recode(const RunSettings& settings, const Variant& variant, const std::string& code,
                Task& task) {
    REPRO_ASSIGN_OR_RETURN(auto spec, FromJson<TestsetsSpec>(task.spec));
    spec.coded_language = ParseCodedLanguageName(code).value_or(0);
    spec.coded = CodedOf(settings, variant);
    spec.xnli_train = {};
    spec.tags_train = {};
    task.spec = ToJson(spec);
    task.label = fmt::format("test sets {}{}", code, Suffix(variant));
    REPRO_ASSIGN_OR_RETURN(const Cleaned clean, AddClean(settings));
    task.inputs["types"] = AddCodedTypes(settings, clean.key);
    return {};
  }

  // What the text of a point holds, and whether lines of test sets are among it.
  Result<std::string> AddCorpusStats(const Point& point, const RunSettings& settings) {
    CorpusStatsSpec spec{.languages = Sorted(point.languages)};
    std::map<std::string, std::string> inputs;
    double text_mb = 0;
    for (const std::string& code : spec.languages) {
      REPRO_ASSIGN_OR_RETURN(inputs[code], AddCorpus(settings, {}, code, settings.corpus));
      text_mb += graph_.Find(inputs[code])->work;
    }
    const bool real = IsRealText(settings.corpus.source);
    if (real) {
      REPRO_ASSIGN_OR_RETURN(const Cleaned clean, AddClean(settings));
      inputs[kCleanRole] = clean.key;
      REPRO_ASSIGN_OR_RETURN(inputs[kEvaluationRole],
                             AddEvaluationText(settings, /*letters=*/false));
      REPRO_ASSIGN_OR_RETURN(inputs[kEvaluationLettersRole],
                             AddEvaluationText(settings, /*letters=*/true));
      spec.stages = settings.clean.stages;
      if (IsCodedSource(settings.corpus.source)) {
        spec.slices = settings.coded.slices;
        spec.slice_seed = settings.coded.seed;
        spec.buckets = settings.corpus.buckets;
        // One pass over the English, whatever is recoded of it.
        text_mb = kUnpacked * clean.PackedMb(CodedLanguageName(0));
      }
    }
    Task task = MakeTask("corpus_stats", kCorpusStatsVersion, spec,
                         fmt::format("text statistics {}", point.id));
    task.inputs = std::move(inputs);
    if (real) {
      AddCorpusStatsCosts(text_mb, graph_.Find(task.inputs.at(kEvaluationRole))->work, task);
    } else {
      AddCosts(spec, task);
    }
    return graph_.Add(std::move(task));
  }

  // `corpus.only`: a run that ends with its text.
  Status AddTextRun(const Point& point, const RunSettings& settings) {
    REPRO_ASSIGN_OR_RETURN(const std::string stats, AddCorpusStats(point, settings));
    const Json all = ToJson(settings);
    RunSpec run;
    run.point = point.id;
    run.sweep = point.sweep;
    run.pretrain_seed = experiment_.pretrain_seeds.front();
    for (const char* const section : {"corpus", "clean", "coded", "testsets", "babel"}) {
      run.config[section] = all.at(section);
    }
    run.config["languages"] = point.languages;
    run.task_keys = graph_.Closure({stats});
    run.key = RunKey(run.role, {stats});
    graph_.AddRun(std::move(run));
    return {};
  }

  static std::string RunKey(const std::string& role, const std::vector<std::string>& finals) {
    return Sha256Hex(fmt::format("{} {}", role, fmt::join(Sorted(finals), " ")));
  }

  Status AddRun(const Point& point, const RunSettings& settings, const Variant& variant,
                std::int64_t seed) {
    REPRO_ASSIGN_OR_RETURN(const TestData test_data, AddTestData(point, settings, variant));
    const std::string where = point.id + Suffix(variant);
    REPRO_ASSIGN_OR_RETURN(const Encoder encoder,
                           AddEncoder(point, settings, variant, seed, where));
    std::vector<std::string> finals = AddFinals(settings, variant, seed, where, encoder, test_data);
    RunSpec run = MakeRunSpec(point, settings, variant, seed);
    run.key = RunKey(variant.role, finals);
    // Of the text that the models of the sweep see. It changes no number, so no run's identity.
    if (variant.role == kMainRole && settings.pretrain.from.empty() &&
        IsRealText(settings.corpus.source)) {
      REPRO_ASSIGN_OR_RETURN(finals.emplace_back(), AddCorpusStats(point, settings));
    }
    run.task_keys = graph_.Closure(finals);
    graph_.AddRun(std::move(run));
    return {};
  }

  // The tasks that give a model and its vocabulary: one and the same for a model from outside.
  struct Encoder {
    std::string key;
    std::string vocab;
  };

  Result<Encoder> AddEncoder(const Point& point, const RunSettings& settings,
                             const Variant& variant, std::int64_t seed, const std::string& where) {
    const bool imported = !settings.pretrain.from.empty();
    Encoder encoder;
    if (imported) encoder.key = encoder.vocab = AddImport(settings.pretrain.from);
    // "No pretraining" of a model from outside: its shape and its vocabulary, with fresh weights.
    if (imported && variant.pretrained) return encoder;
    const std::vector<std::string> languages = Sorted(point.languages);
    std::map<std::string, std::string> corpora;
    for (const std::string& code : languages) {
      REPRO_ASSIGN_OR_RETURN(corpora[code], AddCorpus(settings, variant, code, settings.corpus));
    }
    if (!imported) {
      encoder.vocab =
          AddVocab(settings, languages, corpora,
                   fmt::format("vocab {}", variant.alone.empty() ? where : variant.alone));
    }
    auto limits = static_cast<const SubsetSettings&>(settings.corpus);  // of what is encoded
    if (variant.max_bytes > 0) {
      limits.max_bytes = variant.max_bytes;
      for (const std::string& code : languages) {
        REPRO_ASSIGN_OR_RETURN(corpora[code], AddCorpus(settings, variant, code, limits));
      }
    }
    REPRO_ASSIGN_OR_RETURN(const std::string tokens,
                           AddEncode(settings, languages, limits, std::move(corpora), encoder.vocab,
                                     fmt::format("encode {}", where)));
    encoder.key = AddPretrain(settings, variant, languages, tokens, seed,
                              fmt::format("pretrain {} seed {}", where, seed));
    return encoder;
  }

  std::string AddVocab(const RunSettings& settings, const std::vector<std::string>& languages,
                       std::map<std::string, std::string> corpora, std::string label) {
    const VocabSpec spec{.languages = languages, .settings = settings.vocab};
    Task task = MakeTask("vocab", kVocabVersion, spec, std::move(label));
    task.inputs = std::move(corpora);
    AddCosts(spec, IsBabel(settings.corpus.source), task);
    if (settings.vocab.model == "bpe") task.info["stand_in"] = PreTokenization::kNote;
    return graph_.Add(std::move(task));
  }

  Result<std::string> AddEncode(const RunSettings& settings,
                                const std::vector<std::string>& languages,
                                const SubsetSettings& limits,
                                std::map<std::string, std::string> inputs, const std::string& vocab,
                                std::string label) {
    const EncodeSpec spec{.languages = languages, .max_tokens = settings.corpus.max_tokens};
    Task task = MakeTask("encode", kEncodeVersion, spec, std::move(label));
    task.inputs = std::move(inputs);
    task.inputs["vocab"] = vocab;
    double nominal_gb = 0;
    if (IsRealText(settings.corpus.source)) {
      REPRO_ASSIGN_OR_RETURN(const Cleaned clean, AddClean(settings));
      nominal_gb = kUnpacked * clean.packed_mb / 1e3;
    } else {
      for (const std::string& code : languages) {
        nominal_gb += NominalGb(experiment_, code, settings.corpus.source);
      }
    }
    AddEncodeCosts(nominal_gb, IsBabel(settings.corpus.source), settings, limits.max_bytes,
                   languages.size(), task);
    return graph_.Add(std::move(task));
  }

  // The recipe of a variant.
  static PretrainSettings PretrainingOf(const RunSettings& settings, const Variant& variant) {
    auto recipe = static_cast<const PretrainSettings&>(settings.pretrain);
    if (!variant.pretrained) recipe.updates = recipe.warmup_updates = 0;
    return recipe;
  }

  std::string AddPretrain(const RunSettings& settings, const Variant& variant,
                          const std::vector<std::string>& languages, const std::string& tokens,
                          std::int64_t seed, std::string label) {
    const PretrainSpec spec{.languages = languages,
                            // Without what only a manifest says.
                            .model = static_cast<const ModelSettings&>(settings.model),
                            .sampling = settings.sampling,
                            .settings = PretrainingOf(settings, variant),
                            .compute = settings.compute,
                            .seed = seed};
    Task task = MakeTask("pretrain", kPretrainVersion, spec, std::move(label));
    task.inputs = {{"tokens", tokens}};
    AddCosts(spec, settings.vocab.size, variant.pretrained ? settings.pretrain.processes : 1, task);
    return graph_.Add(std::move(task));
  }

  // What a run ends with: everything that is measured on its models.
  std::vector<std::string> AddFinals(const RunSettings& settings, const Variant& variant,
                                     std::int64_t seed, const std::string& where,
                                     const Encoder& encoder, const TestData& test_data) {
    const std::string& source = SourceOf(variant);
    const std::string& from = settings.pretrain.from;
    std::vector<std::string> finals;
    if (from.empty() || !variant.pretrained || imported_.Find(from)->has_lm_head) {
      finals.push_back(AddEvaluate(settings, "intrinsic", source, encoder.key, encoder.vocab,
                                   test_data, 0, -1,
                                   fmt::format("evaluate intrinsic {} seed {}", where, seed)));
    }
    if (!IsRealText(settings.corpus.source)) finals.push_back(AddControls(test_data, where));
    for (const std::string& name : LabelledTasks(settings, variant)) {
      const FinetuneSettings& recipe = *settings.finetune.Find(name);
      for (const std::int64_t finetune_seed : experiment_.finetune_seeds) {
        const FinetuneSpec spec{.task = name,
                                .source_language = source,
                                .languages = test_data.languages.at(name),
                                .selection = experiment_.selection,
                                .settings = recipe,
                                .compute = settings.compute,
                                .seed = finetune_seed};
        const std::string label = fmt::format("{} {} seed {}.{}", name, where, seed, finetune_seed);
        Task finetune = MakeTask("finetune", kFinetuneVersion, spec, "finetune " + label);
        finetune.inputs = test_data.Inputs(name);
        finetune.inputs["encoder"] = encoder.key;
        finetune.inputs["vocab"] = encoder.vocab;
        AddCosts(spec, settings, finetune);
        const std::string finetune_key = graph_.Add(std::move(finetune));
        finals.push_back(AddEvaluate(settings, name, source, finetune_key, encoder.vocab, test_data,
                                     recipe.max_tokens, finetune_seed, "evaluate " + label));
      }
    }
    return finals;
  }

  // What stands in the run log about a run: its settings as they are in force.
  RunSpec MakeRunSpec(const Point& point, const RunSettings& settings, const Variant& variant,
                      std::int64_t seed) const {
    RunSpec run;
    run.point = point.id;
    run.sweep = point.sweep;
    run.role = variant.role;
    run.pretrain_seed = seed;
    run.finetune_seeds = experiment_.finetune_seeds;
    run.config = ToJson(settings);
    run.config["pretrain"] = ToJson(PretrainingOf(settings, variant));
    run.config["pretrain"]["from"] = settings.pretrain.from;
    if (!settings.pretrain.from.empty()) {  // the other settings are in force nowhere
      run.config["pretrain"] = {{"from", settings.pretrain.from}};
      run.config["vocab"] = {{"size", settings.vocab.size}};
      run.config.erase("sampling");
    }
    if (variant.max_bytes > 0) run.config["corpus"]["max_bytes"] = variant.max_bytes;
    run.config["languages"] = point.languages;
    run.config["selection"] = experiment_.selection;
    run.config["null_world"] = variant.null_world;
    return run;
  }

  // `from` was resolved before.
  std::string AddImport(const std::string& from) {
    const ImportRecord& record = *imported_.Find(from);
    ImportSpec spec;
    for (const ImportedFile& file : record.files) {
      spec.files.push_back(file.name);
      spec.sha256.push_back(file.sha256);
    }
    const std::string name = record.name.empty() ? record.folder.string() : record.name;
    Task task = MakeTask("import", kImportVersion, spec, "import " + name);
    AddImportCosts(record, task);
    return graph_.Add(std::move(task));
  }

  std::string AddEvaluate(const RunSettings& settings, const std::string& measure,
                          const std::string& source, const std::string& model_key,
                          const std::string& vocab_key, const TestData& test_data,
                          std::int64_t max_tokens, std::int64_t seed, std::string label) {
    const EvaluateSpec spec{
        .measure = measure,
        .source_language = source,
        .languages = test_data.languages.at(measure),
        .settings = settings.evaluate,
        .max_tokens = max_tokens > 0 ? max_tokens : settings.pretrain.tokens_per_sample,
        .compute = settings.compute,
        .seed = seed};
    Task task = MakeTask("evaluate", kEvaluateVersion, spec, std::move(label));
    task.inputs = test_data.Inputs(measure);
    task.inputs["model"] = model_key;
    task.inputs["vocab"] = vocab_key;
    AddCosts(spec, settings, task);
    return graph_.Add(std::move(task));
  }

  std::string AddControls(const TestData& test_data, const std::string& where) {
    // Every language of babel has every measure.
    const ControlsSpec spec{.source_language = experiment_.source_language,
                            .languages = test_data.languages.at("intrinsic")};
    Task task = MakeTask("controls", kControlsVersion, spec, fmt::format("controls {}", where));
    task.inputs = test_data.tasks;
    AddCosts(spec, task);
    return graph_.Add(std::move(task));
  }

  static std::string Suffix(const Variant& variant) {
    return variant.role == kMainRole ? "" : " " + variant.role;
  }

  const Experiment& experiment_;
  ImportedModels imported_;
  RealText real_text_;
  std::map<std::string, Cleaned> cleaned_;               // by source and settings
  std::map<std::string, std::string> evaluation_texts_;  // by [testsets]: key
  TaskGraph graph_;
};

}  // namespace

void ValidateSections(const Document& config, Diagnostics& diagnostics) {
  const auto settings = ReadSettings<RunSettings>(config, diagnostics);
  CheckContradictions(settings, config, diagnostics);
}

Result<TaskGraph> BuildTaskGraph(const Experiment& experiment, const GraphPlaces& places) {
  GraphBuilder builder(experiment, places);
  Diagnostics diagnostics;
  for (const Point& point : experiment.points) builder.Check(point, diagnostics);
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  for (const Point& point : experiment.points) REPRO_RETURN_IF_ERROR(builder.AddPoint(point));
  REPRO_RETURN_IF_ERROR(builder.AddMonolingual());
  return builder.Finish();
}

}  // namespace repro
