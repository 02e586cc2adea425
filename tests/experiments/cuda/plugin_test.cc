#include "experiments/cuda/plugin.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repro {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CudaPluginTest, SaysInOneLineWhichGpusThereAreOrWhyNone) {
  const CudaPlugin plugin = DecideOnCuda();
  if (plugin.available()) {
    ASSERT_FALSE(plugin.devices().empty());
    EXPECT_THAT(plugin.Describe(), HasSubstr("GPU 0: " + plugin.devices()[0].name));
    const auto peak = plugin.PeakMemory(0);
    ASSERT_TRUE(peak) << peak.error().message;
    EXPECT_GE(*peak, 0);
  } else {
    EXPECT_THAT(plugin.Describe(), StartsWith("CUDA: none ("));
    EXPECT_GT(plugin.Describe().size(), std::string("CUDA: none ()").size());
  }
  EXPECT_EQ(plugin.Describe().find('\n'), std::string::npos);
}

TEST(CudaPluginTest, WhereNobodyAskedThereIsNoneAndThatIsSaid) {
  EXPECT_FALSE(CudaPlugin().available());
  EXPECT_EQ(CudaPlugin().Describe(), "CUDA: none (this program looked for none)");
}

TEST(CudaPluginTest, WithoutADriverNothingIsLoaded) {
  if (void* driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
    ::dlclose(driver);
    GTEST_SKIP() << "a driver is here";
  }
  const auto plugin = LoadCudaPlugin();
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(plugin.error().message, HasSubstr("no NVIDIA driver"));
}

TEST(CudaPluginTest, PeaksAreKnownByTheNamesThatDriversGive) {
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA H100 80GB HBM3"), 989e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA H100 NVL"), 835e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA H200"), 989e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA H200 NVL"), 835e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA A100-SXM4-40GB"), 312e12);
  EXPECT_EQ(PeakBfloat16Flops("NVIDIA GeForce RTX 4090"), std::nullopt);
}

}  // namespace
}  // namespace repro
