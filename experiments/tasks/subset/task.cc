#include "experiments/tasks/subset/task.h"

#include "core/manifest/fields.h"
#include "experiments/tasks/subset/spec.h"
#include "experiments/tasks/subset/subset_artifact.h"

namespace repro {

Status RunSubsetTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const SubsetSpec spec, FromJson<SubsetSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto clean, context.Input("clean"));
  return WriteSubsetArtifact(clean / spec.language, spec.language, SubsetOptionsOf(spec.settings),
                             spec.settings.min_bytes, context);
}

}  // namespace repro
