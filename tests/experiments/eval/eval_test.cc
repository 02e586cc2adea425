#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/eval/classifier.h"
#include "experiments/eval/pseudo_bits.h"
#include "experiments/eval/retrieval.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/memory_limit.h"
#include "tests/experiments/one_thread.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kVocabSize = 120;

void NoWarning(const std::string& line) {
  ADD_FAILURE() << line;
}

ModelShape TinyShape() {
  ModelShape shape;
  shape.settings.layers = 2;
  shape.settings.hidden = 16;
  shape.settings.heads = 2;
  shape.settings.init_std = 0.3;  // outputs that differ clearly
  shape.vocab_size = kVocabSize;
  shape.max_positions = 66;
  return shape;
}

std::vector<EncodedExample> Examples(std::size_t count, bool tags) {
  std::vector<EncodedExample> examples(count);
  for (std::size_t i = 0; i < count; ++i) {
    Rng rng(5, "example", i);
    EncodedExample& example = examples[i];
    example.id = std::to_string(i);
    example.tokens = {kBosId};
    const std::uint64_t words = 1 + rng.Below(9);
    for (std::uint64_t w = 0; w < words; ++w) {
      if (tags) {
        example.positions.push_back(static_cast<std::int64_t>(example.tokens.size()));
        example.labels.push_back(static_cast<std::int64_t>(rng.Below(3)));
      }
      for (std::uint64_t p = 1 + rng.Below(2); p > 0; --p) {
        example.tokens.push_back(4 + static_cast<std::int64_t>(rng.Below(kVocabSize - 5)));
      }
    }
    if (tags) {
      example.positions.push_back(-1);  // a word cut off
      example.labels.push_back(1);
    } else {
      example.positions = {0};
      example.labels = {static_cast<std::int64_t>(rng.Below(3))};
    }
    example.tokens.push_back(kEosId);
  }
  return examples;
}

// Rows that fit are told apart from those that do not by their tokens, padding included.
TEST(LengthBatchesTest, EachIndexIsTakenOnceInBatchesNoLargerThanWasFoundToFit) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < 300; ++i) lengths.push_back(3 + i * 7 % 61);
  constexpr std::int64_t kRoom = 700;  // tokens
  std::vector<int> taken(lengths.size());
  std::int64_t refused = 0, calls = 0;
  std::vector<std::string> warnings;
  const auto sum = [&](const std::vector<std::size_t>& batch) {
    std::int64_t longest = 0;
    for (const std::size_t i : batch) longest = std::max(longest, lengths[i]);
    const std::int64_t tokens = longest * static_cast<std::int64_t>(batch.size());
    if (tokens > kRoom) ++refused;
    TORCH_CHECK_WITH(OutOfMemoryError, tokens <= kRoom, "no room for ", tokens);
    ++calls;
    for (const std::size_t i : batch) ++taken[i];
  };
  ASSERT_TRUE(ForLengthBatches(
      lengths, "sentence", [&](const std::string& line) { warnings.push_back(line); }, sum));
  EXPECT_THAT(taken, Each(1));
  // Once found, the limit holds for all that follows: 4,095 -> 2,079 -> 1,071 -> 567 tokens.
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(warnings.size(), 3U);
  EXPECT_LT(calls, 40);
  EXPECT_THAT(warnings.front(), HasSubstr("sentences of up to 63 tokens at a time"));
}

TEST(LengthBatchesTest, WhatIsNotMemoryPassesThrough) {
  const auto broken = [](const std::vector<std::size_t>&) { throw std::logic_error("broken"); };
  EXPECT_THROW((void)ForLengthBatches({3, 4}, "sentence", NoWarning, broken), std::logic_error);
}

class ClassifierTest : public ::testing::TestWithParam<LabelledTask> {};

