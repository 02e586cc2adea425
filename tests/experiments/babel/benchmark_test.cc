#include "experiments/corpus/babel/benchmark.h"

#include <array>
#include <map>
#include <set>
#include <sstream>
#include <unordered_set>

#include <gtest/gtest.h>

#include "experiments/corpus/babel/corpus_text.h"

namespace repro {
namespace {

constexpr std::int64_t kSeed = 9001;

struct Voice {
  explicit Voice(const char* code, bool null_world = false)
      : world(MakeWorld({.seed = kSeed}, code, null_world)),
        anchors(world.seed()),
        speaker(world, anchors, FindBabelLanguage(code).value()),
        benchmark(world) {}

  std::vector<std::string> Words(const Proposition& proposition) const {
    Sentence sentence;
    speaker.Say(proposition, sentence);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < sentence.size(); ++i) words.push_back(TextOf(sentence[i]));
    return words;
  }
  std::string Text(const Proposition& proposition) const {
    Sentence sentence;
    speaker.Say(proposition, sentence);
    std::string text;
    AppendText(sentence, text);
    return text;
  }

  World world;
  Anchors anchors;
  Speaker speaker;
  Benchmark benchmark;
};

const std::vector<const char*> kCodes = {"en", "de", "sw", "hi", "zh", "ar", "vi", "ja"};
constexpr std::array<Split, 3> kLabelled = {Split::kTrain, Split::kDev, Split::kTest};

TEST(BenchmarkTest, SplitsShareNoContent) {
  const Voice voice("en");
  std::map<std::uint64_t, Split> split_of;
  const auto add = [&](const Proposition& p, Split split) {
    const auto [at, inserted] = split_of.emplace(ContentId(p), split);
    EXPECT_TRUE(inserted || at->second == split);
  };
  for (const Split split : kLabelled) {
    for (const NliExample& example : voice.benchmark.Nli(split, 1200)) {
      add(example.premise, split);
      add(example.hypothesis, split);
    }
    for (const TopicExample& example : voice.benchmark.Topics(split, 1000)) {
      add(example.proposition, split);
    }
    for (const Proposition& p : voice.benchmark.Tags(split, 1000)) add(p, split);
  }
  for (const Proposition& p : voice.benchmark.Parallel(1000)) add(p, Split::kParallel);
}

// By surface form: no labelled or parallel sentence stands in any corpus, noisy ones included.
TEST(BenchmarkTest, NoEvaluationSentenceIsInAnyCorpus) {
  for (const char* code : {"en", "sw", "zh", "ja"}) {
    for (const bool null_world : {false, true}) {
      const Voice voice(code, null_world);
      std::unordered_set<std::string> evaluation;
      for (const Split split : kLabelled) {
        for (const NliExample& example : voice.benchmark.Nli(split, 720)) {
          evaluation.insert(voice.Text(example.premise));
          evaluation.insert(voice.Text(example.hypothesis));
        }
        for (const TopicExample& example : voice.benchmark.Topics(split, 1000)) {
          evaluation.insert(voice.Text(example.proposition));
        }
        for (const Proposition& p : voice.benchmark.Tags(split, 1000)) {
          evaluation.insert(voice.Text(p));
        }
      }
      for (const Proposition& p : voice.benchmark.Parallel(1000)) {
        evaluation.insert(voice.Text(p));
      }
      for (const char* source : {"babel-wiki", "babel-cc"}) {
        const CorpusText text(voice.speaker, **FindRegister(source));
        for (const Split split : {Split::kText, Split::kHeldout}) {
          std::string corpus;
          for (std::uint64_t i = 0; i < 300; ++i) text.AppendDocument(split, i, 1000, corpus);
          std::istringstream lines(corpus);
          for (std::string line; std::getline(lines, line);) {
            ASSERT_FALSE(evaluation.contains(line)) << code << ' ' << source << ": " << line;
          }
        }
      }
    }
  }
}

TEST(BenchmarkTest, HeldOutTextSharesNoContentWithTheTrainingTextOfAnyLanguage) {
  std::set<std::uint64_t> trained;
  for (const char* code : kCodes) {
    const Voice voice(code);
    const CorpusText text(voice.speaker, world_table::kWiki);
    for (std::uint64_t i = 0; i < 200; ++i) {
      for (const Proposition& p : text.Propositions(Split::kText, i)) trained.insert(ContentId(p));
    }
  }
  const Voice voice("en");
  const CorpusText text(voice.speaker, world_table::kCc);
  for (std::uint64_t i = 0; i < 200; ++i) {
    for (const Proposition& p : text.Propositions(Split::kHeldout, i)) {
      EXPECT_FALSE(trained.contains(ContentId(p)));
    }
  }
}

TEST(NliTest, PairsDifferInExactlyOneWordInEveryLanguage) {
  for (const char* code : kCodes) {
    const Voice voice(code);
    for (const NliExample& example : voice.benchmark.Nli(Split::kTest, 720)) {
      const auto premise = voice.Words(example.premise);
      const auto hypothesis = voice.Words(example.hypothesis);
      ASSERT_EQ(premise.size(), hypothesis.size());
      int different = 0;
      for (std::size_t i = 0; i < premise.size(); ++i) different += premise[i] != hypothesis[i];
      ASSERT_EQ(different, 1) << code;
    }
  }
}

TEST(NliTest, LabelsFollowFromTheMeanings) {
  const Voice voice("en");
  for (const NliExample& example : voice.benchmark.Nli(Split::kDev, 720)) {
    const bool verb =
        FullId(example.premise) != FullId(example.hypothesis) &&
        example.premise.object.adjective.dim == example.hypothesis.object.adjective.dim &&
        example.premise.object.adjective.pole == example.hypothesis.object.adjective.pole &&
        example.premise.object.adjective.synonym == example.hypothesis.object.adjective.synonym;
    const Meaning& from = verb ? example.premise.verb : example.premise.object.adjective;
    const Meaning& to = verb ? example.hypothesis.verb : example.hypothesis.object.adjective;
    NliLabel expected = NliLabel::kNeutral;
    if (from.dim == to.dim) {
      expected = from.pole == to.pole ? NliLabel::kEntailment : NliLabel::kContradiction;
    }
    EXPECT_EQ(example.label, expected);
    EXPECT_EQ(ContentId(example.premise), ContentId(example.hypothesis));
  }
}

// The heart of the matter: within whole blocks every class has every word of a slot equally often
// as the replaced and as the new word, and every hypothesis once.
TEST(NliTest, EveryWordIsEquallyOftenOriginalAndReplacementInEveryClass) {
  for (const char* code : kCodes) {
    const Voice voice(code);
    std::map<std::string, std::array<int, 3>> dropped, added, hypotheses, in_hypotheses;
    for (const NliExample& example :
         voice.benchmark.Nli(Split::kTrain, 20 * Benchmark::kNliBlock)) {
      const auto premise = voice.Words(example.premise);
      const auto hypothesis = voice.Words(example.hypothesis);
      const auto label = static_cast<std::size_t>(example.label);
      ++hypotheses[voice.Text(example.hypothesis)][label];
      for (std::size_t i = 0; i < premise.size(); ++i) {
        ++in_hypotheses[hypothesis[i]][label];
        if (premise[i] == hypothesis[i]) continue;
        ++dropped[premise[i]][label];
        ++added[hypothesis[i]][label];
      }
    }
    for (const auto* counts : {&dropped, &added, &hypotheses, &in_hypotheses}) {
      for (const auto& [word, by_label] : *counts) {
        EXPECT_TRUE(by_label[0] == by_label[1] && by_label[1] == by_label[2])
            << code << ' ' << word;
      }
    }
  }
}

TEST(TopicTest, LabelsAreBalancedAndNothingSharedGivesThemAway) {
  const Voice voice("zh");
  std::array<int, world_table::kTopics> counts{};
  for (const TopicExample& example : voice.benchmark.Topics(Split::kTest, 800)) {
    ++counts[static_cast<std::size_t>(example.label)];
    EXPECT_EQ(example.proposition.topic, example.label);
    for (const std::string& word : voice.Words(example.proposition)) {
      EXPECT_GE(static_cast<unsigned char>(word[0]), 0x80) << word;  // no Latin name, no digit
    }
  }
  for (const int count : counts) EXPECT_EQ(count, 100);
}

TEST(TagsTest, NamesOfTrainingNeverComeBackInTheTests) {
  const Voice voice("en");
  const auto names = [&](Split split) {
    std::set<int> found;
    for (const Proposition& p : voice.benchmark.Tags(split, 3000)) {
      for (const int entity : {p.subject_entity, p.affiliation, p.place_entity}) {
        if (entity >= 0) found.insert(entity);
      }
    }
    return found;
  };
  const std::set<int> trained = names(Split::kTrain);
  EXPECT_GT(trained.size(), 200U);
  for (const Split split : {Split::kDev, Split::kTest}) {
    for (const int entity : names(split)) EXPECT_FALSE(trained.contains(entity));
  }
}

TEST(TagsTest, AllTypesOccurAndAgreeWithTheWorld) {
  const Voice voice("ru");
  std::map<std::string, int> counts;
  for (const Proposition& p : voice.benchmark.Tags(Split::kTest, 600)) {
    Sentence sentence;
    voice.speaker.Say(p, sentence);
    bool named = false;
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      ++counts[TagNames()[sentence[i].tag]];
      named = named || sentence[i].tag != 0;
      if (sentence[i].tag == 0) continue;
      const auto type = static_cast<int>(voice.world.entity(sentence[i].sense.index).type);
      EXPECT_EQ((sentence[i].tag - 1) / 2, type);
    }
    EXPECT_TRUE(named);
  }
  for (const std::string& tag : TagNames()) EXPECT_GT(counts[tag], 50) << tag;
}

TEST(BenchmarkTest, TheSameIdIsTheSameContentInEveryLanguageButNotInTheNullWorld) {
  const Voice english("en"), swahili("sw"), null("sw", true);
  const auto left = english.benchmark.Parallel(200);
  const auto right = swahili.benchmark.Parallel(200);
  const auto other = null.benchmark.Parallel(200);
  int same = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(FullId(left[i]), FullId(right[i]));
    EXPECT_NE(english.Text(left[i]), swahili.Text(right[i]));
    same += FullId(left[i]) == FullId(other[i]) ? 1 : 0;
  }
  EXPECT_LE(same, 2);
}

TEST(BenchmarkTest, AskingForFewerGivesTheFirstOnes) {
  const Voice voice("en");
  const auto many = voice.benchmark.Nli(Split::kTest, 600);
  const auto few = voice.benchmark.Nli(Split::kTest, 100);
  ASSERT_EQ(few.size(), 99U);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(FullId(few[i].premise), FullId(many[i].premise));
    EXPECT_EQ(few[i].label, many[i].label);
  }
}

}  // namespace
}  // namespace repro
