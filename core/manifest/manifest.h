#pragma once
/// From a manifest's name to a validated experiment at one scale.
///
/// Order of work: parse; lay the scale's table over the base level; apply `--set`; read the generic
/// half; make the points of [sweep] and [[run]]; let the science check its sections for every
/// point. Every scale of the manifest is checked, whichever is asked for. All errors are reported
/// at once, a TOML syntax error alone.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/experiment.h"

namespace repro {

/// The five scales, smallest first. "paper" is the base level of a manifest and needs no table.
const std::vector<std::string>& ScaleNames();

struct LoadOptions {
  std::string scale = "desk";
  std::vector<std::string> sets;       ///< "key=value", applied in order over the scale
  std::filesystem::path manifest_dir;  ///< where names are looked up and languages.toml lies
  std::filesystem::path
      reference_dir;  ///< results/reference; empty: items and series are not checked against it
  /// Checks the sections of one point's config, and the metrics of the `[[series]]` that are added
  /// to it; null: neither is checked.
  std::function<void(const Document& config, Diagnostics& diagnostics)> validate_sections;
};

/// `name_or_path`: "fig2", "fig2.toml" (a file of the current folder wins over `manifest_dir`), or
/// a path. Errors: kNotFound with what is there; kInvalidArgument with one line "file:line:column:
/// what, expected" per mistake.
Result<Experiment> LoadExperiment(std::string_view name_or_path, const LoadOptions& options);

/// The path that `LoadExperiment` would read.
Result<std::filesystem::path> FindManifest(std::string_view name_or_path,
                                           const std::filesystem::path& manifest_dir);

/// Names of the manifests in a folder, without ".toml", sorted. languages.toml is none.
std::vector<std::string> ListManifests(const std::filesystem::path& manifest_dir);

}  // namespace repro
