/// repro: schedules, logs and reports. Does not link LibTorch, so it starts in milliseconds and
/// works on a laptop.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "core/base/build_info.h"
#include "core/cli/command.h"
#include "experiments/programs/data_command.h"
#include "experiments/programs/export_command.h"
#include "experiments/programs/import_command.h"
#include "experiments/programs/vocab_command.h"
#include "experiments/tasks/model_description.h"
#include "experiments/tasks/pipeline.h"

namespace {

namespace fs = std::filesystem;

/// Where the program's own files are: in a checkout (build/bin/repro, data at the root) or in an
/// installed tree (bin/repro, data in share/repro).
struct Layout {
  fs::path data;
  bool checkout = false;
  std::string problem{};  ///< when they are nowhere: where they were looked for, and what to do
};

Layout FindLayout(const fs::path& program) {
  std::error_code error;
  const fs::path bin = fs::canonical(program, error).parent_path();
  const fs::path installed = bin.parent_path() / "share" / "repro";
  if (fs::exists(installed / "manifests", error)) return {installed, false};
  for (fs::path at = bin; at != at.root_path(); at = at.parent_path()) {
    if (fs::exists(at / "manifests" / "languages.toml", error)) return {at, true};
  }
  return {
      bin, false,
      fmt::format("repro's manifests and the paper's values are not at hand: there is neither {} "
                  "(an installed tree) nor manifests/languages.toml in a folder above {} (a "
                  "checkout); start build/bin/repro of a checkout, or make a tree that runs "
                  "from anywhere with `cmake --install build --prefix DIR` and start "
                  "DIR/bin/repro",
                  installed.string(), bin.string())};
}

int Main(int argc, char** argv) {
  const fs::path self = "/proc/self/exe";
  std::error_code error;
  const Layout layout = FindLayout(self);
  repro::Suite suite;
  suite.validate_sections = &repro::ValidateSections;
  suite.build_graph = [datasets = layout.data / "manifests" / "datasets"](
                          const repro::Experiment& experiment, const fs::path& workspace) {
    return repro::BuildTaskGraph(experiment, {.workspace = workspace, .datasets = datasets});
  };
  suite.describe_model = &repro::DescribeModel;
  suite.describe_published_model = &repro::DescribePublishedModel;
  suite.version = repro::VersionText();
  suite.build_id = repro::BuildId();
  suite.data_problem = layout.problem;
  suite.task_program = fs::canonical(self, error).parent_path() / "repro-task";
  suite.manifest_dir = layout.data / "manifests";
  suite.reference_dir =
      layout.checkout ? layout.data / "results" / "reference" : layout.data / "reference";
  suite.report_dir = layout.data / "reports";
  suite.default_workspace = layout.checkout ? layout.data / "results" / "workspace"
                                            : fs::current_path(error) / "repro-workspace";

  std::vector<repro::CommandEntry> commands = repro::CoreCommands();
  commands.push_back({"data", "Data sets: list, show, fetch, check, stats; and the synthetic world",
                      &repro::MakeDataCommand});
  commands.push_back({"import",
                      "Register published weights, to fine-tune from; take results from elsewhere",
                      &repro::MakeImportCommand});
  commands.push_back({"export",
                      "A model of a run as a folder that transformers loads; results as a file",
                      &repro::MakeExportCommand});
  commands.push_back({"vocab", "How vocabularies serve their languages", &repro::MakeVocabCommand});
  return repro::RunCommandLine(argc, argv, suite, commands);
}

}  // namespace

int main(int argc, char** argv) {
  // Errors are values here; what is thrown all the same (no memory, a mistake of ours) ends in one
  // line, and with the destructors run: the terminal is whole, the lease is free.
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(
        stderr,
        "repro: it cannot go on: %s; nothing that is done is lost, and tasks that run go on: "
        "start it again\n",
        error.what());
  } catch (...) {
    std::fputs("repro: it cannot go on, and nobody said why\n", stderr);
  }
  return 1;
}
