#pragma once
/// `corpus_stats`: what the text of a point holds, and whether lines of test sets are among it. It
/// counts the text that the vocabulary is learnt from: with `corpus.max_tokens`, of which `encode`
/// takes the beginning, that is all of it, more than is trained on. Inputs: `corpus`, `subset` or
/// `coded` of each language (code); for real text `clean` ("clean") and both forms of
/// `evaluation_text` ("evaluation", "evaluation_letters"). Artifact: stats.json. Metrics:
/// corpus.{gib, gb, million_tokens, documents}, leaks.*, funnel.*, faults.* (docs/formats.md).
///
/// Tokens are words between white space, as in Table 6 of the paper, whose corpus's authors said so
/// by mail (results/reference/table6.toml): text without spaces looks small there, too.

#include <cstdint>
#include <string>
#include <vector>

namespace repro {

inline constexpr int kCorpusStatsVersion = 3;

inline constexpr const char* kCleanRole = "clean";
inline constexpr const char* kEvaluationRole = "evaluation";
inline constexpr const char* kEvaluationLettersRole = "evaluation_letters";

struct CorpusStatsSpec {
  std::vector<std::string> languages;  ///< sorted
  std::vector<std::string> stages{};   ///< of `clean`, in their order
  /// Of coded English, whose leaks are looked for in the documents before recoding; 0: no code.
  std::int64_t slices = 0;
  std::int64_t slice_seed = 0;
  std::vector<std::string> buckets{};  ///< that it takes of the documents

  template <class V>
  void Visit(V& v) {
    v("languages", languages);
    v("stages", stages);
    v("slices", slices);
    v("slice_seed", slice_seed);
    v("buckets", buckets);
  }
};

}  // namespace repro
