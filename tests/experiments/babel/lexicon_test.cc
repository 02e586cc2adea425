#include "experiments/corpus/babel/lexicon.h"

#include <set>

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include "core/manifest/languages.h"
#include "experiments/corpus/babel/script.h"

namespace repro {
namespace {

constexpr std::uint64_t kSeed = 9001;

TEST(BabelLanguagesTest, AgreeWithTheManifestsInCodeScriptAndFamily) {
  const auto table =
      LoadLanguages(std::filesystem::path(REPRO_SOURCE_DIR) / "manifests" / "languages.toml");
  ASSERT_TRUE(table.has_value()) << table.error().message;
  std::size_t spoken = 0;
  for (const auto& [code, language] : table->languages) {
    if (language.coded) continue;
    ++spoken;
    const auto found = FindBabelLanguage(code);
    ASSERT_TRUE(found.has_value()) << code;
    EXPECT_EQ(found->script, language.script) << code;
    EXPECT_EQ(found->family, language.branch.empty() ? language.family : language.branch) << code;
    EXPECT_EQ(found->cc_only(), language.wiki_gb == 0) << code;
  }
  EXPECT_EQ(spoken, BabelLanguages().size());
}

TEST(BabelLanguagesTest, AHundredHaveWordsOfTheirOwn) {
  std::size_t own = 0;
  for (const BabelLanguage& language : BabelLanguages()) own += language.cc_only() ? 0 : 1;
  EXPECT_EQ(own, 100U);
}

TEST(BabelLanguagesTest, UnknownCodeNamesItsNeighbours) {
  const auto found = FindBabelLanguage("syn-sx");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_NE(found.error().message.find("sw"), std::string::npos) << found.error().message;
  EXPECT_TRUE(FindBabelLanguage("syn-sw").has_value());
}

int CodePoints(const std::string& text) {
  return icu::UnicodeString::fromUTF8(text).countChar32();
}

// SentencePiece normalizes to NFKC: a word must come out as it went in. References: ICU's
// normalizer and script property.
TEST(LexiconTest, EveryWordOfEveryLanguageIsStableTextOfItsScript) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(status);
  ASSERT_TRUE(U_SUCCESS(status));
  for (const BabelLanguage& language : BabelLanguages()) {
    std::set<UScriptCode> allowed;
    if (language.script == "Hans" || language.script == "Hant") {
      allowed = {USCRIPT_HAN};
    } else if (language.script == "Kore") {
      allowed = {USCRIPT_HANGUL};
    } else if (language.script == "Jpan") {
      allowed = {USCRIPT_HIRAGANA, USCRIPT_KATAKANA};
    } else {
      const int code = u_getPropertyValueEnum(UCHAR_SCRIPT, std::string(language.script).c_str());
      allowed = {static_cast<UScriptCode>(code)};
    }
    const Lexicon lexicon(kSeed, language);
    std::set<std::string> words;
    for (int item = 0; item < items::kContentItems; ++item) {
      const std::string& word = lexicon.Item(item);
      ASSERT_TRUE(words.insert(word).second) << language.code << ": two words " << word;
      const auto text = icu::UnicodeString::fromUTF8(word);
      ASSERT_EQ(nfkc->normalize(text, status), text) << language.code << ": " << word;
      for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        const UScriptCode script = uscript_getScript(text.char32At(at), &status);
        ASSERT_TRUE(allowed.contains(script)) << language.code << ": " << word;
      }
    }
  }
}

// Otherwise the length of the replaced word would say something about the label.
TEST(LexiconTest, AllVerbsAndAllAdjectivesAreEquallyLong) {
  for (const BabelLanguage& language : BabelLanguages()) {
    const Lexicon lexicon(kSeed, language);
    for (const ItemRange& range : {items::kVerbItems, items::kAdjectiveItems}) {
      std::set<int> lengths;
      for (int i = 0; i < range.count; ++i) {
        lengths.insert(CodePoints(lexicon.Item(range.first + i)));
      }
      EXPECT_EQ(lengths.size(), 1U) << language.code;
    }
  }
}

int SharedWords(const char* left, const char* right) {
  const Lexicon a(kSeed, FindBabelLanguage(left).value());
  const Lexicon b(kSeed, FindBabelLanguage(right).value());
  int shared = 0;
  for (int item = 0; item < items::kContentItems; ++item) {
    shared += a.Item(item) == b.Item(item) ? 1 : 0;
  }
  return shared;
}

TEST(LexiconTest, FamiliesShareMoreThanScriptsAndScriptsMoreThanStrangers) {
  const int family = SharedWords("en", "de");
  const int script = SharedWords("en", "sw");
  EXPECT_GT(family, 2 * script);
  EXPECT_GT(script, 5);
  EXPECT_EQ(SharedWords("en", "ru"), 0);
  EXPECT_EQ(SharedWords("hi", "ur"), 0);  // cousins in different scripts
}

TEST(LexiconTest, ASecondSpellingHasTheSameWordsInOtherLetters) {
  const BabelLanguage hindi = FindBabelLanguage("hi").value();
  const Lexicon written(kSeed, hindi);
  const Lexicon romanized(kSeed, FindBabelLanguage("hi_rom").value());
  std::set<std::string> spellings;
  for (int item = 0; item < items::kContentItems; ++item) {
    EXPECT_EQ(CodePoints(written.Item(item)), CodePoints(romanized.Item(item)));
    EXPECT_EQ(written.Origin(item), romanized.Origin(item));
    spellings.insert(romanized.Item(item));
  }
  EXPECT_EQ(spellings.size(), static_cast<std::size_t>(items::kContentItems));
  EXPECT_EQ(SharedWords("my", "my_zaw"), 0);
}

TEST(AnchorsTest, NamesAreDistinctCapitalisedLatinOfOneOrTwoWords) {
  const Anchors anchors(kSeed);
  std::set<std::string> seen;
  int two = 0;
  constexpr int kNames = world_table::kNameRanks * world_table::kEntityTypes * world_table::kTopics;
  for (int id = 0; id < kNames; ++id) {
    const auto& name = anchors.Name(id);
    ASSERT_TRUE(name.size() == 1 || name.size() == 2);
    two += name.size() == 2 ? 1 : 0;
    EXPECT_TRUE(seen.insert(name.back()).second);
    for (const std::string& part : name) EXPECT_TRUE(part[0] >= 'A' && part[0] <= 'Z') << part;
  }
  EXPECT_NEAR(two / static_cast<double>(kNames), world_table::kTwoWordNames / 1000.0, 0.03);
}

}  // namespace
}  // namespace repro
