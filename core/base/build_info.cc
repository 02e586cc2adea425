#include "core/base/build_info.h"

#include <string_view>

#include <fmt/format.h>

#include "build_stamp.h"

namespace repro {

std::string VersionText() {
  std::string text = fmt::format("repro     {}\n", stamp::kVersion);
  text += fmt::format("commit    {}", stamp::kCommit);
  if (!stamp::kChange.empty())
    text += fmt::format(", sources changed since (hash {})", stamp::kChange);
  text += fmt::format("\ncompiler  {}\n", stamp::kCompiler);
  text +=
      fmt::format("LibTorch  {}\n", stamp::kTorch.empty() ? "not in this build" : stamp::kTorch);
  text +=
      fmt::format("CUDA      {}\n", stamp::kCuda.empty() ? "no toolkit when built" : stamp::kCuda);
  text += fmt::format("build     {}", stamp::kBuildType);
  return text;
}

std::string BuildId() {
  std::string id(stamp::kCommit.substr(0, 12));
  if (!stamp::kChange.empty()) id += fmt::format("+{}", stamp::kChange);
  return fmt::format("{}.{}.{}", id, stamp::kCompiler, stamp::kBuildType);
}

}  // namespace repro
