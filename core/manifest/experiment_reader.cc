#include "core/manifest/experiment_reader.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/manifest/section_reader.h"
#include "core/manifest/sweep.h"

namespace repro {
namespace {

constexpr std::int64_t kSchema = 1;

std::vector<std::string> Worlds() {
  return {"babel", "coded English", "real text"};
}

struct SeedsSection {
  std::vector<std::int64_t> pretrain, finetune;

  template <class V>
  void Visit(V& v) {
    v("pretrain", pretrain, AtLeast(0));
    v("finetune", finetune, AtLeast(0));
  }
};

struct ControlsSection {
  ControlSettings controls;

  template <class V>
  void Visit(V& v) {
    v("null_world", controls.null_world);
    v("no_pretraining", controls.no_pretraining);
    v("seeds", controls.seeds, AtLeast(0));
  }
};

struct MonolingualSection {
  MonolingualSettings monolingual;
  const Node* max_bytes = nullptr;

  template <class V>
  void Visit(V& v) {
    v("metric", monolingual.metric);
    v("max_bytes", max_bytes);
    v("seeds", monolingual.seeds, AtLeast(0));
  }
};

struct GenericHalf {
  std::int64_t schema = 0;
  std::string id, item, title, question, world, selection;
  std::string source_language = "en";
  SeedsSection seeds;
  ControlsSection controls;
  MonolingualSection monolingual;
  const Node* series = nullptr;
  const Node* claims = nullptr;
  const Node* assumptions = nullptr;

  template <class V>
  void Visit(V& v) {
    v("schema", schema);
    v("id", id);
    v("item", item);
    v("title", title);
    v("question", question);
    v("world", world, OneOf(Worlds()));
    v("selection", selection, OneOf({"joint-dev", "per-language-dev", "english-dev"}));
    v("source_language", source_language);
    v("seeds", seeds);
    v("controls", controls);
    v("monolingual", monolingual);
    v("series", series);
    v("claim", claims);
    v("assumption", assumptions);
  }
};

struct SeriesRow {
  Series series;
  std::string by = "point";
  const Node* languages = nullptr;

  template <class V>
  void Visit(V& v) {
    v("id", series.id);
    v("name", series.name);
    v("metric", series.metric);
    v("languages", languages);
    v("by", by, OneOf({"point", "language"}));
    v("at", series.at);
    v("relative_margin", series.relative_margin, Range(0, 1));
    v("margin_source", series.margin_source);
    v("companion", series.companion);
    v("worlds", series.worlds, OneOf(Worlds()));
    v("text", series.text, OneOf({"", "most", "least"}));
  }
};

struct ClaimRow {
  Claim claim;

  template <class V>
  void Visit(V& v) {
    v("id", claim.id);
    v("series", claim.series);
    v("rule", claim.rule, OneOf({"falls-at-every-step", "rises-then-falls", "level-then-falls"}));
    v("peak", claim.peak);
    v("text", claim.text);
    v("margin", claim.margin, AtLeast(0));
    v("margin_source", claim.margin_source);
  }
};

struct AssumptionRow {
  Assumption assumption;
  const Node* value = nullptr;
  const Node* alternatives = nullptr;

  template <class V>
  void Visit(V& v) {
    v("key", assumption.key);
    v("value", value);
    v("status", assumption.status, OneOf({"stated", "neighbour", "guess"}));
    v("source", assumption.source);
    v("alternatives", alternatives);
  }
};

template <class T>
bool Contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

class Reader {
 public:
  Reader(const Document& manifest, const ReadContext& context, Diagnostics& diagnostics)
      : manifest_(manifest), context_(context), diagnostics_(diagnostics) {}

  ReadOutcome Read() {
    SectionReader reader(manifest_.root(), "", diagnostics_);
    half_.Visit(reader);
    ReadHead();
    ReadSeeds();
    Sweep sweep =
        ReadSweep(manifest_, context_.languages, experiment_.source_language, diagnostics_);
    experiment_.sweep_keys = sweep.keys;
    experiment_.points = sweep.points;
    sweep_values_ = sweep.values;
    known_values_ = sweep.Names();
    if (context_.base_values != nullptr) ReadDroppedPoints();
    ReadSeries();
    ReadClaims();
    ReadAssumptions();
    ReadControls();
    ReadMonolingual();
    LeaveOutOtherWorlds();
    CollectLanguages();
    return {.experiment = std::move(experiment_), .sweep_values = std::move(sweep_values_)};
  }

