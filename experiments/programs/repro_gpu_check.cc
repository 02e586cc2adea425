/// repro-gpu-check: whether this machine's GPU computes what the CPU does, and how fast.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "core/base/build_info.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "experiments/cuda/plugin.h"
#include "experiments/gpu_check/gpu_check.h"

namespace {

namespace fs = std::filesystem;

// Scripts read these.
constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoGpu = 3;

constexpr const char* kHelp =
    "usage: repro-gpu-check [--json FILE] [--only PART[,PART...]] [--minutes N] [--self-test]\n"
    "Checks the GPU's path and our own kernels against plain ones, resume and the out-of-memory\n"
    "path, and measures throughput.\n"
    "  --json FILE    writes the results there; while it runs, {\"state\": \"running\"}\n"
    "  --only PARTS   of parity, resume, memory, throughput (all)\n"
    "  --minutes N    no new measurement begins after that (9)\n"
    "  --self-test    the same code on the CPU at a tiny size; what needs a GPU is skipped\n"
    "Exit code: 0 all passed, 1 something failed, 2 wrong usage, 3 no GPU can be used here.\n";

struct Arguments {
  std::string json;
  repro::GpuCheckOptions options;
};

int Usage(const std::string& why) {
  std::fprintf(stderr, "repro-gpu-check: %s\n%s", why.c_str(), kHelp);
  return kUsage;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Of this process alone, gone at the end.
class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("repro-gpu-check-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

int Run(const repro::CudaPlugin& cuda, Arguments arguments) {
  if (!arguments.options.self_test && !cuda.available()) {
    std::fprintf(stderr,
                 "repro-gpu-check: no GPU can be used here: %s. (--self-test runs on the CPU)\n",
                 cuda.Describe().c_str());
    return kNoGpu;
  }
  if (const repro::Status parts = repro::CheckParts(arguments.options); !parts) {
    return Usage(parts.error().message);
  }
  const auto write_json = [&](const repro::Json& json) {
    if (arguments.json.empty()) return true;
    const repro::Status written = repro::WriteFileAtomic(arguments.json, json.dump(1) + "\n");
    if (written) return true;
    std::fprintf(stderr, "repro-gpu-check: --json: %s\n", written.error().message.c_str());
    return false;
  };
  // A place that cannot be written to shows before the minutes of work.
  if (!write_json({{"state", "running"}})) return kUsage;
  const Scratch scratch;
  arguments.options.scratch = scratch.path();
  arguments.options.say = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  std::printf("%s\n%s\n", repro::BuildId().c_str(), cuda.Describe().c_str());
  const double begin = repro::SteadySeconds();
  auto report = repro::RunGpuCheck(cuda, arguments.options);
  if (!report) return Usage(report.error().message);
  (*report)["build"] = repro::BuildId();
  (*report)["seconds"] = repro::SteadySeconds() - begin;
  const bool passed = report->at("passed").get<bool>();
  std::printf("%s in %.0f s\n", passed ? "passed" : "FAILED", report->at("seconds").get<double>());
  if (!write_json(*report)) {
    std::printf("%s\n", report->dump(1).c_str());  // the only copy
    return kFailed;
  }
  return passed ? kPassed : kFailed;
}

int Main(int argc, char** argv) {
  // Before any torch call, and before one that could throw.
  const repro::CudaPlugin cuda = repro::DecideOnCuda();
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool takes_value =
        argument == "--json" || argument == "--only" || argument == "--minutes";
    if (takes_value && i + 1 == argc) return Usage(std::string(argument) + " needs a value");
    if (argument == "--json") {
      arguments.json = argv[++i];
    } else if (argument == "--only") {
      arguments.options.parts = Split(argv[++i]);
    } else if (argument == "--minutes") {
      char* end = nullptr;
      arguments.options.minutes = std::strtod(argv[++i], &end);
      if (*end != '\0' || !(arguments.options.minutes > 0)) {
        return Usage(std::string("--minutes ") + argv[i] + ": expected a number above 0");
      }
    } else if (argument == "--self-test") {
      arguments.options.self_test = true;
    } else if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return kPassed;
    } else {
      return Usage("unknown argument '" + std::string(argument) + "'");
    }
  }
  return Run(cuda, std::move(arguments));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "repro-gpu-check: it cannot go on: %s\n", error.what());
  }
  return kFailed;
}
