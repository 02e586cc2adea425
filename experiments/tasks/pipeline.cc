#include "experiments/tasks/pipeline.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "core/base/hash.h"
#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/section_reader.h"
#include "experiments/tasks/contradictions.h"
#include "experiments/tasks/controls/spec.h"
#include "experiments/tasks/costs.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/tasks/model_description.h"
#include "experiments/tasks/settings.h"

namespace repro {
namespace {

constexpr std::string_view kBabelPrefix = "babel-";

// XNLI has test sets in these languages (Conneau et al. 2018): the labelled tasks exist in no
// other.
const std::vector<std::string>& BenchmarkLanguages() {
  static const std::vector<std::string> kLanguages = {
      "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"};
  return kLanguages;
}

bool IsBabel(const std::string& source) {
  return source.starts_with(kBabelPrefix);
}

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
  std::string role = "main";
  bool null_world = false;
  bool pretrained = true;
};

class GraphBuilder {
 public:
  explicit GraphBuilder(const Experiment& experiment) : experiment_(experiment) {}

  // What the sections cannot know alone: whether they fit the world and the languages of the point.
  void Check(const Point& point, Diagnostics& diagnostics) const {
    const Document& config = *point.config;
    const auto settings = ReadSettings<RunSettings>(config, diagnostics);
    const std::string& source = settings.corpus.source;
    const SourcePosition where = config.PositionOf("corpus.source");
    const std::string stated =
        fmt::format("`corpus.source` = \"{}\"{}", source,
                    config.Find("corpus.source") == nullptr ? " (the default)" : "");
    if (IsBabel(source) != (experiment_.world == "babel")) {
      std::vector<std::string> fitting = CorpusSources();
      std::erase_if(fitting, [&](const auto& other) { return IsBabel(other) == IsBabel(source); });
      diagnostics.Add(where, fmt::format("{} with `world` = \"{}\"", stated, experiment_.world),
                      "expected " + OneOfText(fitting) + " in this world");
    }
    std::vector<std::string> empty;
    for (const std::string& code : point.languages) {
      if (NominalGb(code, source) <= 0) empty.push_back(code);
    }
    if (!empty.empty()) {
      diagnostics.Add(
          where,
          fmt::format("point `{}` holds languages without text in {} ({})", point.id, stated,
                      fmt::join(empty, ", ")),
          fmt::format("expected languages that have `{}` in languages.toml", SizeField(source)));
    }
    if (SameTokens(point) && settings.sampling.unit == "blocks") {
      diagnostics.Add(config.PositionOf("sampling.unit"),
                      fmt::format("`sampling.unit` = \"blocks\" at point `{}`, whose `budget` is "
                                  "\"same-tokens-per-language\"",
                                  point.id),
                      "expected \"sentences\": how many blocks a language has is known only when "
                      "its text is encoded");
    }
    const auto& labelled = BenchmarkLanguages();
    const std::string& from = experiment_.source_language;
    if (std::find(labelled.begin(), labelled.end(), from) == labelled.end()) {
      diagnostics.Add(config.root().position,
                      fmt::format("`source_language` = \"{}\" has no labelled data", from),
                      "expected a language of XNLI: " + OneOfText(labelled));
    }
  }

