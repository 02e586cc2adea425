#pragma once
/// `testsets`: the labelled and parallel data of one language out of the real test sets. No inputs,
/// but "types" for a coded language.
/// Artifact: that of `benchmark` without topic (experiments/tasks/benchmark/spec.h), each part
/// where there are files of it, and pairs.jsonl {"id", "text", "source_text"}: sentences beside
/// those of the source language, for retrieval alone.
///
/// Which examples are taken goes by their id, so it is the same content in every language. Where a
/// set has no test part, its dev part is cut in halves by id: one to select with, one to test.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/fields.h"
#include "experiments/tasks/benchmark/spec.h"
#include "experiments/tasks/coded/spec.h"
#include "experiments/tasks/source_files.h"

namespace repro {

/// `[testsets]` of a manifest: the data sets that the tasks take.
struct TestsetsSettings {
  std::string xnli = "xnli";                       ///< dev and test
  std::vector<std::string> xnli_train = {"mnli"};  ///< in the source language
  std::string tags = "panx";
  std::string parallel = "ntrex";
  std::string pairs = "tatoeba";
  /// Sets that nobody trains on a line of, beside those above. Empty: every one at hand, so that
  /// what is fetched later changes what the text is.
  std::vector<std::string> evaluation;

  template <class V>
  void Visit(V& v) {
    v("xnli", xnli);
    v("xnli_train", xnli_train);
    v("tags", tags);
    v("parallel", parallel);
    v("pairs", pairs);
    v("evaluation", evaluation);
  }
};

inline constexpr int kTestsetsVersion = 1;

struct TestsetsSpec {
  std::string language;  ///< of the files
  std::string source_language;
  /// Above 0: the files are English, and what is written is this coded language (input "types").
  std::int64_t coded_language = 0;
  CodedSection coded{};
  BenchmarkSettings sizes{};  ///< at most
  SourceFilesSpec xnli_train{};
  SourceFilesSpec xnli_dev{};
  SourceFilesSpec xnli_test{};
  SourceFilesSpec tags_train{};
  SourceFilesSpec tags_dev{};
  SourceFilesSpec tags_test{};
  SourceFilesSpec parallel{};
  SourceFilesSpec pairs{};         ///< the language's half
  SourceFilesSpec pairs_source{};  ///< the source language's, file by file

  template <class V>
  void Visit(V& v) {
    v("language", language);
    v("source_language", source_language);
    v("coded_language", coded_language);
    v("coded", coded);
    v("sizes", sizes);
    v("xnli_train", xnli_train);
    v("xnli_dev", xnli_dev);
    v("xnli_test", xnli_test);
    v("tags_train", tags_train);
    v("tags_dev", tags_dev);
    v("tags_test", tags_test);
    v("parallel", parallel);
    v("pairs", pairs);
    v("pairs_source", pairs_source);
  }
};

}  // namespace repro
