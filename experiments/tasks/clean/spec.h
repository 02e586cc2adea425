#pragma once
/// `clean`: a corpus of real text, from its files to the documents of each language. Inputs:
/// "evaluation" (`evaluation_text`), where that is kept out, and "line_model.LANGUAGE"
/// (`line_model`), where those are trained for stage "perplexity". Artifact:
/// LANGUAGE/BUCKET-00000.jsonl.zst (a document a line), funnel.json, rejects.json, notes.json, and
/// cutoffs.csv where documents have perplexities (docs/formats.md).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/tasks/source_files.h"

namespace repro {

/// In CC-Net's order.
inline const std::vector<std::string>& CleanStageNames() {
  static const std::vector<std::string> kNames = {"length", "repeated", "evaluation", "language",
                                                  "perplexity"};
  return kNames;
}

/// Parts of data sets that are models, and the role of those that a task trained: with the language
/// behind it.
inline constexpr std::string_view kLanguageModelPart = "model";
inline constexpr std::string_view kLineModelPart = "ngrams";
inline constexpr std::string_view kCutoffsPart = "cutoffs";
inline constexpr std::string_view kLineModelRole = "line_model.";

/// `[clean]` of a manifest.
struct CleanSettings {
  /// In CC-Net's order (experiments/corpus/clean/stages.h); any may be left out.
  std::vector<std::string> stages = {"repeated", "evaluation", "language"};
  std::int64_t min_characters = 300;  ///< of stage "length"
  bool keep_first = false;            ///< of repeated lines; CC-Net keeps none
  double language_threshold = 0.5;
  bool check_named_language = false;      ///< also where the source names it
  std::string language_model = "lid176";  ///< a data set
  /// Of stage "perplexity": a data set of language models by CC-Net's names, or one of text, from
  /// which they are trained.
  std::string line_models;
  std::string line_model_text;
  std::int64_t line_model_pieces = 65'536;
  bool evaluation_letters = false;  ///< test sets are kept out by letters and digits alone
  bool strict = false;              ///< the first thing wrong with the input is an error

  template <class V>
  void Visit(V& v) {
    v("stages", stages, OneOf(CleanStageNames()));
    v("min_characters", min_characters, AtLeast(1));
    v("keep_first", keep_first);
    v("language_threshold", language_threshold, Range(0, 1));
    v("check_named_language", check_named_language);
    v("language_model", language_model);
    v("line_models", line_models);
    v("line_model_text", line_model_text);
    v("line_model_pieces", line_model_pieces, Range(100, 1'000'000));
    v("evaluation_letters", evaluation_letters, AddedLater());
    v("strict", strict);
  }
};

inline constexpr int kCleanVersion = 1;

struct CleanSpec {
  SourceFilesSpec files{};
  SourceFilesSpec models{};  ///< what stages ask for: the parts above
  CleanSettings settings;

  template <class V>
  void Visit(V& v) {
    v("files", files);
    v("models", models);
    v("settings", settings);
  }
};

}  // namespace repro
