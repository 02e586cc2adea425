#include "core/cli/text_table.h"

#include <sstream>

#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(PrintableTest, WhatATerminalWouldActOnBecomesVisible) {
  EXPECT_EQ(Printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(Printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m")
      << "C1 CSI, as UTF-8";
  EXPECT_EQ(Printable("\x9b"
                      "31m"),
            "\\x9b31m")
      << "C1 CSI, as a raw byte";
  EXPECT_EQ(Printable("abc\u202edcba"), "abc\\u202edcba");
  EXPECT_EQ(Printable("over\rwritten"), "over\\x0dwritten");
}

TEST(PrintableTest, TextOfAnyLanguageStays) {
  EXPECT_EQ(Printable("Kiswahili, اردو, 中文, ไทย, é"), "Kiswahili, اردو, 中文, ไทย, é");
}

TEST(PrintableTest, BytesThatAreNotUtf8AreShown) {
  EXPECT_EQ(Printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(Printable("\xc0\x80"), "\\xc0\\x80") << "overlong zero";
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(Printable("\xe4\xb8"), "\\xe4\\xb8") << "cut off";
}

TEST(PrintableTest, LinesAreKeptOnRequest) {
  EXPECT_EQ(Printable("a\n\tb"), "a  b");
  EXPECT_EQ(Printable("a\n\tb", true), "a\n\tb");
}

TEST(DisplayWidthTest, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u) << "a combining accent";
  EXPECT_EQ(DisplayWidth("中文"), 4u);
}

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
