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

TEST(TextTableTest, WhatIsTooWideGoesOnBelowItselfOrBecomesAParagraph) {
  TextTable table({{"  no", true}, {"state"}, {"reason"}});
  table.AddRow({"1", "done", ""});
  table.AddRow({"2", "failed", "exit code 1: no space is left on this device"});
  const auto print = [&table](std::size_t width) {
    std::ostringstream out;
    table.Print(out, false, width);
    return out.str();
  };
  EXPECT_EQ(print(0), print(200));
  EXPECT_EQ(print(44),
            "  no  state   reason\n"
            "   1  done    \n"
            "   2  failed  exit code 1: no space is left\n"
            "              on this device\n");
  EXPECT_EQ(print(30),
            "  no 1\n"
            "    state done\n"
            "  no 2\n"
            "    state failed\n"
            "    reason exit code 1: no\n"
            "    space is left on this\n"
            "    device\n");
}

TEST(TextTableTest, NumbersAreNeverBroken) {
  TextTable table({{"  language"}, {"validation loss", true}, {"training loss", true}});
  table.AddRow({"  sw", "5.152", "-"});
  table.AddRow({"  en", "5.352", "5.331"});
  std::ostringstream out;
  table.Print(out, false, 40);
  EXPECT_EQ(out.str(),
            "  sw\n"
            "    validation loss 5.152\n"
            "  en\n"
            "    validation loss 5.352\n"
            "    training loss 5.331\n");
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
