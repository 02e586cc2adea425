/// repro: schedules, logs and reports. Does not link LibTorch, so it starts in milliseconds and
/// works on a laptop.

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/base/build_info.h"
#include "core/cli/command.h"
#include "experiments/programs/data_command.h"
#include "experiments/tasks/pipeline.h"

namespace {

namespace fs = std::filesystem;

/// Where the program's own files are: in a checkout (build/bin/repro, data at the root) or in an
/// installed tree (bin/repro, data in share/repro).
struct Layout {
  fs::path data;
  bool checkout = false;
};

Layout FindLayout(const fs::path& program) {
  std::error_code error;
  const fs::path bin = fs::canonical(program, error).parent_path();
  const fs::path installed = bin.parent_path() / "share" / "repro";
  if (fs::exists(installed / "manifests", error)) return {installed, false};
  for (fs::path at = bin; at != at.root_path(); at = at.parent_path()) {
    if (fs::exists(at / "manifests" / "languages.toml", error)) return {at, true};
  }
  return {bin, false};
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path self = "/proc/self/exe";
  std::error_code error;
  const Layout layout = FindLayout(self);
  repro::Suite suite;
  suite.validate_sections = &repro::ValidateSections;
  suite.build_graph = &repro::BuildTaskGraph;
  suite.version = repro::VersionText();
  suite.build_id = repro::BuildId();
  suite.task_program = fs::canonical(self, error).parent_path() / "repro-task";
  suite.manifest_dir = layout.data / "manifests";
  suite.reference_dir =
      layout.checkout ? layout.data / "results" / "reference" : layout.data / "reference";
  suite.report_dir = layout.data / "reports";
  suite.default_workspace = layout.checkout ? layout.data / "results" / "workspace"
                                            : fs::current_path(error) / "repro-workspace";

  std::vector<repro::CommandEntry> commands = repro::CoreCommands();
  commands.push_back(
      {"data", "Look at the synthetic world and its controls", &repro::MakeDataCommand});
  return repro::RunCommandLine(argc, argv, suite, commands);
}
