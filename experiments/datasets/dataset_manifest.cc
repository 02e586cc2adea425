#include "experiments/datasets/dataset_manifest.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "core/manifest/section_reader.h"
#include "experiments/datasets/language_code.h"

namespace repro {
namespace {

/// The file as it is written.
struct DatasetFile {
  std::int64_t schema = 0;
  DatasetManifest* manifest = nullptr;
  const Node* files = nullptr;
  const Node* parts = nullptr;
  const Node* takes = nullptr;

  template <class V>
  void Visit(V& v) {
    v("schema", schema, Range(1, 1));
    v("title", manifest->title);
    v("kind", manifest->kind,
      OneOf({"text", "parallel", "nli", "ner", "qa", "glue", "model", "mixture"}));
    v("use", manifest->use, OneOf({"pretraining", "training", "evaluation"}));
    v("homepage", manifest->homepage);
    v("licence", manifest->licence);
    v("licence_url", manifest->licence_url);
    v("citation", manifest->citation);
    v("how_to_get", manifest->how_to_get);
    v("folder", manifest->folder);
    v("file", files);
    v("part", parts);
    v("take", takes);
  }
};

constexpr std::array<std::string_view, 7> kCorpusLayouts = {"text", "markdown",  "jsonl",   "tsv",
                                                            "wet",  "wikipedia", "parallel"};

bool IsCorpus(std::string_view layout) {
  return std::find(kCorpusLayouts.begin(), kCorpusLayouts.end(), layout) != kCorpusLayouts.end();
}

class DatasetReader {
 public:
  DatasetReader(const Document& document, DatasetManifest& manifest)
      : document_(document), manifest_(manifest) {}

  Status Read() {
    DatasetFile file;
    file.manifest = &manifest_;
    SectionReader reader(document_.root(), "", diagnostics_);
    file.Visit(reader);
    reader.ReportUnknownKeys();
    const SourcePosition& top = document_.root().position;
    const Node& root = document_.root();
    if (root.Get("schema") == nullptr)
      diagnostics_.Add(top, "no `schema`", "expected `schema = 1`");
    Require(root, "title", manifest_.title);
    Require(root, "kind", manifest_.kind);
    Require(root, "use", manifest_.use);
    if (manifest_.kind != "mixture" && manifest_.folder.empty()) {
      Require(root, "licence", manifest_.licence);
    }
    ReadTables(file.files, "file", manifest_.files);
    ReadTables(file.parts, "part", manifest_.parts);
    ReadTables(file.takes, "take", manifest_.takes);
    CheckFiles(file.files);
    CheckParts(file.parts);
    for (std::size_t i = 0; i < manifest_.takes.size(); ++i) {
      Require(TableAt(*file.takes, i), "take.set", manifest_.takes[i].set);
    }
    const bool mixture = manifest_.kind == "mixture";
    if (mixture != !manifest_.takes.empty()) {
      diagnostics_.Add(
          document_.PositionOf("kind"),
          fmt::format("`kind` = \"{}\" with {} [[take]]", manifest_.kind, manifest_.takes.size()),
          "expected [[take]] in a mixture, and in nothing else");
    }
    if (!mixture && manifest_.parts.empty()) {
      diagnostics_.Add(top, "no [[part]]", "expected at least one, which says how files are read");
    }
    return diagnostics_.ToStatus();
  }

 private:
  /// `key` with the table's own name before it. What is written and was not taken is said already.
  void Require(const Node& table, std::string_view key, const std::string& value) {
    const Node* const written = table.Get(key.substr(key.rfind('.') + 1));
    const auto* const text = written == nullptr ? nullptr : written->As<std::string>();
    if (value.empty() && (written == nullptr || (text != nullptr && text->empty()))) {
      diagnostics_.Add(table.position, fmt::format("no `{}`", key), "expected it");
    }
  }

  template <class T>
  void ReadTables(const Node* node, const std::string& name, std::vector<T>& out) {
    if (node == nullptr) return;
    const auto* tables = node->As<Node::Array>();
    if (tables == nullptr) {
      diagnostics_.Add(node->position, fmt::format("`{}` is {}", name, node->TypeName()),
                       fmt::format("expected [[{}]] tables", name));
      return;
    }
    for (const Node& table : *tables) {
      if (!table.IsTable()) {
        diagnostics_.Add(table.position, fmt::format("`{}` holds {}", name, table.TypeName()),
                         fmt::format("expected [[{}]] tables", name));
        continue;
      }
      T read;
      SectionReader reader(table, name, diagnostics_);
      read.Visit(reader);
      reader.ReportUnknownKeys();
      read.where = table.position;
      out.push_back(std::move(read));
    }
  }

