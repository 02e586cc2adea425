#pragma once
/// A data set as `manifests/datasets/ID.toml` describes it: what it is and may be used for, the
/// files that its publisher gives, and how what is in them is read. A text of one's own is
/// described the same way, in a file of one's own (docs/formats.md).

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/manifest/document.h"
#include "core/manifest/fields.h"

namespace repro {

/// The layout of a part that is no text.
inline constexpr std::string_view kFileLayout = "file";

/// The layouts that a part may have.
const std::vector<std::string>& DatasetLayouts();

/// `[[file]]`: what its publisher gives. Without `url` a person gets it (`how_to_get`): it must be
/// licensed, or is published nowhere as one file.
struct PublishedFile {
  std::string path{};            ///< below the data set's folder
  std::string url{};             ///< where it is fetched from
  std::int64_t bytes = 0;        ///< of all of it; 0: not known
  std::string sha256{};          ///< of what is fetched, 64 hex digits; empty: not known
  std::int64_t first_bytes = 0;  ///< above 0: only so much of it is fetched
  std::string unpack{};          ///< "zip" or "tar": an archive, unpacked where it lies
  SourcePosition where{};

  template <class V>
  void Visit(V& v) {
    v("path", path);
    v("url", url);
    v("bytes", bytes, AtLeast(1));
    v("sha256", sha256);
    v("first_bytes", first_bytes, AtLeast(1));
    v("unpack", unpack, OneOf({"zip", "tar"}));
  }
};

/// `[[part]]`: files of one layout.
///
/// A path may hold `*` (anything within one name), `**/` (any folders, or none) and `{language}`:
/// letters, digits, "_" and "-", a code that is the same wherever it stands. It matches packed
/// files too: for "a.tsv" also "a.tsv.gz", ".zst", ".bz2" and ".xz".
struct DatasetPart {
  std::string name{};                    ///< "text", "train", "dev", "test", ...
  std::string layout{};                  ///< one of `DatasetLayouts()`
  std::vector<std::string> files{};      ///< relative to the data set's folder
  std::vector<std::string> stand_in{};   ///< taken where none of `files` is there
  std::string stand_in_note{};           ///< what is missing or different then
  std::string language{};                ///< of all the text; empty: the paths say it
  std::vector<std::string> languages{};  ///< that there are; of what `{language}` finds, only these
  std::vector<std::string> aliases{};    ///< "swa=sw": what paths call a language of languages.toml
  std::string field{};                   ///< of text layouts: the column or JSON field of the text
  std::string id_field{};                ///< and of the content's id, the same in every language
  std::string content{};                 ///< whose ids these are: equal in parts that say the same
  std::string encoding = "utf-8";
  std::int64_t examples = 0;  ///< how many there are in all; 0: not known
  std::string same_as{};      ///< name of the part that holds the same examples in another layout
  SourcePosition where{};

  template <class V>
  void Visit(V& v) {
    v("name", name);
    v("layout", layout, OneOf(DatasetLayouts()));
    v("files", files);
    v("stand_in", stand_in);
    v("stand_in_note", stand_in_note);
    v("language", language);
    v("languages", languages);
    v("aliases", aliases);
    v("field", field);
    v("id_field", id_field);
    v("content", content);
    v("encoding", encoding, OneOf({"utf-8", "latin-1"}));
    v("examples", examples, AtLeast(1));
    v("same_as", same_as);
  }
};

/// `[[take]]` of a mixture: parts of another data set.
struct MixtureTake {
  std::string set{};                     ///< id of a data set
  std::vector<std::string> parts{};      ///< by name; empty: all
  std::vector<std::string> languages{};  ///< empty: all
  SourcePosition where{};

  template <class V>
  void Visit(V& v) {
    v("set", set);
    v("parts", parts);
    v("languages", languages);
  }
};

/// `use` of test sets.
inline constexpr std::string_view kUseEvaluation = "evaluation";

struct DatasetManifest {
  std::string id;     ///< the file's name
  std::string title;  ///< "XNLI 1.0"
  std::string kind;   ///< "text", "parallel", "nli", "ner", "qa", "glue", "model" or "mixture"
  /// "pretraining"; "training": labelled, to fine-tune on; or "evaluation": a test set, none of
  /// whose text (its training part's neither) may be in a pretraining corpus.
  std::string use;
  std::string homepage;
  std::string licence;  ///< as its publisher states it
  std::string licence_url;
  std::string citation;
  std::string how_to_get;  ///< what a person does to get it, where it cannot be fetched
  std::string folder;      ///< where the files lie already, absolute or relative to the manifest
  std::vector<PublishedFile> files;
  std::vector<DatasetPart> parts;
  std::vector<MixtureTake> takes;
  std::filesystem::path path;  ///< of the manifest

  const DatasetPart* FindPart(std::string_view name) const;
};

/// Errors: kNotFound, kIo, kInvalidArgument with all mistakes and their places.
Result<DatasetManifest> LoadDataset(const std::filesystem::path& path);

/// By name, from `folder`/NAME.toml, or by a path that ends in ".toml". Errors: as above; kNotFound
/// names the nearest.
Result<DatasetManifest> FindDataset(const std::filesystem::path& folder, std::string_view name);

/// All in a folder, sorted by id. Errors: as `LoadDataset`, of all files.
Result<std::vector<DatasetManifest>> LoadDatasets(const std::filesystem::path& folder);

}  // namespace repro
