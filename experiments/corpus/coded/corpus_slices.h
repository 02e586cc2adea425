#pragma once
/// Which documents each language reads: no document is read by two. A slice goes by a keyed hash of
/// the content id alone, so it depends neither on the order of the documents nor on slices behind
/// it: more languages take nothing from those that are there.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

class CorpusSlices {
 public:
  /// `shares`: of the documents, one a language; what they leave of 1 belongs to none. Errors:
  /// kInvalidArgument for a share that is no positive number, and for shares beyond 1 together.
  static Result<CorpusSlices> Make(std::int64_t seed, const std::vector<double>& shares);

  /// `count` equal ones. Errors: as Make.
  static Result<CorpusSlices> Equal(std::int64_t seed, std::int64_t count);

  /// Index of the slice of a document.
  std::optional<std::size_t> SliceOf(std::string_view content_id) const;

 private:
  CorpusSlices() = default;
  std::uint64_t key_ = 0;
  std::vector<double> ends_;  // slice i: from ends_[i - 1] on, below ends_[i]
};

}  // namespace repro
