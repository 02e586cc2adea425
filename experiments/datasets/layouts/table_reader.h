#pragma once
/// Layouts of one example a row: tables of NLI pairs and of GLUE, and the same as JSON lines.
///
/// Fields are divided by tabs and are plain: a quote is a character. Columns are found by the names
/// of the first line; where a layout is published without them, by their number.

#include "core/base/result.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "experiments/datasets/layouts/table_layout.h"

namespace repro {

/// Errors: kNotFound, kIo, the sink's; all else goes to `problems`.
Status ReadTable(const TableLayout& layout, const LayoutFile& file, const ReadRules& rules,
                 ExampleProblems& problems, const ExampleSink& sink);

}  // namespace repro
