#include "experiments/corpus/coded/coded_language.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/text_window.h"
#include "experiments/corpus/coded/characters.h"
#include "experiments/corpus/coded/frequency_bands.h"
#include "tests/experiments/corpus/coded/sample_text.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = WordEnd(text, at);
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end > at ? end : at + CharacterAt(text, at).bytes;
  }
  return words;
}

std::vector<CodedSettings> AllSettings() {
  std::vector<CodedSettings> all;
  for (const char* script : {"own", "latin"}) {
    for (const char* order : {"none", "reversed", "local", "shuffled"}) {
      for (const bool keep_symbols : {true, false}) {
        for (const double anchor_share : {0.0, 0.3}) {
          all.push_back({.band_ratio = order[0] == 'l' ? 1.0 : 2.0,
                         .anchor_share = anchor_share,
                         .script = script,
                         .order = order,
                         .keep_symbols = keep_symbols});
        }
      }
    }
  }
  return all;
}

CodedLanguage Language(const CodedSettings& settings,
                       const std::shared_ptr<const TypeInventory>& inventory,
                       std::int64_t language) {
  auto made = CodedLanguage::Make(settings, inventory, language);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(made).value();
}

class CodedLanguageTest : public ::testing::Test {
 protected:
  CodedLanguage Make(const CodedSettings& settings, std::int64_t language = 1) const {
    return Language(settings, inventory_, language);
  }
  std::string CodeOf(const CodedSettings& settings, std::int64_t language = 1) const {
    return Make(settings, language).Encode(testing::kSampleText);
  }
  std::shared_ptr<const TypeInventory> inventory_ = testing::SampleInventory();
};

TEST_F(CodedLanguageTest, LanguageZeroIsEnglish) {
  for (const CodedSettings& settings : AllSettings()) {
    const CodedLanguage english = Make(settings, 0);
    EXPECT_EQ(english.Encode(testing::kSampleText), testing::kSampleText);
    EXPECT_EQ(english.Decode(testing::kSampleText), testing::kSampleText);
  }
}

// A code is a bijection of texts: there is a text behind every text, too.
TEST_F(CodedLanguageTest, AnyTextComesBackFromEncodingAndFromDecoding) {
  std::uint64_t index = 0;
  for (const CodedSettings& settings : AllSettings()) {
    for (const std::int64_t number : {std::int64_t{1}, std::int64_t{7}, kMaxCodedLanguage}) {
      const CodedLanguage language = Make(settings, number);
      const auto coder = [&](const std::string& word) { return language.Encode(word); };
      for (int i = 0; i < 400; ++i, ++index) {
        const std::string line = testing::AnyLine(index, *inventory_, coder);
        const std::string coded = language.Encode(line);
        ASSERT_EQ(language.Decode(coded), line) << ToJson(settings) << ", line " << index;
        ASSERT_EQ(language.Encode(language.Decode(line)), line)
            << ToJson(settings) << ", line " << index;
        ASSERT_EQ(IsUtf8(coded), IsUtf8(line)) << index;
        ASSERT_EQ(Words(coded).size(), Words(line).size()) << index;
      }
    }
  }
}

// The letters themselves: all short words at once, so that no two can have one code.
TEST_F(CodedLanguageTest, NoTwoWordsHaveOneCode) {
  for (const CodedSettings& settings : AllSettings()) {
    if (settings.order != "none") continue;
    const CodedLanguage language = Make(settings);
    std::set<std::string> codes;
    std::size_t words = 0;
    const auto add = [&](const std::string& word) {
      codes.insert(language.Encode(word));
      ++words;
    };
    for (char a = 'a'; a <= 'z'; ++a) {
      for (const int shift : {0, 32}) {
        const std::string first(1, static_cast<char>(a - shift));
        add(first);
        for (char b = 'a'; b <= 'z'; ++b) {
          add(first + b);
          add(first + static_cast<char>(b - 32));
        }
      }
    }
    EXPECT_EQ(codes.size(), words) << ToJson(settings);
  }
}

