#include "experiments/tasks/contradictions.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "experiments/tasks/import/import_record.h"
#include "experiments/tasks/model_description.h"
#include "experiments/tasks/real_text.h"

namespace repro {
namespace {

constexpr const char* kBitsPerCharacter = "pseudo_bits.per_character";
constexpr const char* kBitsPerSentence = "pseudo_bits.per_sentence";

/// One setting as messages show it.
struct Field {
  std::string key;
  Node value;                  // as read
  const Node* node = nullptr;  // as written; null: the default

  /// False when something else stands in the manifest than what was read.
  bool Taken() const { return node == nullptr || node->SameValue(value); }

  /// "`model.heads` = 5", or "`model.heads` = 12 (the default)".
  std::string Text() const {
    return fmt::format("`{}` = {}{}", key, value.ToText(), node == nullptr ? " (the default)" : "");
  }
  /// `Text` with the place, for the field at which the message does not stand.
  std::string TextWithPlace() const {
    return node == nullptr ? Text() : fmt::format("{} at {}", Text(), node->position.ToString());
  }
};

class Checker {
 public:
  Checker(const RunSettings& settings, const Document& config, Diagnostics& diagnostics)
      : settings_(settings), config_(config), diagnostics_(diagnostics) {}

  void Check() {
    if (settings_.pretrain.from.empty()) {
      CheckModel();
      CheckPretrain();
    } else {
      CheckFrom();
    }
    CheckSource();
    CheckLimits();
    CheckClean();
    CheckFinetuneTasks();
    CheckSeries();
    CheckMonolingual();
  }

 private:
  template <class T>
  Field Of(std::string key, const T& value) const {
    const Node* node = config_.Find(key);
    return {.key = std::move(key), .value = Node(value), .node = node};
  }

  // At the field's value, or where its section begins.
  void Add(const Field& field, std::string_view what, std::string_view expected) {
    diagnostics_.Add(config_.PositionOf(field.key), what, expected);
  }

  static bool Taken(const Field& a, const Field& b) { return a.Taken() && b.Taken(); }

  void CheckModel() {
    CheckWidth();
    const Field layer = Of("evaluate.retrieval_layer", settings_.evaluate.retrieval_layer);
    const Field layers = Of("model.layers", settings_.model.layers);
    if (Taken(layer, layers) && settings_.evaluate.retrieval_layer > settings_.model.layers) {
      Add(layer, fmt::format("{} is more than {}", layer.Text(), layers.TextWithPlace()),
          fmt::format("expected 0 (the embeddings) to {}, or -1 for the middle layer",
                      settings_.model.layers));
    }
  }

  void CheckWidth() {
    const ModelSection& model = settings_.model;
    const Field heads = Of("model.heads", model.heads);
    const Field hidden = Of("model.hidden", model.hidden);
    const Field parameters = Of("model.parameters", model.parameters);
    if (!Taken(heads, hidden) || !parameters.Taken()) return;
    if (model.parameters > 0) {
      if (hidden.node != nullptr && model.hidden != 0) {
        Add(parameters, fmt::format("{} with {}", parameters.Text(), hidden.TextWithPlace()),
            "expected only one of the two: with `model.hidden = 0` the width is solved from the "
            "number of parameters");
        return;
      }
      RunSettings solved = settings_;
      if (const Status status = ResolveModel(solved); !status) {
        Add(parameters, fmt::format("no width gives {}", parameters.Text()),
            status.error().message);
      }
      return;
    }
    if (model.hidden < kMinHidden) {
      Add(hidden, hidden.Text(),
          model.hidden == 0
              ? "expected a width, or `model.parameters` from which it is solved"
              : fmt::format("expected at least {}, or 0 with `model.parameters`", kMinHidden));
    } else if (model.heads == 0 && model.hidden % kHeadWidth != 0) {
      Add(heads, fmt::format("{} with {}", heads.Text(), hidden.TextWithPlace()),
          fmt::format("expected a multiple of {}: 0 stands for heads of that width", kHeadWidth));
    } else if (model.heads > 0 && model.hidden % model.heads != 0) {
      Add(heads, fmt::format("{} does not divide {}", heads.Text(), hidden.TextWithPlace()),
          "expected a divisor");
    }
  }

