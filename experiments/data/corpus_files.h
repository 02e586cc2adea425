#pragma once
/// A `corpus` artifact as its readers see it.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace repro {

struct CorpusFiles {
  std::filesystem::path text;
  std::filesystem::path heldout;
  double nominal_units = 0;  ///< n_i of sampling and of the vocabulary's sample
  std::string left_out{};    ///< why nothing is trained on it; empty: it is

  /// Errors: kNotFound, kCorrupt naming stats.json and the field.
  static Result<CorpusFiles> Load(const std::filesystem::path& folder);
};

/// Calls `visit` with each line, empty ones included, without its line end; stops at the first
/// error that it returns. Errors: kNotFound, kIo; those of `visit`, with file and line in front.
Status ForEachLine(const std::filesystem::path& path,
                   const std::function<Status(std::string_view)>& visit);

}  // namespace repro