  Status AddPoint(const Point& point) {
    REPRO_ASSIGN_OR_RETURN(RunSettings settings, Resolve(point));
    const Variant main;
    for (const std::int64_t seed : experiment_.pretrain_seeds) {
      AddRun(point, settings, main, seed);
    }
    const auto& controls = experiment_.controls;
    const auto lists = [&](const std::vector<std::string>& values) {
      return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
        return value == point.id || std::any_of(point.sweep.begin(), point.sweep.end(),
                                                [&](const auto& s) { return s.second == value; });
      });
    };
    for (const std::int64_t seed : controls.seeds) {
      if (lists(controls.null_world) && IsBabel(settings.corpus.source)) {
        AddRun(point, settings, {.role = "null-world", .null_world = true}, seed);
      }
      if (lists(controls.no_pretraining)) {
        AddRun(point, settings, {.role = "no-pretraining", .pretrained = false}, seed);
      }
    }
    return {};
  }

  Result<TaskGraph> Finish() {
    REPRO_RETURN_IF_ERROR(graph_.Validate());
    return std::move(graph_);
  }

 private:
  // Typed settings of a point, with the model's width solved and the budget rule applied to the
  // number of updates.
  Result<RunSettings> Resolve(const Point& point) const {
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
    return settings;
  }

  static bool SameTokens(const Point& point) {
    const auto budget = point.sweep.find("budget");
    return budget != point.sweep.end() && budget->second == "same-tokens-per-language";
  }

  double NominalGb(const std::string& code, const std::string& source) const {
    const auto found = experiment_.languages.find(code);
    if (found == experiment_.languages.end()) return 0;
    return SizeField(source) == "cc_gb" ? found->second.cc_gb : found->second.wiki_gb;
  }

  // The field of languages.toml that says how much text of a language the source has.
  static std::string_view SizeField(const std::string& source) {
    return source.ends_with("cc") ? "cc_gb" : "wiki_gb";
  }

  // Mean sampling probability, at `point`, of the languages that every point of the sweep holds.
  double MeanShareOfCommonLanguages(const Point& point, const RunSettings& settings) const {
    const auto weight = [&](const std::string& code) {
      return std::pow(NominalGb(code, settings.corpus.source), settings.sampling.alpha);
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

  std::string AddCorpus(const RunSettings& settings, const Variant& variant,
                        const std::string& code) {
    const CorpusSpec spec{.source = settings.corpus.source,
                          .language = code,
                          .null_world = variant.null_world,
                          .nominal_gb = NominalGb(code, settings.corpus.source),
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

  void AddRun(const Point& point, const RunSettings& settings, const Variant& variant,
              std::int64_t seed) {
    const std::vector<std::string> languages = Sorted(point.languages);
    const std::vector<std::string> evaluated = EvaluatedLanguages(point);
    const std::string& source = experiment_.source_language;

    std::map<std::string, std::string> corpora;
    double nominal_gb = 0;
    for (const std::string& code : languages) {
      corpora[code] = AddCorpus(settings, variant, code);
      nominal_gb += NominalGb(code, settings.corpus.source);
    }
    std::map<std::string, std::string> benchmarks;
    for (const std::string& code : evaluated)
      benchmarks[code] = AddBenchmark(settings, variant, code);

    const std::string where = point.id + Suffix(variant);
    const VocabSpec vocab_spec{.languages = languages, .settings = settings.vocab};
    Task vocab = MakeTask("vocab", kVocabVersion, vocab_spec, fmt::format("vocab {}", where));
    vocab.inputs = corpora;
    AddCosts(vocab_spec, vocab);
    const std::string vocab_key = graph_.Add(std::move(vocab));

    const EncodeSpec encode_spec{.languages = languages};
    Task encode = MakeTask("encode", kEncodeVersion, encode_spec, fmt::format("encode {}", where));
    encode.inputs = corpora;
    encode.inputs["vocab"] = vocab_key;
    AddEncodeCosts(nominal_gb, IsBabel(settings.corpus.source), settings, languages.size(), encode);
    const std::string encode_key = graph_.Add(std::move(encode));

    const ModelSettings& model = settings.model;  // without what only a manifest says
    PretrainSpec pretrain_spec{.languages = languages,
                               .model = model,
                               .sampling = settings.sampling,
                               .settings = settings.pretrain,
                               .compute = settings.compute,
                               .seed = seed};
    if (!variant.pretrained) {
      pretrain_spec.settings.updates = 0;
      pretrain_spec.settings.warmup_updates = 0;
    }
    Task pretrain = MakeTask("pretrain", kPretrainVersion, pretrain_spec,
                             fmt::format("pretrain {} seed {}", where, seed));
    pretrain.inputs = {{"tokens", encode_key}};
    AddCosts(pretrain_spec, settings.vocab.size, pretrain);
    const std::string pretrain_key = graph_.Add(std::move(pretrain));

    std::vector<std::string> finals = {
        AddEvaluate(settings, "intrinsic", pretrain_key, vocab_key, benchmarks, evaluated, 0, -1,
                    fmt::format("evaluate intrinsic {} seed {}", where, seed))};
    finals.push_back(AddControls(benchmarks, evaluated, where));
    for (const std::string& name : settings.finetune.tasks) {
      const FinetuneSettings& recipe = *settings.finetune.Find(name);
      for (const std::int64_t finetune_seed : experiment_.finetune_seeds) {
        const FinetuneSpec spec{.task = name,
                                .source_language = source,
                                .languages = evaluated,
                                .selection = experiment_.selection,
                                .settings = recipe,
                                .compute = settings.compute,
                                .seed = finetune_seed};
        const std::string label = fmt::format("{} {} seed {}.{}", name, where, seed, finetune_seed);
        Task finetune = MakeTask("finetune", kFinetuneVersion, spec, "finetune " + label);
        finetune.inputs = benchmarks;
        finetune.inputs["encoder"] = pretrain_key;
        finetune.inputs["vocab"] = vocab_key;
        AddCosts(spec, settings, finetune);
        const std::string finetune_key = graph_.Add(std::move(finetune));
        finals.push_back(AddEvaluate(settings, name, finetune_key, vocab_key, benchmarks, evaluated,
                                     recipe.max_tokens, finetune_seed, "evaluate " + label));
      }
    }

    RunSpec run;
    run.point = point.id;
    run.sweep = point.sweep;
    run.role = variant.role;
    run.pretrain_seed = seed;
    run.finetune_seeds = experiment_.finetune_seeds;
    run.config = ToJson(settings);
    run.config["pretrain"] = ToJson(pretrain_spec.settings);
    run.config["languages"] = point.languages;
    run.config["selection"] = experiment_.selection;
    run.config["null_world"] = variant.null_world;
    run.task_keys = graph_.Closure(finals);
    run.key = Sha256Hex(fmt::format("{} {}", variant.role, fmt::join(Sorted(finals), " ")));
    graph_.AddRun(std::move(run));
  }

  std::string AddEvaluate(const RunSettings& settings, const std::string& measure,
                          const std::string& model_key, const std::string& vocab_key,
                          const std::map<std::string, std::string>& benchmarks,
                          const std::vector<std::string>& evaluated, std::int64_t max_tokens,
                          std::int64_t seed, std::string label) {
    const EvaluateSpec spec{
        .measure = measure,
        .source_language = experiment_.source_language,
        .languages = evaluated,
        .settings = settings.evaluate,
        .max_tokens = max_tokens > 0 ? max_tokens : settings.pretrain.tokens_per_sample,
        .compute = settings.compute,
        .seed = seed};
    Task task = MakeTask("evaluate", kEvaluateVersion, spec, std::move(label));
    task.inputs = benchmarks;
    task.inputs["model"] = model_key;
    task.inputs["vocab"] = vocab_key;
    AddCosts(spec, settings, task);
    return graph_.Add(std::move(task));
  }

  std::string AddControls(const std::map<std::string, std::string>& benchmarks,
                          const std::vector<std::string>& evaluated, const std::string& where) {
    const ControlsSpec spec{.source_language = experiment_.source_language, .languages = evaluated};
    Task task = MakeTask("controls", kControlsVersion, spec, fmt::format("controls {}", where));
    task.inputs = benchmarks;
    AddCosts(spec, task);
    return graph_.Add(std::move(task));
  }

  static std::string Suffix(const Variant& variant) {
    return variant.role == "main" ? "" : " " + variant.role;
  }

  const Experiment& experiment_;
  TaskGraph graph_;
};

}  // namespace

void ValidateSections(const Document& config, Diagnostics& diagnostics) {
  const auto settings = ReadSettings<RunSettings>(config, diagnostics);
  CheckContradictions(settings, config, diagnostics);
}

Result<TaskGraph> BuildTaskGraph(const Experiment& experiment) {
  GraphBuilder builder(experiment);
  Diagnostics diagnostics;
  for (const Point& point : experiment.points) builder.Check(point, diagnostics);
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  for (const Point& point : experiment.points) REPRO_RETURN_IF_ERROR(builder.AddPoint(point));
  return builder.Finish();
}

}  // namespace repro
