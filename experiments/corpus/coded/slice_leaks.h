#pragma once
/// The leak check of coded languages: what is trained on shares no line with anything, so the
/// English documents that it is made of are looked at.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/clean/shared_lines.h"

namespace repro {

/// What a coded language reads of a cleaned English corpus: the slice of its number out of `slices`
/// equal ones.
struct CodedSlice {
  std::int64_t language = 0;
  std::int64_t seed = 0;
  std::int64_t slices = 1;
  std::vector<std::string> buckets{};  ///< as SubsetOptions
};

/// The documents of each slice, one pass through `english` (a language's folder of CleanCorpus) for
/// all that take the same buckets. All of the slice is looked at: what is held out of it and what a
/// limit leaves are among the lines. `evaluation`: as SharedLines. Errors: those of
/// EachCleanDocument and of CorpusSlices::Equal, kInterrupted.
Result<std::vector<SharedLines>> LookAtSlices(const std::filesystem::path& english,
                                              std::span<const CodedSlice> slices,
                                              const EvaluationLines& evaluation,
                                              const std::atomic<bool>& stop);

}  // namespace repro
