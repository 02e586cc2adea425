#include "experiments/tasks/subset/task.h"

#include "core/manifest/fields.h"
#include "experiments/tasks/subset/spec.h"
#include "experiments/tasks/subset/subset_artifact.h"

namespace repro {

Status RunSubsetTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const SubsetSpec spec, FromJson<SubsetSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto clean, context.Input("clean"));
  SubsetOptions options = SubsetOptionsOf(spec.settings);
  options.drawn_order = spec.drawn_order;
  return WriteSubsetArtifact(clean / spec.language, spec.language, options, spec.settings.min_bytes,
                             context);
}

}  // namespace repro