 private:
  void Missing(const SourcePosition& where, std::string_view what, std::string_view expected) {
    diagnostics_.Add(where, fmt::format("no `{}`", what), expected);
  }

  void ReadHead() {
    const SourcePosition top = manifest_.root().position;
    if (manifest_.Find("schema") == nullptr) {
      Missing(top, "schema", "expected `schema = 1`: the manifest format");
    } else if (half_.schema != kSchema && manifest_.Find("schema")->As<std::int64_t>() != nullptr) {
      diagnostics_.Add(manifest_.PositionOf("schema"), fmt::format("`schema` is {}", half_.schema),
                       "expected 1: the only manifest format that this version reads");
    }
    if (manifest_.Find("id") == nullptr) {
      Missing(top, "id", "expected a short name, e.g. \"fig2\"");
    } else if (const auto* id = manifest_.Find("id")->As<std::string>(); id != nullptr) {
      const bool good = !id->empty() && id->find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyz"
                                            "0123456789-_") == std::string::npos;
      if (!good) {
        diagnostics_.Add(
            manifest_.PositionOf("id"), fmt::format("`id` is {}", Json(*id).dump()),
            "expected a short name of lower-case letters, digits, `-` and `_`: it names files");
      }
    }
    if (manifest_.Find("world") == nullptr) {
      Missing(top, "world", "expected " + OneOfText(Worlds()));
    }
    if (manifest_.Find("selection") == nullptr) {
      Missing(top, "selection", "expected `joint-dev`, `per-language-dev` or `english-dev`");
    }
    if (!context_.languages.languages.contains(half_.source_language)) {
      diagnostics_.Add(manifest_.PositionOf("source_language"),
                       fmt::format("unknown language \"{}\"", half_.source_language),
                       "expected a code of languages.toml, e.g. \"en\"");
      half_.source_language.clear();
    }
    experiment_.id = half_.id;
    experiment_.item = half_.item;
    experiment_.title = half_.title;
    experiment_.question = half_.question;
    experiment_.world = half_.world;
    experiment_.selection = half_.selection;
    experiment_.source_language = half_.source_language;
  }

  void ReadSeeds() {
    if (const Node* seeds = manifest_.Find("seeds"); seeds != nullptr && seeds->IsTable()) {
      CheckSeeds("seeds.pretrain", half_.seeds.pretrain);
      CheckSeeds("seeds.finetune", half_.seeds.finetune);
    } else if (seeds == nullptr) {
      Missing(manifest_.root().position, "seeds",
              "expected e.g. `seeds = { pretrain = [1, 2, 3], finetune = [1] }`");
    }
    experiment_.pretrain_seeds = half_.seeds.pretrain;
    experiment_.finetune_seeds = half_.seeds.finetune;
  }

  void CheckSeeds(const std::string& key, const std::vector<std::int64_t>& seeds) {
    const Node* node = manifest_.Find(key);
    if (node == nullptr) {
      Missing(manifest_.PositionOf(key), key, "expected at least one seed, e.g. [1, 2, 3]");
      return;
    }
    if (const auto* array = node->As<Node::Array>(); array != nullptr && array->empty()) {
      diagnostics_.Add(node->position, fmt::format("`{}` is []", key),
                       "expected at least one seed, e.g. [1, 2, 3]");
    }
    CheckOnce(key, seeds, "seed");
  }

  template <class T>
  void CheckOnce(const std::string& key, const std::vector<T>& values, std::string_view what) {
    if (std::set<T>(values.begin(), values.end()).size() != values.size()) {
      diagnostics_.Add(manifest_.PositionOf(key), fmt::format("`{}` holds a {} twice", key, what),
                       "expected each once: a run is not counted twice");
    }
  }

  /// Values that the base level sweeps and this level does not.
  void ReadDroppedPoints() {
    for (const auto& [key, values] : *context_.base_values) {
      const auto here = sweep_values_.find(key);
      for (const std::string& value : values) {
        if (!Contains(known_values_, value)) known_values_.push_back(value);
        const bool kept = here != sweep_values_.end() && Contains(here->second, value);
        if (!kept) experiment_.dropped_points.push_back(value);
      }
    }
  }