TEST_F(CodedLanguageTest, FrequenciesStay) {
  const std::string text = testing::TinyText("zz", 500);
  std::map<std::string, int> counts;
  for (const std::string& word : Words(text)) ++counts[word];
  for (const CodedSettings& settings : AllSettings()) {
    std::map<std::string, int> coded_counts;
    const CodedLanguage language = Make(settings);
    for (const std::string& word : Words(language.Encode(text))) ++coded_counts[word];
    ASSERT_EQ(coded_counts.size(), counts.size());
    for (const auto& [word, count] : counts) {
      EXPECT_EQ(coded_counts[language.Encode(word)], count) << word;
    }
  }
}

// Undone spelling shows the permutation: which type stands for which.
TEST_F(CodedLanguageTest, TypesChangePlacesInsideTheirBand) {
  CodedSettings permuted{.anchor_share = 0.2, .script = "own"};
  CodedSettings respelled = permuted;
  respelled.band_ratio = 1;
  respelled.anchor_share = 0;
  const CodedLanguage language = Make(permuted, 3), spelling = Make(respelled, 3);
  const std::vector<bool> anchors = ChooseAnchors(*inventory_, permuted);
  std::size_t moved = 0, types = 0;
  for (const FrequencyBand& band :
       FrequencyBands(inventory_->types().size(), permuted.band_ratio)) {
    for (std::size_t rank = band.begin; rank < band.end; ++rank) {
      const std::string& word = inventory_->types()[rank].word;
      if (anchors[rank]) {
        EXPECT_EQ(language.Encode(word), word);
        continue;
      }
      const auto image = inventory_->Find(spelling.Decode(language.Encode(word)));
      ASSERT_TRUE(image) << word;
      EXPECT_GE(*image, band.begin);
      EXPECT_LT(*image, band.end);
      ++types;
      if (*image != rank) ++moved;
    }
  }
  EXPECT_GT(moved, types * 9 / 10);
}

TEST_F(CodedLanguageTest, AnchorsAreTheSameInEveryLanguageAndNothingElseIsShared) {
  CodedSettings settings;
  settings.anchor_share = 0.25;
  const std::vector<bool> anchors = ChooseAnchors(*inventory_, settings);
  std::map<std::string, int> languages_with;
  for (std::int64_t number = 1; number <= 16; ++number) {
    const CodedLanguage language = Make(settings, number);
    for (const WordType& type : inventory_->types()) ++languages_with[language.Encode(type.word)];
  }
  std::size_t shared = 0;
  for (const auto& [form, languages] : languages_with) {
    if (languages == 1) continue;
    ++shared;
    EXPECT_EQ(languages, 16) << form;
    const auto rank = inventory_->Find(form);
    EXPECT_TRUE(rank && anchors[*rank]) << form;
  }
  EXPECT_EQ(shared, static_cast<std::size_t>(std::count(anchors.begin(), anchors.end(), true)));
}

TEST_F(CodedLanguageTest, CaseAndSymbolsGoThrough) {
  CodedSettings settings{.anchor_share = 0, .script = "latin"};
  const CodedLanguage language = Make(settings);
  const std::string lower = language.Encode("keeper"), title = language.Encode("Keeper"),
                    upper = language.Encode("KEEPER");
  EXPECT_EQ(title.substr(1), lower.substr(1));
  EXPECT_EQ(title[0], lower[0] - 32);
  ASSERT_EQ(upper.size(), lower.size());
  for (std::size_t i = 0; i < upper.size(); ++i) EXPECT_EQ(upper[i], lower[i] - 32);
  EXPECT_EQ(language.Encode("1,024 (3.5)!"), "1,024 (3.5)!");
  settings.keep_symbols = false;
  const std::string symbols = Make(settings).Encode("0123456789!?;:");
  EXPECT_NE(symbols, "0123456789!?;:");
  EXPECT_EQ(std::set<char>(symbols.begin(), symbols.end()).size(), 14U);
}

TEST_F(CodedLanguageTest, VowelsStandForVowels) {
  const CodedLanguage language = Make({.band_ratio = 1, .anchor_share = 0, .script = "latin"}, 2);
  const std::string_view vowels = "aeiouy";
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string code = language.Encode(std::string(9, letter));
    EXPECT_EQ(vowels.find(letter) == std::string_view::npos,
              vowels.find(code[0]) == std::string_view::npos)
        << letter;
  }
}

