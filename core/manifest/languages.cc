#include "core/manifest/languages.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/manifest/section_reader.h"

namespace repro {
namespace {

struct LanguageRow {
  Language language;
  std::string note;

  template <class V>
  void Visit(V& v) {
    v("name", language.name);
    v("tag", language.tag);
    v("script", language.script);
    v("family", language.family);
    v("branch", language.branch);
    v("wiki_gb", language.wiki_gb, Positive());
    v("cc_gb", language.cc_gb, Positive());
    v("row", language.row);
    v("note", note);
    v("coded", language.coded);
  }
};

struct SetRow {
  std::vector<std::string> languages;
  std::string status;
  std::string source;

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
    v("status", status, OneOf({"stated", "neighbour", "guess"}));
    v("source", source);
  }
};

struct SizeRule {
  double at_axis = 0, below_axis = 0;

  template <class V>
  void Visit(V& v) {
    v("wiki_gb_at_axis", at_axis, Positive());
    v("wiki_gb_below_axis", below_axis, Positive());
  }
};

struct Draws {
  std::int64_t seed = 0;
  std::string core, pool, chosen;
  std::vector<std::int64_t> sizes;
  std::vector<std::string> names;

  template <class V>
  void Visit(V& v) {
    v("seed", seed, AtLeast(0));
    v("core", core);
    v("pool", pool);
    v("sizes", sizes, AtLeast(1));
    v("names", names);
    v("default", chosen);
  }
};

struct LanguagesFile {
  std::int64_t schema = 0;
  SizeRule rule;
  Draws draws;
  const Node* languages = nullptr;
  const Node* sets = nullptr;

  template <class V>
  void Visit(V& v) {
    v("schema", schema, Range(1, 1));
    v("rule", rule);
    v("draws", draws);
    v("languages", languages);
    v("sets", sets);
  }
};

void ReadLanguages(const Node* node, LanguageTable& table, Diagnostics& diagnostics) {
  const auto* rows = node == nullptr ? nullptr : node->As<Node::Table>();
  if (rows == nullptr) {
    diagnostics.Add(table.document.root().position, "no [languages]",
                    "expected a table of languages by code");
    return;
  }
  for (const auto& [code, row_node] : *rows) {
    LanguageRow row;
    row.language.code = code;
    row.language.tag = code;
    SectionReader reader(row_node, "languages." + code, diagnostics);
    row.Visit(reader);
    reader.ReportUnknownKeys();
    const Language& language = row.language;
    if (language.name.empty() || language.script.empty() || language.family.empty() ||
        (language.wiki_gb <= 0 && language.cc_gb <= 0) != language.coded) {
      diagnostics.Add(row_node.position, fmt::format("`languages.{}` is incomplete", code),
                      "expected `name`, `script`, `family` and `wiki_gb` or `cc_gb`, or instead of "
                      "those `coded = true`");
    }
    table.languages.emplace(code, row.language);
  }
}

void ReadSets(const Node* node, LanguageTable& table, Diagnostics& diagnostics) {
  const auto* rows = node == nullptr ? nullptr : node->As<Node::Table>();
  if (rows == nullptr) {
    diagnostics.Add(table.document.root().position, "no [sets]", "expected named language sets");
    return;
  }
  for (const auto& [name, row_node] : *rows) {
    const std::string path = "sets." + name;
    SetRow row;
    SectionReader reader(row_node, path, diagnostics);
    row.Visit(reader);
    reader.ReportUnknownKeys();
    if (row.languages.empty() || row.status.empty() || row.source.empty()) {
      diagnostics.Add(row_node.position, fmt::format("`{}` is incomplete", path),
                      "expected `languages`, `status` and `source`");
    }
    std::set<std::string> seen;
    for (const std::string& code : row.languages) {
      const SourcePosition where = table.document.PositionOf(path + ".languages");
      if (!table.languages.contains(code)) {
        diagnostics.Add(where, fmt::format("`{}.languages` holds `{}`", path, code),
                        "expected codes of [languages]");
      }
      if (!seen.insert(code).second) {
        diagnostics.Add(where, fmt::format("`{}.languages` holds `{}` twice", path, code),
                        "expected each language once");
      }
    }
    table.sets[name] = {.name = name,
                        .codes = std::move(row.languages),
                        .status = std::move(row.status),
                        .source = std::move(row.source)};
  }
}

/// "wiki30" stands for the default draw, "wiki30-a".
void AddDefaultDraws(const Draws& draws, LanguageTable& table, Diagnostics& diagnostics) {
  for (const std::int64_t size : draws.sizes) {
    const std::string name = fmt::format("wiki{}", size);
    const auto drawn = table.sets.find(fmt::format("{}-{}", name, draws.chosen));
    if (drawn == table.sets.end()) {
      diagnostics.Add(table.document.PositionOf("draws.default"),
                      fmt::format("no set `{}-{}`", name, draws.chosen),
                      "expected `draws.default` to name a draw that [sets] holds in every size");
      continue;
    }
    LanguageSet alias = drawn->second;
    alias.name = name;
    table.sets[name] = std::move(alias);
  }
}

}  // namespace

const LanguageSet* LanguageTable::FindSet(std::string_view name) const {
  const auto found = sets.find(name);
  return found == sets.end() ? nullptr : &found->second;
}

std::string LanguageTable::ExpectedSet(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [known, set] : sets) names.push_back(known);
  const std::string near = DidYouMean(name, names);
  return near.empty() ? fmt::format("expected a list of codes, or a set of languages.toml: {}",
                                    OneOfText(names))
                      : "expected a list of codes, or a set of languages.toml" + near;
}

Result<LanguageTable> LoadLanguages(const std::filesystem::path& path) {
  LanguageTable table;
  REPRO_ASSIGN_OR_RETURN(table.document, Document::Load(path));
  Diagnostics diagnostics;
  LanguagesFile file;
  SectionReader reader(table.document.root(), "", diagnostics);
  file.Visit(reader);
  reader.ReportUnknownKeys();
  ReadLanguages(file.languages, table, diagnostics);
  ReadSets(file.sets, table, diagnostics);
  AddDefaultDraws(file.draws, table, diagnostics);
  REPRO_RETURN_IF_ERROR(diagnostics.ToStatus());
  return table;
}

}  // namespace repro