  /// The tables of [[name]], or nothing; anything else is reported.
  std::vector<const Node*> Rows(const Node* node, std::string_view name) {
    std::vector<const Node*> rows;
    if (node == nullptr) return rows;
    const auto* array = node->As<Node::Array>();
    const bool good = array != nullptr && std::all_of(array->begin(), array->end(),
                                                      [](const Node& n) { return n.IsTable(); });
    if (!good) {
      diagnostics_.Add(node->position, fmt::format("`{}` is {}", name, node->TypeName()),
                       fmt::format("expected [[{}]] tables", name));
      return rows;
    }
    for (const Node& row : *array) rows.push_back(&row);
    return rows;
  }

  template <class Row>
  Row ReadRow(const Node& node, const std::string& path, std::string_view id_key) {
    Row row;
    SectionReader reader(node, path, diagnostics_);
    row.Visit(reader);
    reader.ReportUnknownKeys();
    if (node.Get(id_key) == nullptr) {
      Missing(node.position, fmt::format("{}.{}", path, id_key), "expected a name");
    }
    return row;
  }

  /// Position of a row's field, or of the row when it lacks the field.
  static SourcePosition At(const Node& row, std::string_view field) {
    const Node* node = row.Get(field);
    return node == nullptr ? row.position : node->position;
  }

  void CheckUnique(std::set<std::string>& seen, const std::string& id, const Node& row,
                   std::string_view field, std::string_view what) {
    if (!id.empty() && !seen.insert(id).second) {
      diagnostics_.Add(At(row, field), fmt::format("two {} are called `{}`", what, id),
                       "expected a name of its own for each");
    }
  }

  void ReadSeries() {
    std::set<std::string> seen;
    const auto rows = Rows(half_.series, "series");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Node& node = *rows[i];
      const std::string path = fmt::format("series[{}]", i);
      auto row = ReadRow<SeriesRow>(node, path, "id");
      CheckUnique(seen, row.series.id, node, "id", "series");
      if (node.Get("metric") == nullptr) {
        Missing(node.position, path + ".metric", "expected e.g. \"xnli.accuracy\"");
      }
      row.series.by_language = row.by == "language";
      CheckByLanguage(row, node, path);
      if (!row.series.by_language) {
        row.series.languages = SeriesLanguages(row.languages, node, path);
      } else if (row.series.name.empty()) {
        row.series.name = row.series.id;
      }
      if (row.series.name.empty()) {
        row.series.name = row.series.languages.size() > 4
                              ? fmt::format("{} (mean of {} languages)", row.series.id,
                                            row.series.languages.size())
                              : fmt::format("{} (mean of {})", row.series.id,
                                            fmt::join(row.series.languages, ", "));
      }
      CheckReference(row.series, node);
      experiment_.series.push_back(std::move(row.series));
    }
  }

  /// What belongs to series by language, and to no other.
  void CheckByLanguage(const SeriesRow& row, const Node& node, const std::string& path) {
    const Series& series = row.series;
    if (series.by_language) {
      if (row.languages != nullptr) {
        diagnostics_.Add(row.languages->position,
                         fmt::format("`{}.languages` with `by` = \"language\"", path),
                         "expected none: each language of the points is shown");
      }
      if (!series.text.empty()) {
        diagnostics_.Add(At(node, "text"), fmt::format("`{}.text` with `by` = \"language\"", path),
                         "expected none: it says which languages are averaged");
      }
      if (!series.at.empty() && !Contains(known_values_, series.at)) {
        diagnostics_.Add(
            At(node, "at"), fmt::format("`{}.at` is `{}`", path, series.at),
            fmt::format("expected a value of the sweep: {}{}", OneOfText(known_values_),
                        DidYouMean(series.at, known_values_)));
      }
      if (series.relative_margin > 0 && series.margin_source.empty()) {
        Missing(At(node, "relative_margin"), path + ".margin_source",
                "expected where the margin comes from: it is fixed before a run");
      }
      return;
    }
    for (const char* const field : {"at", "relative_margin", "margin_source"}) {
      if (node.Get(field) == nullptr) continue;
      diagnostics_.Add(At(node, field),
                       fmt::format("`{}.{}` without `by` = \"language\"", path, field),
                       "expected it in series by language alone");
    }
  }