// Batches, padding and order change nothing: what is predicted is what the example alone gives.
TEST_P(ClassifierTest, PredictionsAreThoseOfEachExampleAlone) {
  const bool tags = GetParam() == LabelledTask::kTags;
  const auto examples = Examples(40, tags);
  const Classifier classifier =
      MakeClassifier(InitEncoder(TinyShape(), 1), GetParam(), {"O", "B-X", "I-X"}, 2);
  const Predictions predictions = Predict(classifier, examples, NoWarning).value();
  const at::NoGradGuard no_grad;
  double loss = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto& tokens = examples[i].tokens;
    const at::Tensor tokens_1T =
        at::tensor(tokens, at::kLong).view({1, static_cast<std::int64_t>(tokens.size())});
    at::Tensor logits_TK;
    if (tags) {
      logits_TK = TokenLogits(std::get<TokenClassifier>(classifier.model), tokens_1T)[0];
    } else {
      logits_TK = SequenceLogits(std::get<SequenceClassifier>(classifier.model), tokens_1T);
    }
    ASSERT_EQ(predictions.labels[i].size(), examples[i].positions.size());
    for (std::size_t p = 0; p < examples[i].positions.size(); ++p) {
      const std::int64_t position = examples[i].positions[p];
      if (position < 0) {
        EXPECT_EQ(predictions.labels[i][p], 0);
        continue;
      }
      const at::Tensor log_p = at::log_softmax(logits_TK[position].to(at::kDouble), 0);
      EXPECT_EQ(predictions.labels[i][p], log_p.argmax().item<std::int64_t>());
      loss -= log_p[examples[i].labels[p]].item<double>();
      ++count;
    }
  }
  EXPECT_NEAR(predictions.loss, loss / static_cast<double>(count), 1e-5);
}

TEST_P(ClassifierTest, WhereMemoryRunsOutItSaysSoAndPredictsTheSameOrFails) {
  const auto examples = Examples(40, GetParam() == LabelledTask::kTags);
  const Classifier classifier =
      MakeClassifier(InitEncoder(TinyShape(), 1), GetParam(), {"O", "B-X", "I-X"}, 2);
  const Predictions roomy = Predict(classifier, examples, NoWarning).value();
  // From what takes not even one example to what takes all 40 at a time.
  int in_smaller_batches = 0;
  for (std::int64_t bytes = 256;; bytes += bytes / 4) {
    ASSERT_LT(bytes, 1 << 24);
    std::vector<std::string> warnings;
    MemoryLimit limit;
    limit.Forbid(bytes);
    const auto tight =
        Predict(classifier, examples, [&](const std::string& line) { warnings.push_back(line); });
    limit.Lift();
    if (!tight) {
      EXPECT_EQ(tight.error().code, ErrorCode::kFailed);
      EXPECT_THAT(tight.error().message,
                  HasSubstr("not even one example at a time fits into memory (Default"));
      EXPECT_EQ(in_smaller_batches, 0) << bytes;
      continue;
    }
    EXPECT_EQ(tight->labels, roomy.labels) << bytes;
    EXPECT_NEAR(tight->loss, roomy.loss, 1e-5) << bytes;
    if (warnings.empty()) break;
    ++in_smaller_batches;
    EXPECT_THAT(warnings.front(),
                HasSubstr("out of memory in evaluation with 40 examples of up to"));
    EXPECT_THAT(warnings.front(), HasSubstr("going on with 20 (DefaultCPUAllocator"));
  }
  EXPECT_GT(in_smaller_batches, 3);
}

TEST_P(ClassifierTest, ModelComesBackFromItsFolder) {
  testing::TempFolder folder;
  const auto examples = Examples(10, GetParam() == LabelledTask::kTags);
  const Classifier classifier =
      MakeClassifier(InitEncoder(TinyShape(), 1), GetParam(), {"O", "B-X", "I-X"}, 2);
  ASSERT_TRUE(SaveClassifier(folder.path(), classifier));
  const auto loaded = LoadClassifier(folder.path(), GetParam());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->labels, ElementsAre("O", "B-X", "I-X"));
  EXPECT_EQ(Predict(*loaded, examples, NoWarning).value().labels,
            Predict(classifier, examples, NoWarning).value().labels);
}

