/// `repro` as it is, with another science: the tasks come from a JSON file (REPRO_TEST_GRAPH)
/// instead of the manifest, and REPRO_TEST_TASK does them. Lets tests drive the real command line
/// without LibTorch.
///
/// The file: [{"label", "spec", "inputs": {role: label}, "threads"}], inputs before the tasks that
/// read them.

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "core/base/hash.h"
#include "core/cli/command.h"
#include "core/io/json_io.h"

namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

repro::Result<repro::TaskGraph> BuildGraph(const repro::Experiment& experiment,
                                           const std::filesystem::path&) {
  REPRO_ASSIGN_OR_RETURN(const repro::Json list, repro::LoadJson(Variable("REPRO_TEST_GRAPH")));
  repro::TaskGraph graph;
  std::map<std::string, std::string> keys;
  repro::RunSpec run;
  run.point = experiment.id;
  run.config = repro::Json::object();
  for (const repro::Json& entry : list) {
    repro::Task task;
    task.kind = "fake";
    task.label = entry.at("label");
    task.spec = entry.at("spec");
    task.work = task.spec.value("steps", 1);
    task.work_unit = "steps";
    task.resources.threads = entry.value("threads", 1);
    const repro::Json inputs = entry.value("inputs", repro::Json::object());
    for (const auto& [role, label] : inputs.items()) {
      task.inputs[role] = keys.at(label);
    }
    keys[task.label] = graph.Add(task);
    run.task_keys.push_back(keys[task.label]);
    run.key += keys[task.label];
  }
  run.key = repro::Sha256Hex(run.key);
  graph.AddRun(run);
  return graph;
}

}  // namespace

int main(int argc, char** argv) {
  repro::Suite suite;
  suite.build_graph = &BuildGraph;
  suite.version = "repro of the tests";
  suite.build_id = "fake-build";
  suite.task_program = Variable("REPRO_TEST_TASK");
  suite.manifest_dir = Variable("REPRO_TEST_MANIFESTS");
  suite.default_workspace = "./repro-workspace";
  return repro::RunCommandLine(argc, argv, suite, repro::CoreCommands());
}
