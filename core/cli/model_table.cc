#include "core/cli/model_table.h"

#include <ostream>

#include <fmt/format.h>

#include "core/base/units.h"
#include "core/cli/text_table.h"

namespace repro {
namespace {

std::string Share(std::int64_t parameters, std::int64_t total) {
  return total == 0 ? std::string("-")
                    : fmt::format("{:.2f} %", 100 * static_cast<double>(parameters) /
                                                  static_cast<double>(total));
}

}  // namespace

void PrintModelTable(std::ostream& out, const ModelTable& table, bool color) {
  out << Printable(table.title) << "\n\n";
  TextTable rows(
      {{"TENSOR"}, {"SHAPE", true}, {"TENSORS", true}, {"PARAMETERS", true}, {"SHARE", true}});
  for (const ModelTable::Row& row : table.rows) {
    rows.AddRow({row.name, row.shape, FormatCount(row.tensors), FormatCount(row.parameters),
                 Share(row.parameters, table.total)});
  }
  rows.Print(out, color);
  out << '\n';
  TextTable totals({{"TOTAL"}, {"PARAMETERS", true}, {"SHARE", true}});
  for (const ModelTable::Total& total : table.totals) {
    totals.AddRow(
        {total.name, FormatCount(total.parameters), Share(total.parameters, table.total)});
  }
  totals.Print(out, color);
  out << '\n';
  for (const ModelTable::Fact& fact : table.facts) {
    out << Padded(Printable(fact.name), 32) << Printable(fact.value) << '\n';
  }
}

}  // namespace repro
