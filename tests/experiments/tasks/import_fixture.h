#pragma once
/// Runs the `import` task on a folder of weights, as a graph that names the folder would.

#include <filesystem>

#include <gtest/gtest.h>

#include "experiments/tasks/import/import_record.h"
#include "experiments/tasks/import/spec.h"
#include "experiments/tasks/import/task.h"
#include "tests/experiments/task_fixture.h"

namespace repro::testing {

/// Of what `folder` holds now.
inline Result<ImportSpec> SpecOf(const std::filesystem::path& folder) {
  REPRO_ASSIGN_OR_RETURN(const ImportRecord record, ReadImport(folder));
  ImportSpec spec;
  for (const ImportedFile& file : record.files) {
    spec.files.push_back(file.name);
    spec.sha256.push_back(file.sha256);
  }
  return spec;
}

/// Imports `folder` as `spec` says it was planned.
inline Status RunImport(TaskFixture& fixture, const std::filesystem::path& folder,
                        const ImportSpec& spec) {
  fixture.task.info = {{"folder", folder.string()}};
  return fixture.Run(&RunImportTask, spec);
}
inline Status RunImport(TaskFixture& fixture, const std::filesystem::path& folder) {
  REPRO_ASSIGN_OR_RETURN(const ImportSpec spec, SpecOf(folder));
  return RunImport(fixture, folder, spec);
}

/// The artifact of `folder`, made below `root`.
inline std::filesystem::path ImportedArtifact(const std::filesystem::path& folder,
                                              const std::filesystem::path& root) {
  TaskFixture fixture(root);
  const Status done = RunImport(fixture, folder);
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return fixture.out();
}

}  // namespace repro::testing