  void CheckPretrain() {
    const PretrainSection& s = settings_.pretrain;
    const Field warmup = Of("pretrain.warmup_updates", s.warmup_updates);
    const Field updates = Of("pretrain.updates", s.updates);
    if (Taken(warmup, updates) && s.warmup_updates > s.updates && s.updates > 0) {
      Add(warmup, fmt::format("{} is more than {}", warmup.Text(), updates.TextWithPlace()),
          fmt::format("expected at most {}", s.updates));
    }
    Field first = Of("pretrain.mask_token_prob", s.mask_token_prob);
    Field second = Of("pretrain.random_token_prob", s.random_token_prob);
    const double sum = s.mask_token_prob + s.random_token_prob;
    if (Taken(first, second) && sum > 1) {
      if (first.node == nullptr) std::swap(first, second);
      Add(first, fmt::format("{} and {} add up to {:g}", first.Text(), second.TextWithPlace(), sum),
          "expected at most 1: they are shares of the predicted tokens");
    }
    const std::int64_t micro_batch = s.sequences_per_micro_batch;
    const Field micro = Of("pretrain.sequences_per_micro_batch", micro_batch);
    const Field batch = Of("pretrain.sequences_per_update", s.sequences_per_update);
    if (Taken(micro, batch) && micro_batch > 0 && s.sequences_per_update % micro_batch != 0) {
      Add(micro, fmt::format("{} does not divide {}", micro.Text(), batch.TextWithPlace()),
          "expected a divisor, or 0 for the whole batch at once");
    }
    const Field processes = Of("pretrain.processes", s.processes);
    if (Taken(processes, batch) && s.processes > s.sequences_per_update) {
      Add(processes, fmt::format("{} is more than {}", processes.Text(), batch.TextWithPlace()),
          "expected at most that many: each process needs a sequence of every update");
    }
  }

  // Weights from outside come with their vocabulary; nothing is learnt before fine-tuning. Whether
  // [model] says what the files say is known when they are read (point_checks.cc).
  void CheckFrom() {
    const Field from = Of("pretrain.from", settings_.pretrain.from);
    if (!from.Taken()) return;
    if (!IsImportSource(settings_.pretrain.from)) {
      Add(from, from.Text(),
          "expected \"import:NAME\" (`repro import --list` shows the names), the absolute path of "
          "a "
          "folder, or nothing to pretrain");
      return;
    }
    for (const char* name : {"vocab", "sampling", "pretrain"}) {
      const Node* section = config_.Find(name);
      if (section == nullptr || !section->IsTable()) continue;
      for (const auto& [key, node] : Leaves(*section)) {
        const std::string path = fmt::format("{}.{}", name, key);
        if (path == from.key) continue;
        diagnostics_.Add(
            node->position,
            fmt::format("`{}` = {} with {}", path, node->ToText(), from.TextWithPlace()),
            "expected nothing here: no vocabulary is learnt and nothing pretrained");
      }
    }
  }

  void CheckSource() {
    const Field source = Of("corpus.source", settings_.corpus.source);
    if (!source.Taken() || SourceIsKnown()) return;
    if (IsRealText(settings_.corpus.source)) return;  // looked up when the graph is made
    Add(source, fmt::format("`corpus.source` is {}", source.value.ToText()),
        "expected " + OneOfText(CorpusSources()) +
            DidYouMean(settings_.corpus.source, CorpusSources()));
  }

  // What is limited is real text; a limit that does nothing would be believed.
  void CheckLimits() {
    const Field source = Of("corpus.source", settings_.corpus.source);
    if (!source.Taken() || IsRealText(settings_.corpus.source)) return;
    const std::pair<const char*, std::int64_t> limits[] = {
        {"corpus.max_bytes", settings_.corpus.max_bytes},
        {"corpus.max_sentences", settings_.corpus.max_sentences},
        {"corpus.max_tokens", settings_.corpus.max_tokens}};
    for (const auto& [key, value] : limits) {
      const Field limit = Of(key, value);
      if (value == 0 || !limit.Taken()) continue;
      Add(limit, fmt::format("{} with {}", limit.Text(), source.TextWithPlace()),
          "expected nothing here: only text of `dataset:` and `coded:` is limited");
    }
  }

  /// What is written in a list of names, each with its place; nothing where the list is the default
  /// or was not taken.
  std::vector<std::pair<std::string, SourcePosition>> Written(
      const char* key, const std::vector<std::string>& taken) const {
    std::vector<std::pair<std::string, SourcePosition>> written;
    const Node* node = config_.Find(key);
    const auto* array = node == nullptr ? nullptr : node->As<Node::Array>();
    if (array == nullptr || array->size() != taken.size()) return written;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      written.emplace_back(taken[i], (*array)[i].position);
    }
    return written;
  }

  void CheckEachOnce(const char* key, const std::vector<std::string>& taken) {
    std::set<std::string> seen;
    for (const auto& [name, where] : Written(key, taken)) {
      if (seen.insert(name).second) continue;
      diagnostics_.Add(where, fmt::format("`{}` names `{}` twice", key, name),
                       "expected each once");
    }
  }

  // A stage sees what those before it left: perplexities of what goes anyway would move the
  // classes.
  void CheckClean() {
    const std::vector<std::string>& stages = settings_.clean.stages;
    const std::vector<std::string>& order = CleanStageNames();
    CheckEachOnce("clean.stages", stages);
    const auto place = [&](const std::string& name) {
      return std::find(order.begin(), order.end(), name) - order.begin();
    };
    const auto written = Written("clean.stages", stages);
    for (std::size_t i = 1; i < written.size(); ++i) {
      if (place(stages[i]) >= place(stages[i - 1])) continue;
      diagnostics_.Add(
          written[i].second,
          fmt::format("`clean.stages` names `{}` behind `{}`", stages[i], stages[i - 1]),
          fmt::format("expected CC-Net's order: {}", fmt::join(order, ", ")));
    }
    const std::vector<std::string>& buckets = settings_.corpus.buckets;
    CheckEachOnce("corpus.buckets", buckets);
    if (std::find(stages.begin(), stages.end(), "perplexity") != stages.end()) return;
    for (const auto& [name, where] : Written("corpus.buckets", buckets)) {
      if (name == "all") continue;
      diagnostics_.Add(where,
                       fmt::format("`corpus.buckets` names `{}` without stage `perplexity`", name),
                       "expected that stage among `clean.stages`: it makes the classes");
    }
  }

