#include "core/manifest/manifest.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/manifest/canonical.h"
#include "core/manifest/experiment_reader.h"
#include "core/manifest/languages.h"
#include "core/manifest/reference.h"
#include "core/manifest/sweep.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".toml";
constexpr std::string_view kLanguagesFile = "languages.toml";
constexpr std::string_view kBaseScale = "paper";

/// Keys that say what a manifest is; neither a scale nor --set may change them.
bool IsFixedKey(std::string_view key) {
  return key == "schema" || key == "id" || key == "item" || key == "scale";
}

/// A path as short as it can be said from the current folder.
fs::path DisplayPath(const fs::path& path) {
  std::error_code error;
  const fs::path near = fs::proximate(path, error);
  return error || near.empty() || *near.begin() == ".." ? path : near;
}

/// Checks the [scale] table and gives its overlays by name.
std::map<std::string, const Node*> ReadScales(const Document& document, Diagnostics& diagnostics) {
  std::map<std::string, const Node*> scales;
  const Node* table = document.Find("scale");
  if (table == nullptr) return scales;
  if (!table->IsTable()) {
    diagnostics.Add(table->position, fmt::format("`scale` is {}", table->TypeName()),
                    "expected tables [scale.NAME]");
    return scales;
  }
  for (const auto& [name, overlay] : *table->As<Node::Table>()) {
    const auto& known = ScaleNames();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      diagnostics.Add(overlay.key_position, fmt::format("unknown scale `{}`", name),
                      "expected " + OneOfText(known) + DidYouMean(name, known));
      continue;
    }
    if (!overlay.IsTable()) {
      diagnostics.Add(overlay.position, fmt::format("`scale.{}` is {}", name, overlay.TypeName()),
                      "expected a table of what changes at this scale");
      continue;
    }
    for (const auto& [key, value] : *overlay.As<Node::Table>()) {
      if (!IsFixedKey(key)) continue;
      diagnostics.Add(value.key_position, fmt::format("`scale.{}` changes `{}`", name, key),
                      "expected a key that can differ between scales");
    }
    scales.emplace(name, &overlay);
  }
  return scales;
}

/// The --set arguments as one overlay.
Document ReadSets(const std::vector<std::string>& sets, Diagnostics& diagnostics) {
  Document overlay;
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    const std::string key = set.substr(0, equals);
    const SourcePosition where{.file = std::make_shared<const std::string>("--set " + key)};
    if (equals == std::string::npos || key.empty() || key.front() == '.' || key.back() == '.' ||
        key.find("..") != std::string::npos) {
      diagnostics.Add(where, fmt::format("`{}` is no assignment", set),
                      "expected --set key=value, e.g. --set vocab.size=8000");
      continue;
    }
    const std::string first = key.substr(0, key.find('.'));
    if (IsFixedKey(first)) {
      diagnostics.Add(where, fmt::format("`{}` cannot be set", key),
                      "expected a key of a section, or one such as `seeds.pretrain`");
      continue;
    }
    Document one;
    if (one.Set(key, ParseValueOrString(set.substr(equals + 1), where)))
      overlay.Overlay(one.root());
  }
  return overlay;
}

/// Adds what a run depends on outside the manifest: the languages of each point and their sizes.
std::string ResolvedText(const Document& manifest, const Experiment& experiment) {
  Document resolved = manifest;
  resolved.Erase("scale");
  Node::Table points;
  for (const Point& point : experiment.points) {
    Node::Array codes;
    for (const std::string& code : point.languages) codes.push_back(Node(code));
    points.emplace(point.id, Node(std::move(codes)));
  }
  Node::Table languages;
  for (const auto& [code, language] : experiment.languages) {
    Node::Table row;
    row.emplace("script", Node(language.script));
    row.emplace("family", Node(language.family));
    row.emplace("wiki_gb", Node(language.wiki_gb));
    row.emplace("cc_gb", Node(language.cc_gb));
    languages.emplace(code, Node(std::move(row)));
  }
  auto& root = *resolved.root().As<Node::Table>();
  root["resolved_points"] = Node(std::move(points));
  root["resolved_languages"] = Node(std::move(languages));
  root["resolved_scale"] = Node(experiment.scale);
  return CanonicalText(resolved.root());
}

/// The paper's cells of the manifest's `item`; nothing when it names none or no folder is given.
Result<std::optional<ReferenceItem>> FindReference(const Document& base, const fs::path& dir,
                                                   Diagnostics& diagnostics) {
  const Node* node = base.Find("item");
  const auto* item = node == nullptr ? nullptr : node->As<std::string>();
  if (dir.empty() || item == nullptr || item->empty()) return std::nullopt;
  auto reference = LoadReference(dir, *item);
  if (reference) return std::move(*reference);
  if (reference.error().code != ErrorCode::kNotFound)
    return Context("reference", reference.error());
  diagnostics.Add(node->position, fmt::format("`item` is \"{}\"", *item),
                  fmt::format("expected an item with a file in {}, e.g. \"Figure 2\"",
                              DisplayPath(dir).string()));
  return std::nullopt;
}