TEST_F(CodedLanguageTest, TheKeyIsSeedAndLanguage) {
  for (const CodedSettings& settings : AllSettings()) {
    CodedSettings other = settings;
    other.seed = 2;
    EXPECT_EQ(CodeOf(settings), CodeOf(settings));
    EXPECT_NE(CodeOf(settings), CodeOf(other));
    EXPECT_NE(CodeOf(settings), CodeOf(settings, 2));
  }
}

// Corpora, shards and models are made from these bytes: they never change for a seed. Where they
// have to, the version of the task that writes the corpus goes up.
TEST_F(CodedLanguageTest, BytesAreThoseOfTheFirstVersion) {
  std::string all;
  for (const CodedSettings& settings : AllSettings()) {
    for (const std::int64_t language : {1, 2, 16}) all += CodeOf(settings, language);
  }
  EXPECT_EQ(Sha256Hex(all), "bd05f2f7c30be8008a81366c2f5f14ff2c9ce75eda786865877338d31bb98662");
}

TEST_F(CodedLanguageTest, NamesSayThatTheyAreCodes) {
  EXPECT_EQ(CodedLanguageName(0), "en");
  EXPECT_EQ(CodedLanguageName(1), "en-c01");
  EXPECT_EQ(CodedLanguageName(200), "en-c200");
  for (std::int64_t language = 0; language <= kMaxCodedLanguage; ++language) {
    EXPECT_EQ(ParseCodedLanguageName(CodedLanguageName(language)), language);
  }
  for (const char* name : {"", "e", "fr", "en-c", "en-c0", "en-c00", "en-c1", "en-c001", "en-c201",
                           "en-c+1", "en-c01 ", "en-c99999999999999999999"}) {
    EXPECT_EQ(ParseCodedLanguageName(name), std::nullopt) << name;
  }
}

TEST_F(CodedLanguageTest, WhatIsNoLanguageIsRefused) {
  const auto message = [&](const CodedSettings& settings, std::int64_t language) {
    return CodedLanguage::Make(settings, inventory_, language).error().message;
  };
  EXPECT_EQ(message({}, 201), "coded language 201: expected 0 (English) to 200");
  EXPECT_EQ(message({}, -1), "coded language -1: expected 0 (English) to 200");
  EXPECT_EQ(message({.script = "runes"}, 1), "script `runes`: expected own or latin");
  EXPECT_EQ(message({.order = "sorted"}, 0),
            "order `sorted`: expected none, reversed, local or shuffled");
}

TEST_F(CodedLanguageTest, WordsOfASentenceAreCodedAsTheLine) {
  const std::vector<std::string> words = {"Mara", "ate", "half-cold", "soup", ",",     "and", "the",
                                          "dog",  "lit", "3.5",       "old",  "lamps", "."};
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  for (const CodedSettings& settings : AllSettings()) {
    const CodedLanguage language = Make(settings);
    const CodedSentence sentence = language.EncodeWords(words);
    std::string joined;
    for (const std::string& word : sentence.words) joined += (joined.empty() ? "" : " ") + word;
    if (settings.order != "shuffled") {
      EXPECT_EQ(joined, language.Encode(line));
    }
    std::set<std::size_t> origins(sentence.origins.begin(), sentence.origins.end());
    EXPECT_EQ(origins.size(), words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_EQ(sentence.words[i], language.Encode(words[sentence.origins[i]]));
    }
  }
}

TEST_F(CodedLanguageTest, TagsGoWithTheirWords) {
  const std::vector<std::string> words = {"old", "Mara", "McOwen", "'s", "dog", "in", "Rome", "."};
  const std::vector<std::string> tags = {"O", "B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"};
  const CodedLanguage reversed = Make({.order = "reversed"});
  const CodedSentence sentence = reversed.EncodeWords(words);
  // Rome in dog McOwen's Mara old.
  EXPECT_THAT(sentence.origins, ElementsAre(6, 5, 4, 2, 3, 1, 0, 7));
  // The clitic moves with its word, so the name is parted: two spans.
  EXPECT_THAT(MovedTags(tags, sentence.origins),
              ElementsAre("B-LOC", "O", "O", "B-PER", "O", "B-PER", "O", "O"));
}

