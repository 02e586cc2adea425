#pragma once
/// Two tiny texts, encoded by the real vocabulary and encoder once for all tests of a program, and
/// the spec of a tiny pretraining on them.

#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/tasks/encode/task.h"
#include "experiments/tasks/pretrain/spec.h"
#include "experiments/tasks/pretrain/task.h"
#include "experiments/text/vocab_trainer.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {

class PretrainTaskTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = new testing::TempFolder;
    std::vector<VocabText> texts;
    testing::TaskFixture encode(*root_ / "encode");
    for (const std::string code : {"aa", "bb"}) {
      testing::WriteTinyCorpus(*root_ / code, code, 200, code == "aa" ? 16 : 1);
      texts.push_back({code, *root_ / code / "text.txt", 1.0});
      encode.inputs[code] = *root_ / code;
    }
    const auto vocab = TrainVocabulary(texts, {.size = 150, .sample_sentences = 400});
    ASSERT_TRUE(vocab) << vocab.error().message;
    ASSERT_TRUE(PutFile(*root_ / "vocab/sp.model", vocab->model));
    encode.inputs["vocab"] = *root_ / "vocab";
    EncodeSpec spec;
    spec.languages = {"aa", "bb"};
    const Status encoded = encode.Run(&RunEncodeTask, spec);
    ASSERT_TRUE(encoded) << encoded.error().message;
  }
  static void TearDownTestSuite() { delete root_; }

  static PretrainSpec Spec(std::int64_t updates) {
    PretrainSpec spec;
    spec.languages = {"aa", "bb"};
    spec.model.layers = 1;
    spec.model.hidden = 16;
    spec.model.heads = 2;
    spec.settings.updates = updates;
    spec.settings.sequences_per_update = 8;
    spec.settings.tokens_per_sample = 24;
    spec.settings.warmup_updates = 5;
    spec.settings.peak_learning_rate = 5e-3;
    spec.settings.log_every = 10;
    spec.settings.valid_blocks = 8;
    spec.settings.checkpoint_every = 20;
    spec.seed = 3;
    return spec;
  }
  static Status Pretrain(testing::TaskFixture& fixture, const PretrainSpec& spec) {
    fixture.inputs = {{"tokens", *root_ / "encode/out"}};
    return fixture.Run(&RunPretrainTask, spec);
  }
  /// Asked to stop as soon as `condition`, in another thread, has become true.
  template <class Condition>
  static Status PretrainUntil(testing::TaskFixture& fixture, const PretrainSpec& spec,
                              const Condition& condition) {
    fixture.inputs = {{"tokens", *root_ / "encode/out"}};
    return fixture.RunUntil(&RunPretrainTask, spec, condition);
  }
  static std::string Hash(const testing::TaskFixture& fixture, const char* file) {
    return Sha256File(fixture.out() / file).value();
  }

  static inline testing::TempFolder* root_ = nullptr;
  testing::TempFolder folder_;
};

}  // namespace repro
