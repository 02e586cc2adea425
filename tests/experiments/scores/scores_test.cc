#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/json_io.h"
#include "experiments/scores/accuracy.h"
#include "experiments/scores/span_f1.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AccuracyTest, CountsEqualLabels) {
  EXPECT_EQ(Accuracy({0, 1, 2, 2}, {0, 2, 2, 1}), 0.5);
  EXPECT_EQ(Accuracy({}, {}), 0);
}

TEST(SpanF1Test, SpansHaveBordersAndType) {
  EXPECT_THAT(FindSpans({"B-PER", "I-PER", "O", "B-LOC"}),
              ElementsAre(Span{0, 2, "PER"}, Span{3, 4, "LOC"}));
  EXPECT_THAT(FindSpans({"O", "O"}), IsEmpty());
  EXPECT_THAT(FindSpans({"B-PER", "B-PER"}), ElementsAre(Span{0, 1, "PER"}, Span{1, 2, "PER"}));
}

TEST(SpanF1Test, StrayAndChangingInsideTagsStartSpans) {
  EXPECT_THAT(FindSpans({"O", "I-PER", "I-LOC", "I-LOC"}),
              ElementsAre(Span{1, 2, "PER"}, Span{2, 4, "LOC"}));
}

TEST(SpanF1Test, EndAndSingleTagsCloseSpans) {
  EXPECT_THAT(FindSpans({"B-X", "E-X", "I-X", "S-X", "I-X"}),
              ElementsAre(Span{0, 2, "X"}, Span{2, 3, "X"}, Span{3, 4, "X"}, Span{4, 5, "X"}));
}

TEST(SpanF1Test, NothingToFindScoresZero) {
  const SpanScores nothing = ScoreSpans({{"O", "O"}}, {{"O", "O"}});
  EXPECT_EQ(nothing.overall.F1(), 0);
  EXPECT_EQ(nothing.correct_tags, 2);
}

