#include "core/graph/task.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

Task Vocab() {
  Task task;
  task.kind = "vocab";
  task.version = 2;
  task.spec = {{"size", 4000}, {"alpha", 0.3}};
  task.inputs = {{"corpus.syn-en", std::string(64, 'a')}};
  return task;
}

// sha256sum of
// {"inputs":{"corpus.syn-en":"aa...a"},"kind":"vocab","spec":{"alpha":0.3,"size":4000},"version":2}.
// Artifact folders carry these keys: a change of the rule orphans every artifact that exists.
TEST(TaskKeyTest, IsTheSha256OfTheCanonicalContent) {
  EXPECT_EQ(ComputeTaskKey(Vocab()),
            "ef206875931810c89c6fe76bef6078f54f36eb725a1f4f8ed710e4c311414120");
}

TEST(TaskKeyTest, DependsOnKindVersionSpecAndInputs) {
  const std::string key = ComputeTaskKey(Vocab());
  Task kind = Vocab();
  kind.kind = "encode";
  EXPECT_NE(ComputeTaskKey(kind), key);
  Task version = Vocab();
  version.version = 3;
  EXPECT_NE(ComputeTaskKey(version), key);
  Task spec = Vocab();
  spec.spec["size"] = 4001;
  EXPECT_NE(ComputeTaskKey(spec), key);
  Task input = Vocab();
  input.inputs["corpus.syn-en"] = std::string(64, 'b');
  EXPECT_NE(ComputeTaskKey(input), key);
  Task role = Vocab();
  role.inputs = {{"corpus.syn-fr", std::string(64, 'a')}};
  EXPECT_NE(ComputeTaskKey(role), key);
}

TEST(TaskKeyTest, DoesNotDependOnWhereAndHowLargeTheTaskRuns) {
  Task task = Vocab();
  task.key = "something else";
  task.label = "vocab of xlm7";
  task.resources = {.threads = 8, .gpus = 1, .memory_bytes = 1, .disk_bytes = 2};
  task.work = 1e9;
  task.work_unit = "tokens";
  task.info = {{"parameters", 12}};
  EXPECT_EQ(ComputeTaskKey(task), ComputeTaskKey(Vocab()));
}

}  // namespace
}  // namespace repro