  bool SourceIsKnown() const {
    const auto& sources = CorpusSources();
    return std::find(sources.begin(), sources.end(), settings_.corpus.source) != sources.end();
  }

  void CheckFinetuneTasks() {
    const std::vector<std::string>& tasks = settings_.finetune.tasks;
    const Field source = Of("corpus.source", settings_.corpus.source);
    const Node* node = config_.Find("finetune.tasks");
    const auto* written = node == nullptr ? nullptr : node->As<Node::Array>();
    if (written == nullptr) return;  // the default, or no array
    if (written->empty()) {
      diagnostics_.Add(node->position, "`finetune.tasks` is []",
                       "expected at least one of `xnli`, `topic` and `tags`");
    }
    if (written->size() != tasks.size()) return;  // not taken
    const bool dataset = IsRealText(settings_.corpus.source);
    const bool real_text = source.Taken() && !settings_.corpus.source.starts_with("babel-") &&
                           (SourceIsKnown() || dataset);
    CheckEachOnce("finetune.tasks", tasks);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const SourcePosition& where = (*written)[i].position;
      if (real_text && tasks[i] != "xnli" && !(dataset && tasks[i] == "tags")) {
        diagnostics_.Add(
            where,
            fmt::format("`finetune.tasks` names `{}` with {}", tasks[i], source.TextWithPlace()),
            dataset ? "expected `xnli` or `tags`: the other task exists in the babel world alone"
                    : "expected only `xnli`: the other tasks exist in the babel world alone");
      }
    }
  }

  // A metric that no task logs would leave its series out of every report without a word.
  void CheckSeries() {
    const Node* series = config_.Find("series");
    const auto* rows = series == nullptr ? nullptr : series->As<Node::Array>();
    if (rows == nullptr) return;
    const auto& known = SeriesMetrics();
    for (std::size_t i = 0; i < rows->size(); ++i) {
      const Node* metric = (*rows)[i].Get("metric");
      const auto* name = metric == nullptr ? nullptr : metric->As<std::string>();
      if (name == nullptr || std::find(known.begin(), known.end(), *name) != known.end()) continue;
      diagnostics_.Add(metric->position,
                       fmt::format("`series[{}].metric` is {}", i, metric->ToText()),
                       "expected a metric that is logged by language, e.g. `xnli.accuracy`" +
                           DidYouMean(*name, known));
    }
  }

  // A model of one language has nothing to retrieve from and no labels.
  void CheckMonolingual() {
    const Node* metric = config_.Find("monolingual.metric");
    const auto* name = metric == nullptr ? nullptr : metric->As<std::string>();
    if (name == nullptr || *name == kBitsPerCharacter || *name == kBitsPerSentence) return;
    diagnostics_.Add(
        metric->position, fmt::format("`monolingual.metric` is {}", metric->ToText()),
        fmt::format("expected `{}` or `{}`: what a model of one language is measured by",
                    kBitsPerCharacter, kBitsPerSentence));
  }

  const RunSettings& settings_;
  const Document& config_;
  Diagnostics& diagnostics_;
};

}  // namespace

const std::vector<std::string>& CorpusSources() {
  static const std::vector<std::string> kSources = {"babel-wiki", "babel-cc", "wiki", "cc"};
  return kSources;
}

const std::vector<std::string>& SeriesMetrics() {
  static const std::vector<std::string> kMetrics = {"xnli.accuracy",
                                                    "topic.accuracy",
                                                    "tags.f1",
                                                    "retrieval.accuracy",
                                                    "retrieval.pairs.accuracy",
                                                    kBitsPerSentence,
                                                    kBitsPerCharacter,
                                                    "control.hypothesis_only.accuracy",
                                                    "control.surface_lookup.accuracy",
                                                    "control.surface_regression.accuracy",
                                                    "vocab.tokens_per_word",
                                                    "vocab.coverage",
                                                    "vocab.unknown_rate",
                                                    "pretrain.repeats",
                                                    "pretrain.plateau_margin",
                                                    "valid.loss",
                                                    "corpus.gib",
                                                    "corpus.gb",
                                                    "corpus.million_tokens",
                                                    "corpus.documents",
                                                    "corpus.sentences"};
  return kMetrics;
}

void CheckContradictions(const RunSettings& settings, const Document& config,
                         Diagnostics& diagnostics) {
  Checker(settings, config, diagnostics).Check();
}

}  // namespace repro
