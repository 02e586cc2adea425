#include "core/base/text.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

TEST(TextTest, TellsWhatIsUtf8) {
  for (const std::string_view text :
       {"", "plain", "na\u00efve", "\u4f60\u597d", "\U0010FFFF", "eight bytes and more \u00e9 "}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  // A lone continuation, a cut character, an overlong "/", a surrogate, beyond Unicode, Latin-1.
  for (const std::string_view bytes : {"\x80", "abcdefgh\xE4\xBD", "\xC0\xAF", "\xED\xA0\x80",
                                       "\xF4\x90\x80\x80", "caf\xE9 au lait"}) {
    EXPECT_FALSE(IsUtf8(bytes)) << Printable(bytes);
  }
  EXPECT_TRUE(IsUtf8(std::string_view("a\0b", 3)));
}

TEST(TextTest, CodePointsGoToUtf8AndBack) {
  std::string out;
  for (const char32_t c : {U'a', U'\u00e9', U'\uac00', U'\U0001f600'}) AppendUtf8(c, out);
  EXPECT_EQ(out, "a\u00e9\uac00\U0001f600");
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string one;
    AppendUtf8(c, one);
    std::string_view rest = one;
    ASSERT_EQ(TakeCodePoint(rest), c);
    ASSERT_TRUE(rest.empty());
  }
}

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

TEST(DisplayWidthTest, MarksOfEveryScriptStandOnTheirLetter) {
  EXPECT_EQ(DisplayWidth("हिन्दी"), 5u) << "the virama takes no column, the vowel signs do";
  EXPECT_EQ(DisplayWidth("ที่"), 1u) << "a vowel and a tone above one letter";
  EXPECT_EQ(DisplayWidth("عَرَبِيّ"), 4u) << "harakat";
  EXPECT_EQ(DisplayWidth("ខ្មែរ"), 4u) << "the coeng takes no column";
  EXPECT_EQ(DisplayWidth("\u1112\u1161\u11ab"), 2u) << "one syllable of Hangul in three letters";
  EXPECT_EQ(DisplayWidth("\u02ff\u0370"), 2u) << "beside the first marks";
  EXPECT_EQ(DisplayWidth("\ufe30"), 2u) << "beyond the last";
}

TEST(PaddedTest, FillsColumnsAndCutsNothing) {
  EXPECT_EQ(Padded("中", 4), "中  ");
  EXPECT_EQ(Padded("long", 2), "long");
}

TEST(BriefTest, OfALongTextTheFirstLine) {
  EXPECT_EQ(Brief("two\nlines"), "two\nlines") << "short enough as it is";
  const std::string trace(1100, 'x');
  EXPECT_EQ(Brief("CUDA error\nframe " + trace), "CUDA error ...");
  EXPECT_EQ(Brief(std::string(900, 'x')), std::string(900, 'x'))
      << "one line, with advice at its end";
  EXPECT_EQ(Brief(trace), std::string(1000, 'x') + " ...");
  EXPECT_EQ(Brief(std::string(999, 'x') + "é" + trace), std::string(999, 'x') + " ...");
}

TEST(ShellWordTest, AShellReadsItBack) {
  EXPECT_EQ(ShellWord("vocab.size=3000"), "vocab.size=3000");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("tasks=[\"xnli\"]"), "'tasks=[\"xnli\"]'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("~"), "'~'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST(PluralTest, OneIsSingular) {
  EXPECT_EQ(Plural(0, "task"), "0 tasks");
  EXPECT_EQ(Plural(1, "task"), "1 task");
  EXPECT_EQ(Plural(12, "task"), "12 tasks");
}

}  // namespace
}  // namespace repro
