#include "experiments/corpus/babel/corpus_text.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using testing::TempFolder;

struct Voice {
  Voice(std::int64_t seed, const char* code, bool null_world = false)
      : world(MakeWorld({.seed = seed}, code, null_world)),
        anchors(world.seed()),
        speaker(world, anchors, FindBabelLanguage(code).value()) {}
  World world;
  Anchors anchors;
  Speaker speaker;
};

const world_table::Register& Style(const char* source) {
  return **FindRegister(source);
}

std::string Corpus(const char* code, const char* source, int sentences, Split split = Split::kText,
                   bool null_world = false) {
  const TempFolder folder;
  const Voice voice(9001, code, null_world);
  const CorpusText text(voice.speaker, Style(source));
  const auto counts =
      WriteCorpus(text, split, sentences, folder / "text.txt", [](std::int64_t) { return true; });
  EXPECT_TRUE(counts.has_value());
  return ReadFile(folder / "text.txt").value();
}

// The bytes are part of the format: another machine, compiler, optimisation level or thread count
// must write the same. When the world changes on purpose, kCorpusVersion is raised and these are
// replaced by what the failing test prints.
TEST(CorpusTextTest, BytesAreTheSameEverywhere) {
  EXPECT_EQ(Sha256Hex(Corpus("en", "babel-wiki", 3000)),
            "b0e223376c75ca3f680104e1149aaebb8a98cfa8c212921da5cebe94f6284104");
  EXPECT_EQ(Sha256Hex(Corpus("sw", "babel-cc", 3000)),
            "95468ab8430c8b745a6ef8edd45e2328e7633fbf2b28159039aaee9ef627561d");
  EXPECT_EQ(Sha256Hex(Corpus("hi", "babel-wiki", 3000, Split::kText, true)),
            "383f802f9f92dae932ff861190307fa047c9f19f0a954cef9fc163055a713505");
}

TEST(CorpusTextTest, PartsMadeByThreadsAreThePartsOfTheWhole) {
  constexpr int kDocuments = 64;
  const Voice voice(9001, "ur");
  const CorpusText text(voice.speaker, Style("babel-cc"));
  std::vector<std::string> parts(kDocuments);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = kDocuments - 1 - t; i >= 0; i -= 4) {
        text.AppendDocument(Split::kText, static_cast<std::uint64_t>(i), 1000,
                            parts[static_cast<std::size_t>(i)]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string joined;
  std::int64_t sentences = 0;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined.push_back('\n');
    joined += part;
    sentences += std::count(part.begin(), part.end(), '\n');
  }
  EXPECT_EQ(Corpus("ur", "babel-cc", static_cast<int>(sentences)), joined);
}

TEST(CorpusTextTest, CountsAreThoseOfTheFile) {
  const TempFolder folder;
  const Voice voice(9001, "de");
  const CorpusText text(voice.speaker, Style("babel-wiki"));
  const auto counts =
      WriteCorpus(text, Split::kText, 777, folder / "text.txt", [](std::int64_t) { return true; });
  ASSERT_TRUE(counts.has_value());
  const std::string content = ReadFile(folder / "text.txt").value();
  std::istringstream lines(content);
  std::int64_t sentences = 0, words = 0, documents = 1;
  std::set<std::string> distinct;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      ++documents;
      continue;
    }
    ++sentences;
    distinct.insert(line);
    std::istringstream tokens(line);
    for (std::string word; tokens >> word;) ++words;
  }
  EXPECT_EQ(sentences, 777);
  EXPECT_EQ(counts->sentences, sentences);
  EXPECT_EQ(counts->words, words);
  EXPECT_EQ(counts->documents, documents);
  EXPECT_EQ(counts->bytes, static_cast<std::int64_t>(content.size()));
  EXPECT_DOUBLE_EQ(counts->unique_share,
                   static_cast<double>(distinct.size()) / static_cast<double>(sentences));
}

