#include "experiments/text/word_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/text/piece_words.h"
#include "experiments/text/word_breaker.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Joined(std::string_view language, std::string_view text,
                   std::string_view rules = kWordRules) {
  const auto tokenizer = WordTokenizer::Make(language, rules);
  return tokenizer ? tokenizer->Join(text) : tokenizer.error().message;
}

struct WordCase {
  const char* language;
  const char* text;
  const char* words;
};

// sacremoses 0.2.0, which is Moses' tokenizer in Python, gives the same for each (escape=False, an
// apostrophe for U+2019).
constexpr WordCase kAsMoses[] = {
    {"en", "Well, she said: \"Go (now)!\"", "Well , she said : \" Go ( now ) ! \""},
    {"en", "It's the dogs' bone, isn't it?", "It 's the dogs ' bone , isn 't it ?"},
    {"en", "The 1990's cost 1,234.50 dollars, not 12,5.",
     "The 1990 's cost 1,234.50 dollars , not 12,5 ."},
    {"en", "Mr. Ruzu met Dr. Bako in the U.S. on Jan. 3.",
     "Mr. Ruzu met Dr. Bako in the U.S. on Jan. 3 ."},
    {"en", "See No. 7, not the answer No. Then J. Mite left.",
     "See No. 7 , not the answer No . Then J. Mite left ."},
    {"en", "A well-known e-mail... and so on.", "A well-known e-mail ... and so on ."},
    {"en", "He stopped. then went", "He stopped. then went"},
    {"en", "a/b & c_d @ 50% #tag", "a / b & c _ d @ 50 % # tag"},
    {"fr", "L'eau d'ici, aujourd'hui !", "L' eau d' ici , aujourd' hui !"},
    {"fr", "M. Ruzu vit à l'hôtel (p. 3).", "M. Ruzu vit à l' hôtel ( p. 3 ) ."},
    {"it", "Quell'anno l'acqua era fredda.", "Quell' anno l' acqua era fredda ."},
    {"de", "Am 3. Mai kam Dr. Bako z.B. um 12.30 Uhr.",
     "Am 3. Mai kam Dr. Bako z.B. um 12.30 Uhr ."},
    {"de", "Er geht's an.", "Er geht ' s an ."},
    {"es", "¿Dónde está el Sr. Mite? ¡Aquí!", "¿ Dónde está el Sr. Mite ? ¡ Aquí !"},
    {"ru", "Он жил в 1950 г. на ул. Мира.", "Он жил в 1950 г. на ул. Мира ."},
    {"hi", "वह घर गया।", "वह घर गया ।"},
    {"ar", "أين الكتاب؟ هنا، قال.", "أين الكتاب ؟ هنا ، قال ."},
    {"sw", "Ng'ombe wake ni mzuri.", "Ng ' ombe wake ni mzuri ."},
};

TEST(WordTokenizerTest, CutsAsMosesDoes) {
  for (const WordCase& word_case : kAsMoses) {
    EXPECT_EQ(Joined(word_case.language, word_case.text), word_case.words) << word_case.language;
  }
}

// What the header says is different, or what that Python port lacks.
TEST(WordTokenizerTest, CutsAsItsHeaderSays) {
  EXPECT_EQ(Joined("fr", "l\u2019eau"), "l\u2019 eau");
  EXPECT_EQ(Joined("en", "don\u2019t"), "don \u2019t");
  EXPECT_EQ(Joined("fi", "EU:n ja NATO: nyt"), "EU:n ja NATO : nyt");
  EXPECT_EQ(Joined("ca", "col·legi"), "col·legi");
  EXPECT_EQ(Joined("so", "go'aan 'haa'"), "go'aan ' haa '");
  EXPECT_EQ(Joined("fa", "می\u200Cروم."), "می\u200Cروم .");
  EXPECT_EQ(Joined("hi", "क्\u200Dया"), "क्\u200Dया");
  EXPECT_EQ(Joined("de", "Kapita\u0308n!"), "Kapita\u0308n !");
  EXPECT_EQ(Joined("hi_rom", "kya hai?"), "kya hai ?");
  EXPECT_EQ(Joined("xx", "Dr. A, b"), "Dr. A , b");
}

TEST(WordTokenizerTest, OnlyWhiteSpaceAndControlCharactersGoAway) {
  const auto without_space = [](std::string_view text) {
    std::string kept;
    for (const char c : text) {
      if (static_cast<unsigned char>(c) > 0x20) kept += c;
    }
    return kept;
  };
  for (const WordCase& word_case : kAsMoses) {
    for (const char* language : {"en", "fr", "fi", "so", "de"}) {
      const std::string text = std::string(word_case.text) + "\t..x\x01'\xFF\xC3.";
      EXPECT_EQ(without_space(Joined(language, text)), without_space(text));
    }
  }
  EXPECT_EQ(Joined("en", ""), "");
  EXPECT_EQ(Joined("en", " \t "), "");
}

