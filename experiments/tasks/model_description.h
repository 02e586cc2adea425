#pragma once
/// The model that a manifest's sections make: its width, where the number of parameters is stated
/// instead, and its parameter table for `repro show --model`. Linked into `repro`; no LibTorch.

#include <string>

#include "core/base/result.h"
#include "core/cli/model_table.h"
#include "core/manifest/experiment.h"
#include "experiments/tasks/settings.h"

namespace repro {

/// Sets `model.hidden` where `model.parameters` is stated, and `model.heads` where it is 0 (heads
/// of width 64), from the vocabulary and the positions of the same sections. Errors:
/// kInvalidArgument with what was expected, as SolveHidden.
Status ResolveModel(RunSettings& settings);

/// The model of one point. Errors: kInvalidArgument, as BuildTaskGraph.
Result<ModelTable> DescribeModel(const Point& point);

/// A model of the paper: "base", "large", ... (PublishedModels). Errors: kNotFound, with the names
/// that there are.
Result<ModelTable> DescribePublishedModel(const std::string& name);

}  // namespace repro
