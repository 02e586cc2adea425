#pragma once
/// Reads the files of a `benchmark` artifact (their fields: experiments/tasks/benchmark/spec.h).
/// Whatever is wrong with a file is reported at once, a line each, as `file:line:column: what, what
/// was expected`, with a suggestion for a misspelt key or tag.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// One labelled sentence, pair of sentences, or tagged sentence.
struct LabelledExample {
  std::string id;
  std::string text;                ///< topic: the sentence; xnli: the premise
  std::string second;              ///< xnli: the hypothesis
  std::int64_t label = -1;         ///< xnli, topic
  std::vector<std::string> words;  ///< tags
  std::vector<std::int64_t> tags;  ///< one a word: index into the label names
};

struct ParallelSentence {
  std::string id;
  std::string text;
};

/// A labelled task and what its examples look like.
enum class LabelledTask { kPair, kSentence, kTags };
/// "xnli", "topic" or "tags". Errors: kInvalidArgument for any other name.
Result<LabelledTask> ParseLabelledTask(const std::string& name);

/// Label names of `task` in order of their ids, from labels.json. Errors: kNotFound, kCorrupt.
Result<std::vector<std::string>> ReadLabelNames(const std::filesystem::path& folder,
                                                const std::string& task);

/// <task>.<split>.jsonl of a benchmark folder. Errors: kNotFound, kIo, kCorrupt with all that is
/// wrong (the first 20 in words); kCorrupt when the file holds no example.
Result<std::vector<LabelledExample>> ReadLabelled(const std::filesystem::path& folder,
                                                  const std::string& task, const std::string& split,
                                                  const std::vector<std::string>& labels);

/// A sentence and its translation in the source language.
struct SentencePair {
  std::string id;
  std::string text;
  std::string source_text;
};

/// pairs.jsonl, in the file's order; none where there is no such file.
Result<std::vector<SentencePair>> ReadSentencePairs(const std::filesystem::path& folder);

/// parallel.jsonl, in the file's order.
Result<std::vector<ParallelSentence>> ReadParallel(const std::filesystem::path& folder);

}  // namespace repro
