#pragma once
/// The parameter table of a model, as `repro show --model` prints it. What the rows are, the
/// science says (Suite::describe_model); here they are counted and laid out.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "core/io/json_io.h"

namespace repro {

struct ModelTable {
  struct Row {
    std::string name;
    std::string shape;  ///< "768 x 768"
    std::int64_t tensors = 1;
    std::int64_t parameters = 0;  ///< of all its tensors
  };
  struct Total {
    std::string name;
    std::int64_t parameters = 0;
  };
  struct Fact {
    std::string name;
    std::string value;
  };

  std::string title;           ///< one line
  std::vector<Row> rows;       ///< every tensor is in one of them
  std::vector<Total> totals;   ///< parts and sums, as the science names them
  std::vector<Fact> facts;     ///< bytes and the like
  std::int64_t total = 0;      ///< the parameters that shares refer to
  Json json = Json::object();  ///< all of it for --json
};

/// Title, rows, totals with their shares of `total`, facts.
void PrintModelTable(std::ostream& out, const ModelTable& table, bool color);

}  // namespace repro
