#include "core/manifest/sweep.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/manifest/section_reader.h"

namespace repro {
namespace {

constexpr std::string_view kIdCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+";
constexpr std::size_t kMostPoints = 10'000;
constexpr std::string_view kBudgets[] = {"same-updates", "same-tokens-per-language"};

/// What a point's value is called: a string itself, a list of codes "en+sw", a number its digits.
std::string ValueName(const Node& value) {
  if (const auto* text = value.As<std::string>()) return *text;
  if (const auto* array = value.As<Node::Array>()) {
    std::string name;
    for (const Node& child : *array) name += (name.empty() ? "" : "+") + ValueName(child);
    return name;
  }
  const auto* number = value.As<double>();
  return number != nullptr ? fmt::format("{}", *number) : value.ToText();
}

class SweepReader {
 public:
  SweepReader(const Document& manifest, const LanguageTable& languages,
              std::string_view source_language, Diagnostics& diagnostics)
      : manifest_(manifest),
        languages_(languages),
        source_language_(source_language),
        diagnostics_(diagnostics),
        sections_(SectionsOf(manifest)) {}

  Sweep Read() {
    const Node* table = manifest_.Find("sweep");
    const Node* rows = manifest_.Find("run");
    if (table != nullptr) ReadTable(*table);
    if (rows != nullptr) ReadRows(*rows);
    if (table == nullptr && rows == nullptr) ReadSinglePoint();
    return std::move(sweep_);
  }

 private:
  struct Axis {
    std::string key;
    std::vector<Node> values;
  };

  /// The point under construction, from the base level's sections and languages.
  struct Draft {
    Point point;
    Document config;
    SourcePosition languages;  // where its languages were written
    bool good = true;
  };

  void ReadTable(const Node& table) {
    if (!table.IsTable()) {
      diagnostics_.Add(table.position, fmt::format("`sweep` is {}", table.TypeName()),
                       "expected a table of keys with their values");
      return;
    }
    std::vector<Axis> axes;
    for (const auto& [key, node] : Leaves(table)) {
      if (!CheckSweepable(key, *node, "sweep.")) continue;
      const auto* values = node->As<Node::Array>();
      if (values == nullptr || values->empty()) {
        diagnostics_.Add(node->position, fmt::format("`sweep.{}` is {}", key, node->ToText()),
                         "expected an array with at least one value");
        continue;
      }
      Axis axis{.key = key, .values = {}};
      auto& names = sweep_.values[key];
      for (const Node& value : *values) {
        const std::string name = ValueName(value);
        if (std::find(names.begin(), names.end(), name) != names.end()) {
          diagnostics_.Add(value.position, fmt::format("`sweep.{}` holds `{}` twice", key, name),
                           "expected each value once");
          continue;
        }
        names.push_back(name);
        axis.values.push_back(value);
        axis.values.back().key_position = node->key_position;
      }
      sweep_.keys.push_back(key);
      axes.push_back(std::move(axis));
    }
    if (axes.empty() || !CheckProduct(axes, table)) return;
    const Node* swept = table.Get("languages");
    languages_reported_ = swept != nullptr && !sweep_.values.contains("languages");
    std::vector<std::size_t> index(axes.size(), 0);
    bool more = true;
    while (more) {
      AddProductPoint(axes, index);
      more = false;
      for (std::size_t i = axes.size(); i-- > 0 && !more;) {
        more = ++index[i] < axes[i].values.size();
        if (!more) index[i] = 0;
      }
    }
  }

  /// Reports a product that nobody can have meant, and a `--set` that the sweep would override.
  bool CheckProduct(const std::vector<Axis>& axes, const Node& table) {
    std::size_t points = 1;
    for (const Axis& axis : axes) {
      points = std::min(points * axis.values.size(), kMostPoints + 1);
      const Node* stated = manifest_.Find(axis.key);
      if (stated == nullptr || !stated->position.file || stated->position.line != 0) continue;
      diagnostics_.Add(stated->position,
                       fmt::format("`{}` is swept, so this value would never be used", axis.key),
                       fmt::format("expected `--set sweep.{}=[...]`", axis.key));
    }
    if (points <= kMostPoints) return true;
    diagnostics_.Add(table.position, fmt::format("`sweep` makes more than {} points", kMostPoints),
                     "expected fewer values: their product is what is run");
    return false;
  }