TEST(CorpusTextTest, StopsWhenAsked) {
  const TempFolder folder;
  const Voice voice(9001, "de");
  const CorpusText text(voice.speaker, Style("babel-wiki"));
  const auto counts = WriteCorpus(text, Split::kText, 200'000, folder / "text.txt",
                                  [](std::int64_t) { return false; });
  ASSERT_FALSE(counts.has_value());
  EXPECT_EQ(counts.error().code, ErrorCode::kInterrupted);
}

TEST(CorpusTextTest, AFullDiskIsAnErrorThatNamesTheFile) {
  const Voice voice(9001, "de");
  const CorpusText text(voice.speaker, Style("babel-wiki"));
  const auto counts =
      WriteCorpus(text, Split::kText, 100, "/dev/full", [](std::int64_t) { return true; });
  ASSERT_FALSE(counts.has_value());
  EXPECT_EQ(counts.error().code, ErrorCode::kIo);
  EXPECT_NE(counts.error().message.find("/dev/full"), std::string::npos);
}

TEST(CorpusTextTest, ADocumentStaysOnItsTopic) {
  const Voice voice(9001, "en");
  const CorpusText text(voice.speaker, Style("babel-wiki"));
  int on_topic = 0, all = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    std::vector<int> by_topic(world_table::kTopics);
    const auto propositions = text.Propositions(Split::kText, i);
    for (const Proposition& p : propositions) ++by_topic[static_cast<std::size_t>(p.topic)];
    on_topic += *std::max_element(by_topic.begin(), by_topic.end());
    all += static_cast<int>(propositions.size());
  }
  EXPECT_GT(on_topic, 0.95 * all);
}

TEST(CorpusTextTest, OnlyWebTextIsNoisy) {
  EXPECT_EQ(Corpus("en", "babel-wiki", 2000).find("www"), std::string::npos);
  EXPECT_NE(Corpus("en", "babel-cc", 2000).find("www"), std::string::npos);
}

// The same surface: the null world draws from the same lexicon with the same frequencies.
TEST(CorpusTextTest, TheNullWorldHasTheSameWordsAndLengths) {
  const auto words = [](const std::string& text) {
    std::set<std::string> distinct;
    std::istringstream tokens(text);
    std::int64_t count = 0;
    for (std::string word; tokens >> word; ++count) {
      if (!(word[0] >= 'A' && word[0] <= 'Z')) distinct.insert(word);
    }
    return std::pair(distinct, count);
  };
  const auto [shared, shared_count] = words(Corpus("tr", "babel-wiki", 20'000));
  const auto [null, null_count] = words(Corpus("tr", "babel-wiki", 20'000, Split::kText, true));
  EXPECT_NEAR(static_cast<double>(shared_count) / static_cast<double>(null_count), 1.0, 0.02);
  std::vector<std::string> common;
  std::set_intersection(shared.begin(), shared.end(), null.begin(), null.end(),
                        std::back_inserter(common));
  // The rest are rare compounds.
  EXPECT_GT(static_cast<double>(common.size()), 0.5 * static_cast<double>(shared.size()));
  EXPECT_NE(Corpus("tr", "babel-wiki", 10), Corpus("tr", "babel-wiki", 10, Split::kText, true));
}

TEST(SizeOfCorpusTest, CompressesByTheExponentAndKeepsEnoughHeldOut) {
  const BabelSettings settings{.seed = 1, .size_exponent = 0.5, .sentences_at_1gb = 1000};
  EXPECT_EQ(SizeOfCorpus(settings, 1).sentences, 1000);
  EXPECT_EQ(SizeOfCorpus(settings, 6.25).sentences, 2500);
  EXPECT_EQ(SizeOfCorpus(settings, 6.25).heldout, world_table::kMinHeldout);
  EXPECT_EQ(SizeOfCorpus(settings, 0).sentences, SizeOfCorpus(settings, 0.05).sentences);
  const BabelSettings large{.seed = 1, .size_exponent = 1, .sentences_at_1gb = 64'000};
  EXPECT_EQ(SizeOfCorpus(large, 1).heldout, 1000);
}

TEST(FindRegisterTest, UnknownSourceIsRefused) {
  const auto style = FindRegister("babel-books");
  ASSERT_FALSE(style.has_value());
  EXPECT_EQ(style.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace repro