  /// The value of a key in one of the tables that were read, or the table where the key is absent.
  static const Node& TableAt(const Node& tables, std::size_t index) {
    const Node* table = nullptr;
    for (const Node& node : *tables.As<Node::Array>()) {
      if (node.IsTable() && index-- == 0) table = &node;
    }
    return *table;
  }

  static const SourcePosition& At(const Node& tables, std::size_t index, std::string_view key) {
    const Node& table = TableAt(tables, index);
    const Node* value = table.Get(key);
    return value == nullptr ? table.position : value->position;
  }

  void CheckRelative(const SourcePosition& where, std::string_view key, const std::string& path) {
    const std::filesystem::path parsed(path);
    const bool up = std::find(parsed.begin(), parsed.end(), "..") != parsed.end();
    if (!path.empty() && !parsed.is_absolute() && !up) return;
    diagnostics_.Add(where, fmt::format("`{}` = \"{}\"", key, path),
                     "expected a path below the data set's folder");
  }

  void CheckFiles(const Node* tables) {
    std::set<std::string> paths;
    for (std::size_t i = 0; i < manifest_.files.size(); ++i) {
      const PublishedFile& file = manifest_.files[i];
      CheckRelative(At(*tables, i, "path"), "file.path", file.path);
      if (!paths.insert(file.path).second) {
        diagnostics_.Add(At(*tables, i, "path"),
                         fmt::format("`file.path` = \"{}\" twice", file.path),
                         "expected each path once");
      }
      const std::string_view url = file.url;
      if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
        diagnostics_.Add(At(*tables, i, "url"), fmt::format("`file.url` = \"{}\"", url),
                         "expected https://...");
      }
      const std::string_view host = url.substr(std::min(url.find("//") + 2, url.size()));
      if (url.find("//") != std::string_view::npos &&
          host.substr(0, host.find('/')).find('@') != std::string_view::npos) {
        diagnostics_.Add(At(*tables, i, "url"), "`file.url` with a name or password",
                         "expected none: manifests are shared");
      }
      if (!file.sha256.empty() && !IsSha256Hex(file.sha256)) {
        diagnostics_.Add(At(*tables, i, "sha256"),
                         fmt::format("`file.sha256` = \"{}\"", file.sha256),
                         "expected 64 hex digits in lower case");
      }
      if (file.first_bytes > 0 && !file.unpack.empty()) {
        diagnostics_.Add(At(*tables, i, "unpack"), "`file.unpack` with `first_bytes`",
                         "expected a whole archive");
      }
    }
  }

  void CheckParts(const Node* tables) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < manifest_.parts.size(); ++i) {
      const DatasetPart& part = manifest_.parts[i];
      Require(TableAt(*tables, i), "part.name", part.name);
      Require(TableAt(*tables, i), "part.layout", part.layout);
      if (!names.insert(part.name).second) {
        diagnostics_.Add(At(*tables, i, "name"),
                         fmt::format("`part.name` = \"{}\" twice", part.name),
                         "expected each name once");
      }
      if (part.files.empty()) {
        diagnostics_.Add(At(*tables, i, "files"), "no `part.files`",
                         "expected paths, such as \"text/*.txt\"");
      }
      for (const std::string& pattern : part.files) {
        CheckRelative(At(*tables, i, "files"), "part.files", pattern);
      }
      for (const std::string& pattern : part.stand_in) {
        CheckRelative(At(*tables, i, "stand_in"), "part.stand_in", pattern);
      }
      if (part.stand_in.empty() != part.stand_in_note.empty()) {
        diagnostics_.Add(At(*tables, i, part.stand_in.empty() ? "stand_in_note" : "stand_in"),
                         "one of `part.stand_in` and `part.stand_in_note`",
                         "expected both: the note says what is missing or different");
      }
      const DatasetPart* const same = manifest_.FindPart(part.same_as);
      if (!part.same_as.empty() && (same == nullptr || same == &part || !same->same_as.empty())) {
        diagnostics_.Add(At(*tables, i, "same_as"),
                         fmt::format("`part.same_as` = \"{}\"", part.same_as),
                         "expected the name of another part, one without `same_as`");
      }
      if (part.encoding != "utf-8" && IsCorpus(part.layout)) {
        diagnostics_.Add(
            At(*tables, i, "encoding"),
            fmt::format("`part.encoding` = \"{}\" with `part.layout` = \"{}\"", part.encoding,
                        part.layout),
            "expected a corpus in UTF-8; `iconv -f latin1 -t utf-8` turns a file into it");
      }
      std::vector<std::string> codes = part.languages;
      if (!part.language.empty()) codes.push_back(part.language);
      for (const std::string& code : codes) {
        if (IsLanguageCode(code)) continue;
        diagnostics_.Add(At(*tables, i, code == part.language ? "language" : "languages"),
                         fmt::format("a language called \"{}\"", code),
                         "expected a code of letters, digits, `-` and `_`, such as \"en\"");
      }
      for (const std::string& alias : part.aliases) {
        const std::size_t equals = alias.find('=');
        if (equals != 0 && equals != std::string::npos && equals + 1 < alias.size()) continue;
        diagnostics_.Add(At(*tables, i, "aliases"),
                         fmt::format("`part.aliases` holds \"{}\"", alias),
                         "expected \"CODE IN PATHS=CODE OF LANGUAGES.TOML\"");
      }
    }
  }

  const Document& document_;
  DatasetManifest& manifest_;
  Diagnostics diagnostics_;
};

