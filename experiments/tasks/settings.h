#pragma once
/// All sections of an XLM-R manifest as one typed struct: the section names are the field names.
///
/// Each task kind keeps its own settings beside its spec; this file only gathers them. What a
/// manifest may say is exactly this list: an unknown key is an error with a suggestion.

#include <string>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/corpus/babel/settings.h"
#include "experiments/model/config.h"
#include "experiments/tasks/benchmark/spec.h"
#include "experiments/tasks/clean/spec.h"
#include "experiments/tasks/coded/spec.h"
#include "experiments/tasks/compute.h"
#include "experiments/tasks/corpus/spec.h"
#include "experiments/tasks/evaluate/spec.h"
#include "experiments/tasks/finetune/spec.h"
#include "experiments/tasks/pretrain/spec.h"
#include "experiments/tasks/testsets/spec.h"
#include "experiments/tasks/vocab/spec.h"

namespace repro {

/// `[finetune]`: which labelled tasks are run, and the recipe of each.
struct FinetuneSection {
  std::vector<std::string> tasks = {"xnli"};  ///< of "xnli", "topic", "tags"
  FinetuneSettings xnli;
  FinetuneSettings topic;
  FinetuneSettings tags;

  template <class V>
  void Visit(V& v) {
    v("tasks", tasks, OneOf({"xnli", "topic", "tags"}));
    v("xnli", xnli);
    v("topic", topic);
    v("tags", tags);
  }

  /// Recipe of a task; nullptr for a name that is none.
  const FinetuneSettings* Find(const std::string& task) const {
    if (task == "xnli") return &xnli;
    if (task == "topic") return &topic;
    if (task == "tags") return &tags;
    return nullptr;
  }
};

/// `[model]`: the model, or instead of its width how many parameters it shall have. Tasks know only
/// the width: `ResolveModel` (model_description.h) solves it before anything is keyed.
struct ModelSection : ModelSettings {
  std::int64_t parameters = 0;  ///< of the MLM model; 0: `hidden` says the width

  template <class V>
  void Visit(V& v) {
    ModelSettings::Visit(v);
    v("parameters", parameters, Range(0, 1e12));
  }
};

/// `[pretrain]`: the recipe, what stands in its place, and what carries it out. The last two are
/// here and not in the recipe, so they are in no key: `from` changes which tasks there are;
/// `processes` is a question of the machine, and a training that was begun with some goes on with
/// others.
struct PretrainSection : PretrainSettings {
  /// Empty: pretrain. "import:NAME" (`repro import`) or the absolute path of a folder: fine-tune
  /// from what is there; then [vocab], [sampling] and the rest of [pretrain] say nothing, and
  /// [model] may only say what the files say.
  std::string from;
  /// Data-parallel processes, each with compute.threads threads or a GPU of its own; every update's
  /// sequences are shared out among them.
  std::int64_t processes = 1;

  template <class V>
  void Visit(V& v) {
    PretrainSettings::Visit(v);
    v("from", from);
    v("processes", processes, Range(1, 4096));
  }
};

/// `[clean]`: what is done to a corpus, and what that may take of the machine. The latter is in no
/// key: the same bytes come out.
struct CleanSection : CleanSettings {
  std::int64_t threads = 2;
  /// Half of it is the limit of the table of repeated lines: one that is larger is made in parts,
  /// each with a pass over all hashes (line_marks.h).
  std::int64_t memory_mib = 1'024;

  template <class V>
  void Visit(V& v) {
    CleanSettings::Visit(v);
    v("threads", threads, Range(1, 1'024));
    v("memory_mib", memory_mib, Range(128, 1'048'576));
  }
};

struct RunSettings {
  CorpusSettings corpus;
  CleanSection clean;
  CodedSection coded;
  BabelSettings babel;
  BenchmarkSettings benchmark;
  TestsetsSettings testsets;
  VocabSettings vocab;
  SamplingSettings sampling;
  ModelSection model;
  PretrainSection pretrain;
  FinetuneSection finetune;
  EvaluateSettings evaluate;
  ComputeSettings compute;

  template <class V>
  void Visit(V& v) {
    v("corpus", corpus);
    v("clean", clean);
    v("coded", coded);
    v("babel", babel);
    v("benchmark", benchmark);
    v("testsets", testsets);
    v("vocab", vocab);
    v("sampling", sampling);
    v("model", model);
    v("pretrain", pretrain);
    v("finetune", finetune);
    v("evaluate", evaluate);
    v("compute", compute);
  }
};

}  // namespace repro