  void AddProductPoint(const std::vector<Axis>& axes, const std::vector<std::size_t>& index) {
    Draft draft = NewDraft();
    std::string rest;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const Node& value = axes[i].values[index[i]];
      Apply(axes[i].key, value, draft);
      if (axes[i].key == "languages") {
        draft.point.id = ValueName(value);
      } else if (axes[i].values.size() > 1) {
        rest.append("/").append(ValueName(value));
      }
    }
    draft.point.id += rest;
    if (draft.point.id.starts_with('/')) draft.point.id.erase(0, 1);
    if (draft.point.id.empty()) draft.point.id = ValueName(axes.front().values.front());
    Finish(std::move(draft), axes.front().values.front().position);
  }

  void ReadRows(const Node& rows) {
    const auto* array = rows.As<Node::Array>();
    if (array == nullptr) {
      diagnostics_.Add(rows.position, fmt::format("`run` is {}", rows.TypeName()),
                       "expected [[run]] tables");
      return;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      const Node& row = (*array)[i];
      const Node* id = row.Get("id");
      const auto* name = id == nullptr ? nullptr : id->As<std::string>();
      if (name == nullptr || name->empty() ||
          name->find_first_not_of(kIdCharacters) != name->npos) {
        diagnostics_.Add(row.position, fmt::format("`run[{}]` has no good `id`", i),
                         "expected a short name of letters, digits and `-_.+`");
        continue;
      }
      Draft draft = NewDraft();
      draft.point.id = *name;
      for (const auto& [key, value] : Leaves(row)) {
        if (key == "id" || !CheckSweepable(key, *value, fmt::format("run[{}].", i))) continue;
        Apply(key, *value, draft);
        auto& names = sweep_.values[key];
        const std::string value_name = ValueName(*value);
        if (std::find(names.begin(), names.end(), value_name) == names.end()) {
          names.push_back(value_name);
        }
        if (std::find(sweep_.keys.begin(), sweep_.keys.end(), key) == sweep_.keys.end()) {
          sweep_.keys.push_back(key);
        }
      }
      std::sort(sweep_.keys.begin(), sweep_.keys.end());
      Finish(std::move(draft), row.position);
    }
  }

  void ReadSinglePoint() {
    Draft draft = NewDraft();
    const Node* languages = manifest_.Find("languages");
    if (languages == nullptr) {
      diagnostics_.Add(manifest_.root().position, "no `languages`, no [sweep] and no [[run]]",
                       "expected one of them to say what is run");
      return;
    }
    draft.point.id = ValueName(*languages);
    Finish(std::move(draft), languages->position);
  }

  /// `languages`, `budget` or a key inside a section; everything else is no knob of a run.
  bool CheckSweepable(const std::string& key, const Node& node, std::string_view prefix) {
    if (key == "languages" || key == "budget") return true;
    const std::string first = key.substr(0, key.find('.'));
    const auto& reserved = ManifestKeys();
    const bool generic = std::find(reserved.begin(), reserved.end(), first) != reserved.end();
    if (!generic && first != key) return true;  // whether the section has it is checked with it
    std::vector<std::string> candidates = {"languages", "budget"};
    for (const auto& [path, leaf] : Leaves(sections_.root())) candidates.push_back(path);
    diagnostics_.Add(node.key_position, fmt::format("`{}{}` cannot be swept", prefix, key),
                     "expected `languages`, `budget` or a key of a section such as `vocab.size`" +
                         DidYouMean(key, candidates));
    return false;
  }

  Draft NewDraft() {
    Draft draft;
    draft.config = sections_;
    if (const Node* languages = manifest_.Find("languages")) SetLanguages(*languages, draft);
    return draft;
  }

  void Apply(const std::string& key, const Node& value, Draft& draft) {
    draft.point.sweep[key] = ValueName(value);
    if (key == "languages") {
      SetLanguages(value, draft);
    } else if (key == "budget") {
      CheckBudget(value);
    } else {
      const Status set = draft.config.Set(key, value);
      if (!set) {
        diagnostics_.Add(value.position, fmt::format("`{}` cannot be swept", key),
                         "expected a key of a section; " + set.error().message);
      }
    }
  }