  std::vector<std::string> SeriesLanguages(const Node* node, const Node& row,
                                           const std::string& path) {
    if (node == nullptr) {
      Missing(row.position, path + ".languages", "expected a list of codes or the name of a set");
      return {};
    }
    if (const auto* name = node->As<std::string>()) {
      const LanguageSet* set = context_.languages.FindSet(*name);
      if (set != nullptr) return set->codes;
      diagnostics_.Add(node->position, fmt::format("unknown language set `{}`", *name),
                       context_.languages.ExpectedSet(*name));
      return {};
    }
    std::vector<std::string> codes;
    ReadValue(*node, path + ".languages", {}, diagnostics_, codes);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const SourcePosition& where = (*node->As<Node::Array>())[i].position;
      if (!context_.languages.languages.contains(codes[i])) {
        diagnostics_.Add(where, fmt::format("unknown language \"{}\"", codes[i]),
                         "expected a code of languages.toml, e.g. \"sw\"");
      } else if (std::find(codes.begin(), codes.begin() + static_cast<std::ptrdiff_t>(i),
                           codes[i]) != codes.begin() + static_cast<std::ptrdiff_t>(i)) {
        diagnostics_.Add(where, fmt::format("language `{}` twice", codes[i]),
                         "expected each once: a mean does not count it twice");
      }
    }
    if (codes.empty() && node->IsArray()) {
      diagnostics_.Add(node->position, fmt::format("`{}.languages` is []", path),
                       "expected at least one language");
    }
    return codes;
  }

  void CheckReference(const Series& series, const Node& row) {
    if (context_.reference == nullptr || series.companion || series.id.empty()) return;
    const ReferenceSeries* found = context_.reference->FindSeries(series.id);
    if (found == nullptr) {
      std::vector<std::string> ids;
      for (const ReferenceSeries& known : context_.reference->series) ids.push_back(known.id);
      diagnostics_.Add(
          At(row, "id"),
          fmt::format("series `{}` is not in {} of the paper", series.id, experiment_.item),
          fmt::format("expected {}, or `companion = true`{}", OneOfText(ids),
                      DidYouMean(series.id, ids)));
    } else if (!series.metric.empty() && found->metric != series.metric) {
      diagnostics_.Add(At(row, "metric"),
                       fmt::format("series `{}` has metric `{}`", series.id, series.metric),
                       fmt::format("expected the paper's, `{}`", found->metric));
    }
  }

  void ReadClaims() {
    std::set<std::string> seen;
    const auto rows = Rows(half_.claims, "claim");
    std::vector<std::string> series;
    for (const Series& known : experiment_.series) series.push_back(known.id);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Node& node = *rows[i];
      const std::string path = fmt::format("claim[{}]", i);
      const auto row = ReadRow<ClaimRow>(node, path, "id");
      const Claim& claim = row.claim;
      CheckUnique(seen, claim.id, node, "id", "claims");
      if (node.Get("series") == nullptr) {
        Missing(node.position, path + ".series", "expected the id of a [[series]]");
      } else if (!claim.series.empty() && !Contains(series, claim.series)) {
        diagnostics_.Add(At(node, "series"), fmt::format("no series `{}`", claim.series),
                         "expected " + OneOfText(series) + DidYouMean(claim.series, series));
      }
      if (node.Get("rule") == nullptr) {
        Missing(node.position, path + ".rule",
                "expected `falls-at-every-step`, `rises-then-falls` or `level-then-falls`");
      }
      CheckOfPoints(claim, node);
      CheckPeak(claim, node, path);
      CheckMargin(claim, node, path);
      experiment_.claims.push_back(claim);
    }
  }

  void CheckOfPoints(const Claim& claim, const Node& node) {
    for (const Series& series : experiment_.series) {
      if (series.id != claim.series || !series.by_language) continue;
      diagnostics_.Add(At(node, "series"), fmt::format("claim about `{}`, by language", series.id),
                       "expected a series over the points of the sweep: rules are about its steps");
    }
  }

  void CheckPeak(const Claim& claim, const Node& node, const std::string& path) {
    const bool turns = claim.rule == "rises-then-falls" || claim.rule == "level-then-falls";
    const bool has_peak = node.Get("peak") != nullptr;
    if (turns && !has_peak) {
      Missing(node.position, path + ".peak",
              fmt::format("expected the sweep value where `{}` turns", claim.rule));
    } else if (claim.rule == "falls-at-every-step" && has_peak) {
      diagnostics_.Add(At(node, "peak"), fmt::format("`{}.peak` with rule `{}`", path, claim.rule),
                       "expected no peak: the rule has none");
    } else if (!claim.peak.empty() && !Contains(known_values_, claim.peak)) {
      diagnostics_.Add(At(node, "peak"), fmt::format("`{}.peak` is `{}`", path, claim.peak),
                       fmt::format("expected a value of the sweep: {}{}", OneOfText(known_values_),
                                   DidYouMean(claim.peak, known_values_)));
    }
  }

  void CheckMargin(const Claim& claim, const Node& node, const std::string& path) {
    if (claim.rule == "level-then-falls" && claim.margin <= 0) {
      diagnostics_.Add(At(node, "margin"), fmt::format("`{}` has no margin", path),
                       "expected `margin` (points) within which two values count as level");
    }
    if (claim.margin > 0 && claim.margin_source.empty()) {
      Missing(At(node, "margin"), path + ".margin_source",
              "expected where the margin comes from: it is fixed before a run");
    }
  }

  void ReadAssumptions() {
    std::set<std::string> seen;
    const auto rows = Rows(half_.assumptions, "assumption");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Node& node = *rows[i];
      const std::string path = fmt::format("assumption[{}]", i);
      auto row = ReadRow<AssumptionRow>(node, path, "key");
      Assumption& assumption = row.assumption;
      CheckUnique(seen, assumption.key, node, "key", "assumptions");
      if (assumption.source.empty()) {
        Missing(node.position, path + ".source", "expected where the value comes from");
      }
      if (row.value == nullptr) {
        Missing(node.position, path + ".value", "expected the value that is assumed");
      } else {
        assumption.value = row.value->ToJson();
        if (!assumption.key.empty()) CheckAssumption(assumption.key, *row.value, node);
      }
      if (row.alternatives != nullptr) ReadAlternatives(*row.alternatives, path, assumption);
      experiment_.assumptions.push_back(std::move(assumption));
    }
  }

  void ReadAlternatives(const Node& node, const std::string& path, Assumption& assumption) {
    const auto* array = node.As<Node::Array>();
    if (array == nullptr) {
      diagnostics_.Add(node.position, fmt::format("`{}.alternatives` is {}", path, node.TypeName()),
                       "expected an array of values");
      return;
    }
    for (const Node& value : *array) assumption.alternatives.push_back(value.ToJson());
  }

  /// What an assumption's key names: "series.<id>.<field>", "languages.<path in languages.toml>",
  /// or a key of the manifest's base level.
  const Node* FindAssumed(const std::string& key) const {
    const std::vector<std::string> parts = SplitPath(key);
    if (parts.size() == 3 && parts[0] == "series") {
      const Node* rows = context_.base.Find("series");
      const auto* array = rows == nullptr ? nullptr : rows->As<Node::Array>();
      if (array == nullptr) return nullptr;
      for (const Node& row : *array) {
        const Node* id = row.Get("id");
        const auto* name = id == nullptr ? nullptr : id->As<std::string>();
        if (name != nullptr && *name == parts[1]) return row.Get(parts[2]);
      }
      return nullptr;
    }
    constexpr std::string_view kLanguages = "languages.";
    if (key.starts_with(kLanguages)) {
      return context_.languages.document.Find(std::string_view(key).substr(kLanguages.size()));
    }
    return context_.base.Find(key);
  }

  void CheckAssumption(const std::string& key, const Node& value, const Node& row) {
    const Node* assumed = FindAssumed(key);
    if (assumed == nullptr) {
      std::vector<std::string> candidates;
      for (const auto& [path, leaf] : Leaves(context_.base.root())) candidates.push_back(path);
      diagnostics_.Add(
          At(row, "key"), fmt::format("assumption about `{}`", key),
          "expected a key that the manifest's base level states" + DidYouMean(key, candidates));
    } else if (!assumed->SameValue(value)) {
      diagnostics_.Add(value.position,
                       fmt::format("assumption `{}` = {} contradicts {} at {}", key, value.ToText(),
                                   assumed->ToText(), assumed->position.ToString()),
                       "expected the same value in both places");
    }
  }

  void ReadControls() {
    experiment_.controls = half_.controls.controls;
    CheckControls("controls.null_world", experiment_.controls.null_world);
    CheckControls("controls.no_pretraining", experiment_.controls.no_pretraining);
    CheckOnce("controls.seeds", experiment_.controls.seeds, "seed");
    const bool any =
        !experiment_.controls.null_world.empty() || !experiment_.controls.no_pretraining.empty();
    if (any && experiment_.controls.seeds.empty()) {
      diagnostics_.Add(manifest_.PositionOf("controls.seeds"), "`controls.seeds` is []",
                       "expected at least one seed: without one no control is run");
    }
  }

  void CheckControls(const std::string& key, const std::vector<std::string>& values) {
    const Node* node = manifest_.Find(key);
    const auto* array = node == nullptr ? nullptr : node->As<Node::Array>();
    if (array == nullptr) return;  // none, or reported already
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (Contains(known_values_, values[i])) continue;
      diagnostics_.Add((*array)[i].position, fmt::format("`{}` names `{}`", key, values[i]),
                       fmt::format("expected values of the sweep: {}{}", OneOfText(known_values_),
                                   DidYouMean(values[i], known_values_)));
    }
    CheckOnce(key, values, "value");
  }

  void ReadMonolingual() {
    if (manifest_.Find("monolingual") == nullptr) return;
    MonolingualSettings& alone = experiment_.monolingual;
    alone = half_.monolingual.monolingual;
    if (manifest_.Find("monolingual.metric") == nullptr) {
      Missing(manifest_.PositionOf("monolingual"), "monolingual.metric",
              "expected a measure of text, e.g. \"pseudo_bits.per_character\"");
    }
    CheckOnce("monolingual.seeds", alone.seeds, "seed");
    if (alone.seeds.empty()) {
      diagnostics_.Add(manifest_.PositionOf("monolingual.seeds"), "`monolingual.seeds` is []",
                       "expected at least one seed");
    }
    const Node* amounts = half_.monolingual.max_bytes;
    if (amounts == nullptr || !amounts->IsTable()) {
      diagnostics_.Add(amounts == nullptr ? manifest_.PositionOf("monolingual") : amounts->position,
                       "`monolingual.max_bytes` has no languages",
                       "expected bytes of text by language, e.g. { sw = [500_000, 4_000_000] }");
      return;
    }
    for (const auto& [key, node] : *amounts->As<Node::Table>()) {
      const std::string code = key;
      const std::string path = "monolingual.max_bytes." + code;
      const bool held =
          std::any_of(experiment_.points.begin(), experiment_.points.end(),
                      [&](const Point& point) { return Contains(point.languages, code); });
      if (!held) {
        diagnostics_.Add(node.key_position, fmt::format("no point holds `{}`", code),
                         "expected a language of the sweep: it is to be read off the curve");
      }
      auto& bytes = alone.max_bytes[code];
      ReadValue(node, path, AtLeast(1), diagnostics_, bytes);
      const bool rising =
          std::adjacent_find(bytes.begin(), bytes.end(), std::greater_equal<>()) == bytes.end();
      if (node.IsArray() && (bytes.size() < 2 || !rising)) {
        diagnostics_.Add(node.position, fmt::format("`{}` is {}", path, node.ToText()),
                         "expected two amounts or more, rising: they make a curve");
      }
    }
  }

  /// Series that do not exist in this world go, and the claims about them.
  void LeaveOutOtherWorlds() {
    std::set<std::string> gone;
    std::erase_if(experiment_.series, [&](const Series& series) {
      const bool here = series.worlds.empty() || Contains(series.worlds, experiment_.world);
      if (!here) gone.insert(series.id);
      return !here;
    });
    std::erase_if(experiment_.claims,
                  [&](const Claim& claim) { return gone.contains(claim.series); });
  }

  void CollectLanguages() {
    const auto add = [&](const std::string& code) {
      const auto found = context_.languages.languages.find(code);
      if (found != context_.languages.languages.end()) experiment_.languages.insert(*found);
    };
    for (const Point& point : experiment_.points) {
      for (const std::string& code : point.languages) add(code);
    }
    for (const Series& series : experiment_.series) {
      for (const std::string& code : series.languages) add(code);
    }
    for (const auto& [code, language] : context_.languages.languages) {
      experiment_.row_names[language.row.empty() ? code : language.row] = language.name;
    }
  }

  const Document& manifest_;
  const ReadContext& context_;
  Diagnostics& diagnostics_;
  GenericHalf half_;
  Experiment experiment_;
  std::map<std::string, std::vector<std::string>> sweep_values_;
  std::vector<std::string> known_values_;  // of the sweep, the base level's included
};

}  // namespace

ReadOutcome ReadExperiment(const Document& manifest, const ReadContext& context,
                           Diagnostics& diagnostics) {
  return Reader(manifest, context, diagnostics).Read();
}

}  // namespace repro