// Answers kept beside the checkout: conlleval (a port of the CoNLL-2000 script) and seqeval 1.2.2,
// default mode.
std::filesystem::path Golden() {
  const char* shared = std::getenv("REPRO_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : REPRO_TESTDATA "/../../../shared") /
         "golden";
}

// scikit-learn 1.9.1, the three classes of XNLI among the cases.
TEST(AccuracyGoldenTest, EqualsScikitLearn) {
  const auto answers = Golden() / "glue/classification.json";
  if (!std::filesystem::exists(answers)) GTEST_SKIP() << "no " << answers << " (set REPRO_SHARED)";
  const Json cases = LoadJson(answers).value();
  ASSERT_FALSE(cases.empty());
  for (const Json& test : cases) {
    const auto labels = [&](const char* key) {
      std::vector<std::int64_t> digits;
      for (const char digit : test.at(key).get<std::string>()) digits.push_back(digit - '0');
      return digits;
    };
    EXPECT_NEAR(Accuracy(labels("gold"), labels("pred")), test.at("accuracy").get<double>(), 1e-12)
        << test.at("name");
  }
}

// Gold and predicted tags are the last two columns; an empty line ends a sentence.
void ReadTags(const std::filesystem::path& path, std::vector<Tags>& gold,
              std::vector<Tags>& predicted) {
  std::ifstream in(path);
  gold.emplace_back();
  predicted.emplace_back();
  for (std::string line; std::getline(in, line);) {
    std::istringstream split(line);
    std::vector<std::string> columns;
    for (std::string column; split >> column;) columns.push_back(column);
    if (columns.empty()) {
      if (gold.back().empty()) continue;
      gold.emplace_back();
      predicted.emplace_back();
      continue;
    }
    gold.back().push_back(columns[columns.size() - 2]);
    predicted.back().push_back(columns.back());
  }
}

void ExpectScore(const SpanScore& score, const Json& answer, const std::string& what) {
  EXPECT_NEAR(score.Precision(), answer.at("precision").get<double>(), 1e-12) << what;
  EXPECT_NEAR(score.Recall(), answer.at("recall").get<double>(), 1e-12) << what;
  EXPECT_NEAR(score.F1(), answer.at("f1").get<double>(), 1e-12) << what;
}

// seqeval's answers type by type; `support` is the number of gold spans.
void ExpectTypes(const SpanScores& scores, const Json& answer, const std::string& what) {
  EXPECT_EQ(scores.by_type.size(), answer.at("by_type").size()) << what;
  for (const auto& [type, expected] : answer.at("by_type").items()) {
    const auto found = scores.by_type.find(type);
    ASSERT_NE(found, scores.by_type.end()) << what << ": " << type;
    EXPECT_EQ(found->second.gold, expected.at("support")) << what << ": " << type;
    ExpectScore(found->second, expected, what + ": " + type);
  }
}

TEST(SpanF1GoldenTest, EqualsConlleval) {
  for (const char* name : {"esp.testb", "ned.testa"}) {
    const auto answers = Golden() / "conlleval" / (std::string(name) + ".scores.json");
    if (!std::filesystem::exists(answers))
      GTEST_SKIP() << "no " << answers << " (set REPRO_SHARED)";
    std::vector<Tags> gold, predicted;
    ReadTags(Golden() / "conlleval" / (std::string(name) + ".txt"), gold, predicted);
    const SpanScores scores = ScoreSpans(gold, predicted);
    const Json answer = LoadJson(answers).value();
    EXPECT_EQ(scores.tokens, answer.at("tokens"));
    EXPECT_EQ(scores.correct_tags, answer.at("correct_tags"));
    EXPECT_EQ(scores.overall.gold, answer.at("gold_chunks"));
    EXPECT_EQ(scores.overall.predicted, answer.at("predicted_chunks"));
    EXPECT_EQ(scores.overall.correct, answer.at("correct_chunks"));
    ExpectScore(scores.overall, answer.at("overall"), name);
    EXPECT_EQ(scores.by_type.size(), answer.at("by_type").size());
    for (const auto& [type, expected] : answer.at("by_type").items()) {
      const SpanScore& score = scores.by_type.at(type);
      EXPECT_EQ(score.correct, expected.at("tp")) << type;
      EXPECT_EQ(score.predicted - score.correct, expected.at("fp")) << type;
      EXPECT_EQ(score.gold - score.correct, expected.at("fn")) << type;
      ExpectScore(score, expected, type);
    }
  }
}

TEST(SpanF1GoldenTest, EqualsSeqevalsDefaultMode) {
  for (const char* name : {"esp.testa", "esp.testa.iob1", "wikineural.fr.test"}) {
    const auto answers = Golden() / "seqeval" / (std::string(name) + ".scores.json");
    if (!std::filesystem::exists(answers))
      GTEST_SKIP() << "no " << answers << " (set REPRO_SHARED)";
    std::vector<Tags> gold, predicted;
    ReadTags(Golden() / "seqeval" / (std::string(name) + ".tags"), gold, predicted);
    const SpanScores scores = ScoreSpans(gold, predicted);
    const Json answer = LoadJson(answers).value().at("default");
    EXPECT_EQ(scores.overall.gold, answer.at("gold_entities"));
    EXPECT_EQ(scores.overall.predicted, answer.at("predicted_entities"));
    EXPECT_EQ(scores.overall.correct, answer.at("correct_entities"));
    ExpectScore(scores.overall, answer.at("micro"), name);
    ExpectTypes(scores, answer, name);
  }
}

TEST(SpanF1GoldenTest, EqualsSeqevalAtTheEdges) {
  const auto answers = Golden() / "seqeval/edge.json";
  if (!std::filesystem::exists(answers)) GTEST_SKIP() << "no " << answers << " (set REPRO_SHARED)";
  const Json edges = LoadJson(answers).value();
  ASSERT_FALSE(edges.empty());
  for (const Json& edge : edges) {
    const SpanScores scores = ScoreSpans(edge.at("gold"), edge.at("pred"));
    const Json& answer = edge.at("default");
    EXPECT_EQ(scores.overall.gold, answer.at("gold_entities")) << edge.dump();
    EXPECT_EQ(scores.overall.predicted, answer.at("predicted_entities")) << edge.dump();
    EXPECT_EQ(scores.overall.correct, answer.at("correct_entities")) << edge.dump();
    ExpectScore(scores.overall, answer.at("micro"), edge.dump());
    ExpectTypes(scores, answer, edge.dump());
  }
}

}  // namespace
}  // namespace repro
