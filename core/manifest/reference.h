#pragma once
/// The paper's cells (results/reference/*.toml): one file an item, values by series and sweep
/// value.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// One number of the paper.
struct ReferenceCell {
  double value = 0;
  double uncertainty = 0;  ///< half width: how far the value may be off as read (0: printed)
  std::string method;      ///< "printed", "pixels" or "stated"
};

struct ReferenceSeries {
  std::string id;  ///< "low"
  std::string name;
  std::string metric;     ///< "xnli.accuracy"
  std::string direction;  ///< what the paper's bars do, in words
  std::map<std::string, ReferenceCell>
      cells;  ///< by sweep value ("xlm7"): what stands in the figure or table
  std::map<std::string, ReferenceCell>
      stated;  ///< by sweep value: values that the running text gives
};

struct ReferenceItem {
  std::string item;  ///< "Figure 2"
  std::string title;
  std::string unit;                 ///< "percent", "GB", "GiB", "million tokens"
  std::string source;               ///< which version of the paper
  std::string verified;             ///< how the numbers were checked
  std::vector<std::string> points;  ///< sweep values in the paper's order
  std::vector<ReferenceSeries> series;
  std::vector<std::string> notes;  ///< what does not add up, what is not stated

  const ReferenceSeries* FindSeries(std::string_view id) const;
};

/// "Figure 2" -> "figure2", the file's stem.
std::string ReferenceStem(std::string_view item);

/// Reads `<dir>/<stem>.toml`. Errors: kNotFound when the item has no file there; kInvalidArgument
/// with all mistakes of the file; kIo.
Result<ReferenceItem> LoadReference(const std::filesystem::path& dir, std::string_view item);

/// `<dir>/language_lists.toml`: the language lists that the paper or its authors' code states, by
/// name ("xnli15", "figure1"). Errors: kNotFound, kIo, kInvalidArgument.
Result<std::map<std::string, std::vector<std::string>>> LoadLanguageLists(
    const std::filesystem::path& dir);

}  // namespace repro
