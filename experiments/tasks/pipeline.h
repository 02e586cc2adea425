#pragma once
/// From a validated experiment to tasks and runs: corpus -> vocab -> encode -> pretrain -> finetune
/// -> evaluate, with the controls beside; `import` in place of the first four where the manifest
/// takes weights from outside. Linked into `repro`; no LibTorch.

#include <filesystem>

#include "core/base/result.h"
#include "core/graph/task_graph.h"
#include "core/manifest/experiment.h"

namespace repro {

class Diagnostics;

/// Checks the sections of one point: types and ranges, then contradictions between fields; and the
/// metrics of `series`, where it stands beside them. Every error is reported with its position.
void ValidateSections(const Document& config, Diagnostics& diagnostics);

/// Where what a graph is made of is looked up.
struct GraphPlaces {
  std::filesystem::path workspace;  ///< imported models, fetched data sets
  std::filesystem::path datasets;   ///< manifests of data sets
};

/// Tasks and runs of every point, seed and control. Tasks that several runs need are there once.
/// A data set that is not at hand gives tasks that are planned but unresolved. `pretrain.from` is
/// looked up in the workspace, and its files, like those of data sets, are hashed where that was
/// not done before. Errors: kInvalidArgument with one line "file:line:column: what, expected" for
/// each contradiction between the sections and the experiment (e.g. real text in the world "babel")
/// or what they name.
Result<TaskGraph> BuildTaskGraph(const Experiment& experiment, const GraphPlaces& places);

}  // namespace repro