TEST(MovedTagsTest, SpansBeginWithBAndKeepTheirKind) {
  const std::vector<std::string> tags = {"B-PER", "I-PER", "I-PER", "B-PER", "O", "I-LOC"};
  EXPECT_THAT(MovedTags(tags, std::vector<std::size_t>{0, 1, 2, 3, 4, 5}),
              ElementsAre("B-PER", "I-PER", "I-PER", "B-PER", "O", "B-LOC"));
  EXPECT_THAT(MovedTags(tags, std::vector<std::size_t>{5, 4, 3, 2, 1, 0}),
              ElementsAre("B-LOC", "O", "B-PER", "B-PER", "I-PER", "I-PER"));
  EXPECT_THAT(MovedTags(tags, std::vector<std::size_t>{0, 4, 1, 3, 2, 5}),
              ElementsAre("B-PER", "O", "B-PER", "B-PER", "B-PER", "B-LOC"));
  EXPECT_THAT(MovedTags({}, {}), ElementsAre());
}

// With one alphabet for all, words are alike by chance. What two languages share is then as much as
// a second key gives, short words above all, and seldom means the same.
TEST_F(CodedLanguageTest, SharedLatinSharesNoMoreThanChance) {
  const auto shared = [&](std::int64_t seed_a, std::int64_t a, std::int64_t seed_b, std::int64_t b,
                          std::size_t shortest) {
    const CodedLanguage first = Make({.seed = seed_a, .anchor_share = 0, .script = "latin"}, a);
    const CodedLanguage second = Make({.seed = seed_b, .anchor_share = 0, .script = "latin"}, b);
    std::set<std::string> forms;
    for (const WordType& type : inventory_->types()) forms.insert(first.Encode(type.word));
    std::size_t count = 0;
    for (const WordType& type : inventory_->types()) {
      const std::string form = second.Encode(type.word);
      if (form.size() >= shortest) count += forms.count(form);
    }
    return count;
  };
  std::size_t within = 0, between = 0;
  for (std::int64_t language = 1; language <= 30; ++language) {
    within += shared(1, language, 1, language + 1, 1);
    between += shared(1, language, 2, language + 1, 1);
    EXPECT_EQ(shared(1, language, 1, language + 1, 7), 0U) << language;
  }
  EXPECT_LT(static_cast<double>(within), 1.5 * static_cast<double>(between));
  EXPECT_LT(within, 30 * inventory_->types().size() / 100);
}

// Every English line of the novels and of NTREX, each with the next setting and another language.
TEST(CodedEnglish, EveryLineOfRealTextComesBack) {
  const char* shared = std::getenv("REPRO_SHARED");
  const auto data = std::filesystem::path(shared != nullptr ? shared : "../shared") / "data";
  const auto novels = data / "novels" / "en";
  const auto ntrex = data / "ntrex" / "en.txt.zst";
  if (!std::filesystem::exists(novels) || !std::filesystem::exists(ntrex)) {
    GTEST_SKIP() << data << ": no novels/en and ntrex/en (REPRO_SHARED names another folder)";
  }
  const auto for_each_line = [](const std::filesystem::path& path, const auto& visit) {
    auto source = ByteSource::Open(path);
    ASSERT_TRUE(source) << source.error().message;
    TextWindow window(std::move(source).value());
    while (const auto line = window.NextLine(std::size_t{1} << 24U)) visit(line->text);
    EXPECT_FALSE(window.damage());
  };
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(novels)) {
    if (entry.path().extension() == ".zst") files.push_back(entry.path());
  }
  files.push_back(ntrex);
  std::sort(files.begin(), files.end());
  TypeCounter counter;
  for (const auto& file : files) for_each_line(file, [&](auto line) { counter.Add(line); });
  const auto inventory = std::make_shared<const TypeInventory>(counter.MostFrequent(100'000));

  std::vector<CodedLanguage> languages;
  for (const CodedSettings& settings : AllSettings()) {
    languages.push_back(
        Language(settings, inventory, static_cast<std::int64_t>(languages.size()) + 1));
  }
  std::size_t lines = 0;
  for (const auto& file : files) {
    for_each_line(file, [&](std::string_view line) {
      const CodedLanguage& language = languages[lines++ % languages.size()];
      ASSERT_EQ(language.Decode(language.Encode(line)), line) << file << ", line " << lines;
    });
  }
  EXPECT_GT(lines, 0U);
}

}  // namespace
}  // namespace repro