  void CheckBudget(const Node& value) {
    const auto* text = value.As<std::string>();
    const bool known = text != nullptr && std::find(std::begin(kBudgets), std::end(kBudgets),
                                                    *text) != std::end(kBudgets);
    if (known) return;
    const std::vector<std::string> budgets(std::begin(kBudgets), std::end(kBudgets));
    diagnostics_.Add(value.position, fmt::format("`budget` is {}", value.ToText()),
                     "expected " + OneOfText(budgets) +
                         (text == nullptr ? std::string() : DidYouMean(*text, budgets)));
  }

  void SetLanguages(const Node& value, Draft& draft) {
    draft.point.languages.clear();
    draft.languages = value.position;
    if (const auto* name = value.As<std::string>()) {
      const LanguageSet* set = languages_.FindSet(*name);
      if (set == nullptr) {
        diagnostics_.Add(value.position, fmt::format("unknown language set `{}`", *name),
                         languages_.ExpectedSet(*name));
        draft.good = false;
        return;
      }
      draft.point.languages = set->codes;
      return;
    }
    const auto* array = value.As<Node::Array>();
    if (array == nullptr || array->empty()) {
      diagnostics_.Add(value.position, fmt::format("`languages` is {}", value.ToText()),
                       "expected the name of a set of languages.toml, or a list of codes");
      draft.good = false;
      return;
    }
    for (const Node& child : *array) AddLanguage(child, draft);
  }

  void AddLanguage(const Node& node, Draft& draft) {
    const auto* code = node.As<std::string>();
    if (code == nullptr || !languages_.languages.contains(*code)) {
      diagnostics_.Add(node.position, fmt::format("unknown language {}", node.ToText()),
                       "expected a code of languages.toml, e.g. \"sw\"");
      draft.good = false;
      return;
    }
    auto& codes = draft.point.languages;
    if (std::find(codes.begin(), codes.end(), *code) != codes.end()) {
      diagnostics_.Add(node.position, fmt::format("language `{}` twice", *code),
                       "expected each language once");
      draft.good = false;
      return;
    }
    codes.push_back(*code);
  }

  void Finish(Draft draft, const SourcePosition& where) {
    const auto& codes = draft.point.languages;
    if (codes.empty() && languages_reported_) draft.good = false;
    if (draft.good && codes.empty()) {
      diagnostics_.Add(where, fmt::format("point `{}` has no languages", draft.point.id),
                       "expected `languages` in [sweep], in the [[run]] row or at the top");
    } else if (draft.good && !source_language_.empty() &&
               std::find(codes.begin(), codes.end(), source_language_) == codes.end()) {
      diagnostics_.Add(
          draft.languages,
          fmt::format("point `{}` does not hold the source language `{}`", draft.point.id,
                      source_language_),
          "expected every language set to hold it, since fine-tuning reads its training data");
    }
    draft.point.config = std::make_shared<const Document>(std::move(draft.config));
    if (draft.good && !ids_.insert(draft.point.id).second) {
      diagnostics_.Add(where, fmt::format("two points are called `{}`", draft.point.id),
                       "expected a name of its own for each");
    }
    sweep_.points.push_back(std::move(draft.point));
  }

  const Document& manifest_;
  const LanguageTable& languages_;
  const std::string source_language_;
  Diagnostics& diagnostics_;
  Document sections_;  // the manifest without the generic keys
  Sweep sweep_;
  std::set<std::string> ids_;        // of the points
  bool languages_reported_ = false;  // [sweep] has `languages`, but they are wrong
};

}  // namespace

Document SectionsOf(const Document& manifest) {
  Document sections = manifest;
  for (const std::string& key : ManifestKeys()) sections.Erase(key);
  return sections;
}

std::vector<std::string> Sweep::Names() const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Point& point : points) add(point.id);
  for (const auto& [key, list] : values) {
    for (const std::string& name : list) add(name);
  }
  return names;
}

Sweep ReadSweep(const Document& manifest, const LanguageTable& languages,
                std::string_view source_language, Diagnostics& diagnostics) {
  return SweepReader(manifest, languages, source_language, diagnostics).Read();
}

}  // namespace repro
