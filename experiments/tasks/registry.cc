#include "experiments/tasks/registry.h"

#include <array>

#include "experiments/tasks/benchmark/task.h"
#include "experiments/tasks/clean/task.h"
#include "experiments/tasks/coded/task.h"
#include "experiments/tasks/controls/task.h"
#include "experiments/tasks/corpus/task.h"
#include "experiments/tasks/corpus_stats/task.h"
#include "experiments/tasks/encode/task.h"
#include "experiments/tasks/evaluate/task.h"
#include "experiments/tasks/evaluation_text/task.h"
#include "experiments/tasks/finetune/task.h"
#include "experiments/tasks/import/task.h"
#include "experiments/tasks/line_model/task.h"
#include "experiments/tasks/pretrain/task.h"
#include "experiments/tasks/subset/task.h"
#include "experiments/tasks/testsets/task.h"
#include "experiments/tasks/vocab/task.h"

namespace repro {

std::span<const TaskKind> TaskKinds() {
  static constexpr std::array kKinds = {
      TaskKind{"corpus", &RunCorpusTask},
      TaskKind{"benchmark", &RunBenchmarkTask},
      TaskKind{"controls", &RunControlsTask},
      TaskKind{"vocab", &RunVocabTask},
      TaskKind{"encode", &RunEncodeTask},
      TaskKind{"pretrain", &RunPretrainTask},
      TaskKind{"import", &RunImportTask},
      TaskKind{"finetune", &RunFinetuneTask},
      TaskKind{"evaluate", &RunEvaluateTask},
      TaskKind{"clean", &RunCleanTask},
      TaskKind{"subset", &RunSubsetTask},
      TaskKind{"testsets", &RunTestsetsTask},
      TaskKind{"evaluation_text", &RunEvaluationTextTask},
      TaskKind{"coded_types", &RunCodedTypesTask},
      TaskKind{"coded", &RunCodedTask},
      TaskKind{"line_model", &RunLineModelTask},
      TaskKind{"corpus_stats", &RunCorpusStatsTask},
  };
  return kKinds;
}

}  // namespace repro