TEST_P(ClassifierTest, AsManyLabelsAsOutputsOrItIsDamaged) {
  testing::TempFolder folder;
  ASSERT_TRUE(SaveClassifier(folder.path(), MakeClassifier(InitEncoder(TinyShape(), 1), GetParam(),
                                                           {"O", "B-X", "I-X"}, 2)));
  Json config = LoadJson(folder / "config.json").value();
  config["id2label"].erase("2");
  ASSERT_TRUE(PutFile(folder / "config.json", config.dump()));
  const auto loaded = LoadClassifier(folder.path(), GetParam());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(loaded.error().message.find("names 2 labels, the head has 3 outputs"),
            std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Tasks, ClassifierTest,
                         ::testing::Values(LabelledTask::kPair, LabelledTask::kTags));

TEST(ClassifierScoreTest, TagsAreScoredBySpansAndLabelsByShare) {
  EncodedExample example;
  example.labels = {1, 2, 0, 1};  // spans [0, 2) and [3, 4)
  example.positions = {1, 2, 3, 4};
  Predictions predictions;
  predictions.labels = {{1, 2, 0, 0}};  // finds one of two, nothing wrong: precision 1, recall 1/2
  Classifier tagger{LabelledTask::kTags, {"O", "B-X", "I-X"}, TokenClassifier{}};
  EXPECT_NEAR(ScorePredictions(tagger, {example}, predictions), 2 * 0.5 / 1.5, 1e-12);

  EncodedExample right, wrong;
  right.labels = {2};
  wrong.labels = {1};
  predictions.labels = {{2}, {0}};
  Classifier pairs{LabelledTask::kPair, {"a", "b", "c"}, SequenceClassifier{}};
  EXPECT_EQ(ScorePredictions(pairs, {right, wrong}, predictions), 0.5);
}

TEST(RetrievalTest, CountsNearestNeighboursInBothDirections) {
  const at::Tensor identity = at::eye(4);
  EXPECT_EQ(RetrievalAccuracy(identity, identity), 1);
  EXPECT_EQ(RetrievalAccuracy(identity, identity.roll(1, 0)), 0);
  // Rows of b: 0 right, 1 right, 2 and 3 both nearest to a's row 2.
  const at::Tensor b = at::stack({identity[0], identity[1], identity[2] * 0.9 + identity[3] * 0.1,
                                  identity[2] * 0.8 + identity[3] * 0.3});
  // a -> b: 0, 1, 2 right, and a's row 3 finds b's row 3; b -> a: row 3 finds a's row 2.
  EXPECT_DOUBLE_EQ(RetrievalAccuracy(identity, b), (4 / 4.0 + 3 / 4.0) / 2);
}

TEST(RetrievalTest, VectorIsTheMeanOverThePiecesWhateverTheBatch) {
  const Encoder encoder = InitEncoder(TinyShape(), 1);
  const std::vector<std::vector<std::int64_t>> sentences = {
      {kBosId, 10, 11, 12, kEosId}, {kBosId, 20, kEosId}, {kBosId, 30, 31, 32, 33, 34, 35, kEosId}};
  const at::Tensor vectors_NC = SentenceVectors(encoder, sentences, 1, NoWarning).value();
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto length = static_cast<std::int64_t>(sentences[i].size());
    const at::Tensor tokens_1T = at::tensor(sentences[i], at::kLong).view({1, length});
    const at::Tensor states_TC = Encode(encoder, tokens_1T, {.all_layers = true}).layers_BTC[1][0];
    at::Tensor mean_C = states_TC.narrow(0, 1, length - 2).mean(0);
    mean_C = mean_C / mean_C.norm();
    EXPECT_TRUE(at::allclose(vectors_NC[static_cast<std::int64_t>(i)], mean_C, 1e-5, 1e-6)) << i;
  }
}

TEST(RetrievalTest, MinusOneIsTheMiddleLayer) {
  Encoder encoder;
  encoder.layers.resize(12);
  EXPECT_EQ(RetrievalLayer(encoder, -1), 6);
  encoder.layers.resize(3);
  EXPECT_EQ(RetrievalLayer(encoder, -1), 2);
  encoder.layers.resize(1);
  EXPECT_EQ(RetrievalLayer(encoder, -1), 1);
  EXPECT_EQ(RetrievalLayer(encoder, 0), 0);
}

class PseudoBitsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    testing::TempFolder folder;
    ASSERT_TRUE(PutFile(folder / "text.txt", testing::TinyText("aa", 400)));
    auto vocab = TrainVocabulary({{"aa", folder / "text.txt", 1.0}},
                                 {.size = kVocabSize, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    auto tokenizer = Tokenizer::FromBytes(vocab->model, "model");
    ASSERT_TRUE(tokenizer);
    tokenizer_ = new Tokenizer(std::move(*tokenizer));
  }
  static void TearDownTestSuite() { delete tokenizer_; }
  static inline Tokenizer* tokenizer_ = nullptr;
};