/// Of the data sets in a folder, sorted by id. Errors: kNotFound.
Result<std::vector<std::filesystem::path>> ManifestPaths(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") paths.push_back(entry.path());
  }
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", folder.string(), error.message());
  // With their ".toml", "mnli-slice" would stand before "mnli".
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return a.stem() < b.stem(); });
  return paths;
}

}  // namespace

const DatasetPart* DatasetManifest::FindPart(std::string_view name) const {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const DatasetPart& part) { return part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

const std::vector<std::string>& DatasetLayouts() {
  static const std::vector<std::string> kLayouts = {
      // a corpus
      "text", "markdown", "jsonl", "tsv", "wet", "wikipedia", "parallel",
      // examples (layouts/read_examples.h)
      "xnli", "xnli-translate-test", "xnli-mt", "xtreme-xnli", "myxnli-translated",
      "myxnli-original", "mnli", "snli", "sick", "nli", "conll", "wikineural", "panx", "masakhaner",
      "squad", "mlqa", "glue-cola", "glue-sst2", "glue-mrpc", "glue-stsb", "glue-qqp", "glue-qnli",
      "glue-rte", "glue-wnli",
      // neither
      "safetensors", "file"};
  return kLayouts;
}

Result<DatasetManifest> LoadDataset(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const Document document, Document::Load(path));
  DatasetManifest manifest;
  manifest.id = path.stem().string();
  manifest.path = path;
  REPRO_RETURN_IF_ERROR(DatasetReader(document, manifest).Read());
  return manifest;
}

Result<std::vector<DatasetManifest>> LoadDatasets(const std::filesystem::path& folder) {
  REPRO_ASSIGN_OR_RETURN(const auto paths, ManifestPaths(folder));
  std::vector<DatasetManifest> manifests;
  std::string problems;
  for (const auto& path : paths) {
    auto manifest = LoadDataset(path);
    if (manifest) {
      manifests.push_back(std::move(*manifest));
    } else {
      problems += (problems.empty() ? "" : "\n") + manifest.error().message;
    }
  }
  if (!problems.empty()) return Fail(ErrorCode::kInvalidArgument, "{}", problems);
  return manifests;
}

Result<DatasetManifest> FindDataset(const std::filesystem::path& folder, std::string_view name) {
  if (name.ends_with(".toml")) return LoadDataset(std::filesystem::path(name));
  const std::filesystem::path path = folder / (std::string(name) + ".toml");
  std::error_code error;
  if (std::filesystem::exists(path, error)) return LoadDataset(path);
  std::vector<std::string> known;
  if (const auto paths = ManifestPaths(folder)) {
    for (const auto& manifest : *paths) known.push_back(manifest.stem().string());
  }
  return Fail(ErrorCode::kNotFound, "no data set named `{}` in {}{}", name, folder.string(),
              DidYouMean(name, known));
}

}  // namespace repro