TEST(WordTokenizerTest, CuttingTwiceChangesNothingWithoutAbbreviations) {
  for (const char* text : {"Well, she said: \"Go (now)!\"", "1,234.50 ... -x-", "a.b.c d,e"}) {
    const std::string once = Joined("en", text);
    EXPECT_EQ(Joined("en", once), once);
  }
}

TEST(WordTokenizerTest, TextWithoutSpacesIsCutByIcu) {
  // ICU 72's dictionaries: words that any of them has.
  EXPECT_EQ(Joined("zh", "我们今天去学校。", kIcuWords), "我们 今天 去 学校 。");
  EXPECT_EQ(Joined("zh-Hant", "我們今天去學校。", kIcuWords), "我們 今天 去 學校 。");
  EXPECT_EQ(Joined("th", "วันนี้เราไปโรงเรียน", kIcuWords), "วัน นี้ เรา ไป โรงเรียน");
  EXPECT_EQ(Joined("zh", "用 GPU 12.5 小时", kIcuWords), "用 GPU 12.5 小时");
}

TEST(WordTokenizerTest, UnknownRulesAreNamed) {
  const auto unknown = WordTokenizer::Make("en", "moses-like-0");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("'moses-like-0': unknown rules"));
}

TEST(WordBreakerTest, WordsAreSpansAndPunctuationIsNotLexical) {
  const auto breaker = WordBreaker::Open("th");
  ASSERT_TRUE(breaker);
  const std::string text = "เรา ไป! 5";
  std::vector<std::string> words;
  for (const TextSpan& word : breaker->Words(text)) {
    words.push_back(text.substr(word.begin, word.end - word.begin) + (word.lexical ? "" : "*"));
  }
  EXPECT_THAT(words, ElementsAre("เรา", "ไป", "!*", "5"));
  EXPECT_TRUE(breaker->Words("").empty());
  EXPECT_EQ(breaker->Words("\xFF\xFE").size(), 2U);  // not UTF-8: symbols
}

TEST(SpacingTest, OnlyLongStretchesInALanguageWithoutSpacesLackThem) {
  Spacing spaced, unspaced;
  spaced.Add("我们 今天 去 学校");
  unspaced.Add("我们今天去学校,我们今天去学校");
  EXPECT_FALSE(spaced.LacksSpaces("zh"));
  EXPECT_TRUE(unspaced.LacksSpaces("zh"));
  EXPECT_TRUE(unspaced.LacksSpaces("zh-Hant"));
  EXPECT_FALSE(unspaced.LacksSpaces("de"));
  EXPECT_FALSE(Spacing().LacksSpaces("zh"));
  EXPECT_EQ(spaced.words, 4);
  EXPECT_EQ(spaced.characters, 7);
}

std::vector<Tokenizer::Piece> Pieces(const std::vector<std::string>& texts) {
  std::vector<Tokenizer::Piece> pieces;
  for (const std::string& text : texts) pieces.push_back({text, 10});
  return pieces;
}

TEST(PieceWordsTest, AWordBeginsAtASpace) {
  EXPECT_THAT(WordOfPieces(Pieces({"▁ba", "ko", "▁", "ru", "zu", "."})),
              ElementsAre(0, 0, 1, 1, 1, 1));
  EXPECT_THAT(WordOfPieces(Pieces({"ba", "▁ko"})), ElementsAre(0, 1));
  EXPECT_TRUE(WordOfPieces({}).empty());
}

TEST(PieceWordsTest, WithoutSpacesAWordBeginsWhereIcuSaysSo) {
  const auto breaker = WordBreaker::Open("zh");
  ASSERT_TRUE(breaker);
  // 我们 | 今天 | 去 | 学校 | 。
  EXPECT_THAT(WordOfPieces(Pieces({"▁", "我", "们", "今天", "去", "学", "校", "。"}), &*breaker),
              ElementsAre(0, 0, 0, 1, 2, 3, 3, 4));
  // A piece that reaches into the next word: what is left of that word goes on with it.
  EXPECT_THAT(WordOfPieces(Pieces({"▁我们", "今天去学", "校", "。"}), &*breaker),
              ElementsAre(0, 1, 1, 2));
}

}  // namespace
}  // namespace repro