/// A config beside which the tables stand that name metrics: only the science knows which there
/// are.
Document WithMetrics(Document config, const Document& manifest) {
  for (const char* key : {"series", "monolingual"}) {
    if (const Node* node = manifest.Find(key)) {
      config.root().As<Node::Table>()->insert_or_assign(key, *node);
    }
  }
  return config;
}

void ReportUnknownScale(const LoadOptions& options,
                        const std::map<std::string, const Node*>& scales,
                        Diagnostics& diagnostics) {
  std::vector<std::string> there;
  for (const std::string& name : ScaleNames()) {
    if (scales.contains(name) || name == kBaseScale) there.push_back(name);
  }
  const SourcePosition where{.file =
                                 std::make_shared<const std::string>("--scale " + options.scale)};
  diagnostics.Add(where, "the manifest has no such scale",
                  "expected " + OneOfText(there) + DidYouMean(options.scale, there));
}

}  // namespace

const std::vector<std::string>& ScaleNames() {
  static const std::vector<std::string> kNames = {"smoke", "desk", "lab", "released", "paper"};
  return kNames;
}

std::vector<std::string> ListManifests(const fs::path& manifest_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(manifest_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path file = entry->path().filename();
    if (file.extension() == kExtension && file != kLanguagesFile) {
      names.push_back(file.stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<fs::path> FindManifest(std::string_view name_or_path, const fs::path& manifest_dir) {
  const std::string name(name_or_path);
  std::error_code error;
  std::vector<fs::path> tries = {name};
  if (name.find('/') == std::string::npos && !name.empty()) {
    tries.push_back(manifest_dir / name);
    tries.push_back(manifest_dir / (name + std::string(kExtension)));
  }
  for (const fs::path& path : tries) {
    if (fs::is_regular_file(path, error)) return path;
  }
  const std::vector<std::string> there = ListManifests(manifest_dir);
  const std::string stem = fs::path(name).stem().string();
  return Fail(ErrorCode::kNotFound, "no manifest '{}', expected a path or a name in {}: {}{}", name,
              DisplayPath(manifest_dir).string(), there.empty() ? "(none)" : OneOfText(there),
              DidYouMean(stem, there));
}

Result<Experiment> LoadExperiment(std::string_view name_or_path, const LoadOptions& options) {
  REPRO_ASSIGN_OR_RETURN(const fs::path path, FindManifest(name_or_path, options.manifest_dir));
  const std::string shown = DisplayPath(path).string();
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  REPRO_ASSIGN_OR_RETURN(const Document document, Document::Parse(text, shown));
  REPRO_ASSIGN_OR_RETURN(const LanguageTable languages,
                         LoadLanguages(DisplayPath(options.manifest_dir / kLanguagesFile)));

  Diagnostics diagnostics;
  const std::map<std::string, const Node*> scales = ReadScales(document, diagnostics);
  const Document sets = ReadSets(options.sets, diagnostics);
  const bool known = scales.contains(options.scale) || options.scale == kBaseScale;
  if (!known) ReportUnknownScale(options, scales, diagnostics);

  Document base = document;
  base.Erase("scale");
  ReadContext context{.languages = languages, .base = base};
  REPRO_ASSIGN_OR_RETURN(const std::optional<ReferenceItem> reference,
                         FindReference(base, options.reference_dir, diagnostics));
  if (reference) context.reference = &*reference;

  const auto read = [&](const Document& manifest) {
    ReadOutcome outcome = ReadExperiment(manifest, context, diagnostics);
    if (options.validate_sections) {
      const std::vector<Point>& points = outcome.experiment.points;
      for (const Point& point : points) {
        options.validate_sections(WithMetrics(*point.config, manifest), diagnostics);
      }
      if (points.empty()) {
        options.validate_sections(WithMetrics(SectionsOf(manifest), manifest), diagnostics);
      }
    }
    return outcome;
  };
  const ReadOutcome base_level = read(base);
  context.base_values = &base_level.sweep_values;
  for (const auto& [name, overlay] : scales) {
    if (name == options.scale) continue;
    Document other = base;
    other.Overlay(*overlay);
    read(other);
  }
  Document chosen = base;
  if (const auto overlay = scales.find(options.scale); overlay != scales.end()) {
    chosen.Overlay(*overlay->second);
  }
  chosen.Overlay(sets.root());
  Experiment experiment = read(chosen).experiment;
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());

  experiment.path = path.string();
  experiment.scale = options.scale;
  experiment.overrides = options.sets;
  experiment.canonical = ResolvedText(chosen, experiment);
  experiment.hash = Sha256Hex(experiment.canonical);
  return experiment;
}

}  // namespace repro
