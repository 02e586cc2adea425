#pragma once
/// What the sections of a manifest cannot know alone: whether they fit the world, the languages of
/// a point, the data sets and the models that they name.

#include "core/manifest/diagnostics.h"
#include "core/manifest/experiment.h"
#include "experiments/tasks/point_facts.h"
#include "experiments/tasks/real_text.h"

namespace repro {

/// Adds what contradicts itself at `point`, with the place of the setting.
void CheckPoint(const Point& point, const Experiment& experiment, ImportedModels& models,
                RealText& real_text, Diagnostics& diagnostics);

}  // namespace repro
