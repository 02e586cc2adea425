#pragma once
/// Questions in the JSON of SQuAD (Rajpurkar et al., 2016 and 2018): articles of paragraphs, a
/// paragraph a context with its questions. Names may stand in any order, others are passed over.
/// One article at a time is in memory.

#include "core/base/result.h"
#include "experiments/datasets/layouts/read_examples.h"

namespace repro {

/// `languages_by_name`: MLQA's, from "context-de-question-en" in the file's name. Errors:
/// kNotFound, kIo, the sink's; all else goes to `problems`, with line and column.
Status ReadSquad(const LayoutFile& file, bool languages_by_name, ExampleProblems& problems,
                 const ExampleSink& sink);

}  // namespace repro
