#include "core/base/text.h"

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

TEST(PluralTest, OneIsSingular) {
  EXPECT_EQ(Plural(0, "task"), "0 tasks");
  EXPECT_EQ(Plural(1, "task"), "1 task");
  EXPECT_EQ(Plural(12, "task"), "12 tasks");
}

}  // namespace
}  // namespace repro