// The definition, one sentence and one piece at a time.
TEST_F(PseudoBitsTest, EqualsTheDefinition) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  std::vector<std::string> sentences;
  for (std::uint64_t i = 0; i < 6; ++i) sentences.push_back(testing::TinySentence("aa", i));
  const PseudoBits bits =
      ComputePseudoBits(model, *tokenizer_, nullptr, sentences, 64, NoWarning).value();

  const at::NoGradGuard no_grad;
  double expected = 0;
  std::int64_t pieces = 0, characters = 0;
  for (const std::string& sentence : sentences) {
    characters += static_cast<std::int64_t>(sentence.size());  // ASCII
    const auto ids = tokenizer_->Encode(sentence);
    const auto texts = tokenizer_->EncodePieces(sentence);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::vector<std::int64_t> tokens = {kBosId};
      bool same_word = true;
      for (std::size_t k = 0; k < ids.size(); ++k) {
        if (k > i && texts[k].text.starts_with(kWordMark)) same_word = false;
        tokens.push_back(k >= i && same_word ? tokenizer_->mask_id() : ids[k]);
      }
      tokens.push_back(kEosId);
      const at::Tensor tokens_1T =
          at::tensor(tokens, at::kLong).view({1, static_cast<std::int64_t>(tokens.size())});
      const at::Tensor hidden_1C = Encode(model.encoder, tokens_1T)
                                       .hidden_BTC[0][static_cast<std::int64_t>(i) + 1]
                                       .unsqueeze(0);
      expected -= at::log_softmax(MlmLogits(model, hidden_1C)[0].to(at::kDouble), 0)[ids[i]]
                      .item<double>() /
                  std::log(2.0);
      ++pieces;
    }
  }
  EXPECT_NEAR(bits.bits, expected, 1e-4 * expected);
  EXPECT_EQ(bits.pieces, pieces);
  EXPECT_EQ(bits.characters, characters);
  EXPECT_EQ(bits.unknown_pieces, 0);
  EXPECT_DOUBLE_EQ(bits.PerSentence(), bits.bits / 6);
  EXPECT_DOUBLE_EQ(bits.PerCharacter(), bits.bits / static_cast<double>(characters));
}

TEST_F(PseudoBitsTest, UniformModelPaysTheLogarithmOfTheVocabularyForEachPiece) {
  MlmModel model = InitMlmModel(TinyShape(), 1);
  VisitTensors(model, [](const std::string&, at::Tensor& tensor) { tensor.detach().zero_(); });
  const PseudoBits bits = ComputePseudoBits(model, *tokenizer_, nullptr,
                                            {testing::TinySentence("aa", 3)}, 64, NoWarning)
                              .value();
  EXPECT_NEAR(bits.bits, static_cast<double>(bits.pieces) * std::log2(kVocabSize), 1e-3);
}

TEST_F(PseudoBitsTest, UnknownAndCutSentencesAreCounted) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  const PseudoBits bits =
      ComputePseudoBits(model, *tokenizer_, nullptr,
                        {"\xE4\xBD\xA0\xE5\xA5\xBD", testing::TinySentence("aa", 1)}, 8, NoWarning)
          .value();
  EXPECT_EQ(bits.unknown_pieces, 1);
  EXPECT_EQ(bits.cut, 1);
  EXPECT_EQ(bits.sentences, 2);
}

// Bits and characters are of the same text: a model that pays log2 V a piece pays as much for a cut
// sentence as for the text that is left of it.
TEST_F(PseudoBitsTest, ACutSentenceCountsTheCharactersThatAreLeft) {
  const MlmModel model = InitMlmModel(TinyShape(), 1);
  const std::string sentence = testing::TinySentence("aa", 1);
  const auto pieces = tokenizer_->EncodePieces(sentence);
  ASSERT_GT(pieces.size(), 6U);
  std::size_t bytes = 0;  // ASCII, but for the mark of 3 bytes: one space each, none in front
  for (std::size_t i = 0; i < 6; ++i) {
    bytes += pieces[i].text.size() - (pieces[i].text.starts_with(kWordMark) ? 2 : 0);
  }
  const PseudoBits cut =
      ComputePseudoBits(model, *tokenizer_, nullptr, {sentence}, 8, NoWarning).value();
  EXPECT_EQ(cut.pieces, 6);
  EXPECT_EQ(cut.characters, static_cast<std::int64_t>(bytes) - 1);
  EXPECT_LT(cut.characters, static_cast<std::int64_t>(sentence.size()));
  const PseudoBits left =
      ComputePseudoBits(model, *tokenizer_, nullptr, {sentence.substr(0, bytes - 1)}, 64, NoWarning)
          .value();
  EXPECT_EQ(left.cut, 0);
  EXPECT_EQ(left.characters, cut.characters);
}

}  // namespace
}  // namespace repro
