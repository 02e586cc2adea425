// The GPU checks on the CPU: the same code at a tiny size.
#include "experiments/gpu_check/gpu_check.h"

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/gpu_check/bench_model.h"
#include "experiments/model/cpu_kernels.h"
#include "experiments/model/device.h"
#include "experiments/train/optimizer.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(GpuCheckTest, TheSelfTestPassesOnTheCpuAndSaysWhatItLeftOut) {
  const TempFolder folder;
  GpuCheckOptions options;
  options.self_test = true;
  options.scratch = folder.path();
  int lines = 0;
  options.say = [&](const std::string&) { ++lines; };
  const auto report = RunGpuCheck(CudaPlugin(), options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->at("passed").get<bool>()) << report->dump(1);
  EXPECT_GT(lines, 10);
  int compared = 0;
  int skipped = 0;
  for (const Json& result : report->at("parity")) {
    ++(result.contains("skipped") ? skipped : compared);
    if (!result.contains("skipped")) {
      EXPECT_LE(result.at("error").get<double>(), result.at("tolerance").get<double>());
    }
  }
  EXPECT_EQ(compared, 8);  // two paths with and without dropout, checkpointing, the chunked loss
  EXPECT_EQ(skipped, 9);   // four kernels twice, flash attention
  EXPECT_EQ(report->at("resume").size(), 4U);  // two types, with and without keyed dropout
  EXPECT_EQ(report->at("memory").at("skipped"), "needs a GPU");
  const Json& plain = report->at("throughput").at(0);
  EXPECT_EQ(plain.at("variant"), "plain");
  EXPECT_GT(plain.at("tokens_per_second").get<double>(), 0);
  EXPECT_FALSE(plain.contains("mfu"));
  std::vector<std::string> timed;
  for (const Json& result : report->at("throughput")) {
    if (!result.contains("skipped")) timed.push_back(result.at("variant"));
  }
  EXPECT_THAT(timed, ElementsAre("plain", "checkpointed layers", "fixed update"));
}

TEST(DeterministicAlgorithmsTest, AreThoseThatThrowRatherThanWarnAndGoAwayAgain) {
  ::unsetenv("CUBLAS_WORKSPACE_CONFIG");
  UseDeterministicAlgorithms(true);
  const at::Context& context = at::globalContext();
  EXPECT_TRUE(context.deterministicAlgorithms());
  // Flash and memory-efficient attention stay nondeterministic where it only warns.
  EXPECT_FALSE(context.deterministicAlgorithmsWarnOnly());
  EXPECT_TRUE(context.deterministicCuDNN());
  EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":4096:8");
  UseDeterministicAlgorithms(false);
  EXPECT_FALSE(context.deterministicAlgorithms());
  EXPECT_FALSE(context.deterministicCuDNN());
}

// This program never calls DecideOnCuda, so it has no GPU wherever it runs.
TEST(OpenDeviceTest, SaysWhyThereIsNoGpuAndWhatToDo) {
  EXPECT_EQ(OpenDevice("cpu", 1).value(), at::Device(at::kCPU));
  const auto device = OpenDevice("cuda", 1);
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(device.error().message, HasSubstr(ProcessCuda().Describe()));
  EXPECT_THAT(device.error().message, HasSubstr("set compute.device = \"cpu\""));
}

TEST(OpenDeviceTest, AGpuBeyondThoseShownIsNamedWithHowManyProcessesThereMayBe) {
  EXPECT_TRUE(CheckGpuNumber(0, 1));
  EXPECT_TRUE(CheckGpuNumber(1, 2));
  ::setenv("CUDA_VISIBLE_DEVICES", "4,7", /*overwrite=*/1);
  const Status beyond = CheckGpuNumber(2, 2);
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(beyond.error().message,
            "process 2 wants GPU 2, this machine shows 2: set pretrain.processes to at most 2 "
            "(CUDA_VISIBLE_DEVICES is \"4,7\")");
  EXPECT_THAT(CheckGpuNumber(3, 1).error().message, HasSubstr("CUDA_VISIBLE_DEVICES is not set"));
}

TEST(SlowProductsWarningTest, IsForBfloat16OnACpuWithoutInstructionsForIt) {
  EXPECT_FALSE(SlowProductsWarning("cpu", "float32"));
  EXPECT_FALSE(SlowProductsWarning("cuda", "bfloat16"));
  EXPECT_EQ(SlowProductsWarning("cpu", "bfloat16").has_value(),
            FindCpuKernels("avx512_bf16") == nullptr);
}

TEST(GpuCheckTest, APartThatThereIsNotIsNamed) {
  GpuCheckOptions options;
  options.parts = {"parity", "speed"};
  const auto report = RunGpuCheck(CudaPlugin(), options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("there is no check 'speed'"));
}

TEST(WeightCopiesTest, SeeTheStepsOfTheOptimizerInEveryForm) {
  for (const AdamForm form : {AdamForm::kTorch, AdamForm::kFairseq}) {
    const at::Tensor weight = at::ones({4, 4}).requires_grad_(true);
    WeightCopies copies;
    EXPECT_EQ(copies.Of(weight, at::kBFloat16)[0][0].item<float>(), 1.0F);
    weight.mutable_grad() = at::ones({4, 4});
    AdamWOptions options;
    options.form = form;
    AdamW({{"weight", weight}}, options).Step(0.5);
    EXPECT_LT(copies.Of(weight, at::kBFloat16)[0][0].item<float>(), 0.9F);
    EXPECT_EQ(copies.casts(), 2);
  }
}

TEST(RelativeErrorTest, IsThatOfTheWorstTensorAndInfiniteForNaN) {
  const at::Tensor ones = at::ones({4});
  EXPECT_EQ(RelativeError({ones}, {ones}), 0);
  EXPECT_NEAR(RelativeError({ones, ones * 1.5}, {ones, ones}), 0.5, 1e-12);
  EXPECT_TRUE(std::isinf(RelativeError({at::full({4}, NAN)}, {ones})));
  EXPECT_TRUE(std::isinf(RelativeError({}, {ones})));
}

TEST(BenchBatchTest, IsMaskedTextOfTheShapeAndDependsOnItsNumberAlone) {
  const BenchShape shape = TinyBenchShape();
  const MaskedBatch batch = BenchBatch(shape, 4);
  EXPECT_EQ(batch.inputs, BenchBatch(shape, 4).inputs);
  EXPECT_NE(batch.inputs, BenchBatch(shape, 5).inputs);
  EXPECT_GT(batch.predicted, batch.tokens / 10);
  EXPECT_LT(batch.predicted, batch.tokens / 5);
  for (const std::int64_t id : batch.inputs) {
    EXPECT_GE(id, 0);
    EXPECT_LT(id, shape.vocab);
  }
}

}  // namespace
}  // namespace repro
