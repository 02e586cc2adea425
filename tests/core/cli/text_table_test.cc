#include "core/cli/text_table.h"

#include <sstream>

#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(TextTableTest, ColumnsAlignWhateverTheBytes) {
  TextTable table({{"name"}, {"n", true}, {"last"}});
  table.AddRow({"é", "5", "x"});
  table.AddRow({"中文", "1234", "y"});
  std::ostringstream out;
  table.Print(out, false);
  EXPECT_EQ(out.str(),
            "name     n  last\n"
            "é        5  x\n"
            "中文  1234  y\n");
}

TEST(TextTableTest, ColourOnlyWhereWanted) {
  TextTable table({{"state"}});
  table.AddRow({{"done", StateStyle("done")}});
  std::ostringstream plain, coloured;
  table.Print(plain, false);
  table.Print(coloured, true);
  EXPECT_EQ(plain.str().find('\x1b'), std::string::npos);
  EXPECT_NE(coloured.str().find("\x1b[32mdone\x1b[0m"), std::string::npos);
}

}  // namespace
}  // namespace repro
