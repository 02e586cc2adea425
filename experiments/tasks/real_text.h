#pragma once
/// Real text in a task graph: data sets that are at hand become the files of tasks.
///
/// A data set lies in WORKSPACE/data/ID, where `repro data fetch` puts it, or where its manifest
/// says. Its files are hashed when a graph is made, each once (FileHashes).

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/graph/task.h"
#include "core/io/file_hashes.h"
#include "experiments/datasets/dataset_files.h"
#include "experiments/datasets/known_files.h"
#include "experiments/tasks/settings.h"

namespace repro {

/// What `corpus.source` says for real text: "dataset:ID", ID that of a data set or the path of a
/// manifest (*.toml).
inline constexpr std::string_view kDatasetPrefix = "dataset:";
/// The same, and its English is recoded into the languages en-c01, en-c02, ... (corpus/coded).
inline constexpr std::string_view kCodedPrefix = "coded:";

/// Of an `evaluation_text` task's info: test sets that are not at hand, and parts of them.
inline constexpr const char* kNotKeptOut = "not_kept_out";

/// Whether a source is real text by one of the two, and the name behind the prefix.
bool IsCodedSource(std::string_view source);
bool IsRealText(std::string_view source);
std::string_view DatasetOf(std::string_view source);

/// Which files of a data set.
struct FileFilter {
  std::vector<std::string> parts{};      ///< by name; empty: all
  std::vector<std::string> languages{};  ///< of the text; empty: all. A file that does not say its
                                         ///< language passes where its part may hold one of them.
  std::string code{};                    ///< DatasetFileAt::code; empty: any

  bool Wants(const DatasetPart& part) const;
  bool Wants(const DatasetFileAt& file) const;
};

class RealText {
 public:
  /// `manifests`: the folder of the data sets' manifests. `base`: of the experiment's, to which the
  /// path of another manifest is relative.
  RealText(const std::filesystem::path& workspace, std::filesystem::path manifests,
           std::filesystem::path base);
  /// Keeps the hashes that were learnt.
  ~RealText();
  RealText(const RealText&) = delete;
  RealText& operator=(const RealText&) = delete;

  /// A data set, a mixture's parts too. Errors: as FindDataset.
  Status Check(std::string_view dataset);

  /// Whether a data set is of a kind (empty: any), and has parts of these names that may hold text
  /// of a language (empty: any). Errors: kInvalidArgument, as FindDataset.
  struct Wanted {
    std::string_view kind{};
    std::vector<std::string> parts{};
    std::string language{};
  };
  Status CheckParts(std::string_view dataset, const Wanted& wanted);
  /// Whether language models can be trained on a data set: text, and no mixture. Errors: as above.
  Status CheckLineModelText(std::string_view dataset);
  /// Whether anything of a data set can be kept out of the text. Errors: as above.
  Status CheckEvaluation(std::string_view dataset);
  /// The lines, or their letters, of all data sets for evaluation that are at hand, of the
  /// experiment's own, and of those that `dataset`, the corpus, takes. `info` names sets and parts
  /// that are not at hand (kNotKeptOut); a set of `settings.evaluation` of which nothing is makes
  /// the task an unresolved one.
  Result<Task> EvaluationText(const TestsetsSettings& settings, std::string_view dataset,
                              bool letters);
  /// Language models that stage "perplexity" wants trained, by language. Where nothing of their
  /// text is at hand, one unresolved task without a language says so. Errors: kInvalidArgument
  /// where no file of the text says its language; kIo.
  Result<std::map<std::string, Task>> LineModels(const CleanSettings& settings);
  /// Every file of a data set. `inputs`: keys of the tasks above, by role. A part that is not at
  /// hand makes the task an unresolved one. Errors: kIo.
  Result<Task> Clean(std::string_view dataset, const CleanSection& settings,
                     std::map<std::string, std::string> inputs);
  /// Of one language of the files. What `tasks` need and is not at hand in any language makes the
  /// task an unresolved one; what there is in others alone is left out. Errors: kIo, as
  /// FindDataset.
  struct LanguageTestsets {
    Task task;
    bool xnli = false;  ///< has dev and test
    bool tags = false;
    bool parallel = false;
  };
  Result<LanguageTestsets> Testsets(const TestsetsSettings& settings,
                                    const BenchmarkSettings& sizes,
                                    const std::vector<std::string>& tasks,
                                    const std::string& language,
                                    const std::string& source_language);

  /// Sets of which only names and digests are known, of those that were asked for so far.
  std::vector<std::string> AbsentSets() const;
  /// What a person should know of the files, a sentence each.
  const std::set<std::string>& notes() const { return notes_; }

 private:
  Result<const DatasetManifest*> Find(std::string_view name);
  /// A set's files, or their names alone where none is at hand and imported results named them.
  struct Place {
    FolderListing listing;
    bool absent = false;
  };
  Result<const Place*> PlaceOf(const DatasetManifest& manifest);
  std::int64_t TotalBytes(const SourceFilesSpec& files, const Task& task) const;
  /// Files of the parts and languages that `wanted` takes. `required`: a part of which nothing is
  /// at hand makes the task an unresolved one.
  Status AddFiles(const DatasetManifest& manifest, const FileFilter& wanted, bool required,
                  SourceFilesSpec& files, Task& task);

  std::filesystem::path workspace_;
  std::filesystem::path manifests_;
  std::filesystem::path base_;
  FileHashes hashes_;
  std::map<std::string, DatasetManifest, std::less<>> known_;
  std::map<std::filesystem::path, FolderListing> listings_;  // each folder is walked once
  std::map<std::pair<std::string, std::filesystem::path>, Place> places_;  // by set and folder
  std::optional<KnownFiles> known_files_;
  std::set<std::string> notes_;
};

}  // namespace repro
