#pragma once
/// What a task will take: work (for the time estimate), memory, disk and exact model facts. None of
/// it enters a key.

#include <cstddef>
#include <cstdint>

#include "core/graph/task.h"
#include "experiments/tasks/controls/spec.h"
#include "experiments/tasks/corpus_stats/spec.h"
#include "experiments/tasks/import/import_record.h"
#include "experiments/tasks/settings.h"

namespace repro {

void AddImportCosts(const ImportRecord& record, Task& task);
void AddCosts(const CorpusSpec& spec, Task& task);
/// How many times its size packed text has; for estimates.
inline constexpr double kUnpacked = 4;
/// `packed_mb`: of the whole corpus.
void AddCosts(const SubsetSpec& spec, double packed_mb, Task& task);
void AddCosts(const BenchmarkSpec& spec, Task& task);
void AddCosts(const VocabSpec& spec, bool babel, Task& task);
/// `max_bytes`: of each language's text; 0: all of it.
void AddEncodeCosts(double nominal_gb, bool babel, const RunSettings& settings,
                    std::int64_t max_bytes, std::size_t languages, Task& task);
/// `processes`: `pretrain.processes`; it goes into `task.info`, where the task finds it.
void AddCosts(const PretrainSpec& spec, std::int64_t vocab_size, std::int64_t processes,
              Task& task);
void AddCosts(const FinetuneSpec& spec, const RunSettings& settings, Task& task);
void AddCosts(const EvaluateSpec& spec, const RunSettings& settings, Task& task);
void AddCosts(const ControlsSpec& spec, Task& task);
/// Real text, which is held against test sets. `text_mb`: what is read of it, unpacked;
/// `evaluation_mb`: the files of the test sets.
void AddCorpusStatsCosts(double text_mb, double evaluation_mb, Task& task);
/// Made text: its counts alone are read.
void AddCosts(const CorpusStatsSpec& spec, Task& task);

}  // namespace repro
