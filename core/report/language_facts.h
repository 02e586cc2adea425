#pragma once
/// Series whose points are languages: a column each, beside the paper's cells. Table 6 and Figure 1
/// are made of nothing else.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/manifest/reference.h"
#include "core/report/measures.h"

namespace repro {

struct ReportInputs;
class RunValues;
enum class CellState;

struct LanguageFacts {
  struct Column {
    std::string series;  ///< id
    std::string name;
    std::string point;  ///< of the sweep
    Measure measure;
    bool has_paper = false;
    std::size_t measured = 0;     ///< languages with a value
    double total = 0;             ///< over them
    std::size_t paper_cells = 0;  ///< rows with a cell of the paper
    double paper_total = 0;       ///< over them
  };
  struct Cell {
    std::optional<double> value;  ///< in shown units
    std::optional<ReferenceCell> paper;
    CellState state;  ///< means nothing without `paper`
  };
  struct Row {
    std::string
        code;  ///< as shown; of a row of the paper that no planned language stands for its id
    std::string name;         ///< of the language; empty where it is not known
    std::vector<Cell> cells;  ///< by column
  };
  std::vector<Column> columns;
  std::vector<Row> rows;  ///< the paper's in its order, then the others
};

/// Empty without a series by language. A cell is compared at the paper's own scale on real text
/// alone: reproduced within Series::relative_margin and what the cell may be misread by, else not;
/// a count varies with no seed.
LanguageFacts BuildLanguageFacts(const ReportInputs& inputs, const RunValues& values);

}  // namespace repro
