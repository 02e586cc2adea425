#pragma once
/// Texts put into the order of a number that each of them has, however much text it is.
///
/// As many as fit are held in memory. Where there are more, they are sorted and written to a file
/// (packed), and all such files are merged at the end: each text is written once, or twice where
/// the files are too many to be read at the same time.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace repro {

class OrderedTexts {
 public:
  using Visitor = std::function<Status(std::uint64_t order, std::string_view text)>;

  /// Takes about `memory_bytes`, or what two texts take. Files lie in a folder inside `scratch`,
  /// which must be there while this lives; what a killed process left in it is dropped.
  OrderedTexts(const std::filesystem::path& scratch, std::int64_t memory_bytes,
               const std::atomic<bool>& stop);
  OrderedTexts(const OrderedTexts&) = delete;
  OrderedTexts& operator=(const OrderedTexts&) = delete;
  ~OrderedTexts();  ///< removes the files

  /// Errors: kIo.
  Status Add(std::uint64_t order, std::string text);
  /// Calls `visit` with all of them, the smallest order first, equal ones as they were added. To be
  /// called once, after the last `Add`. Errors: kIo, kCorrupt, kInterrupted, and those of `visit`.
  Status Visit(const Visitor& visit);

 private:
  using HeldText = std::pair<std::uint64_t, std::string>;
  /// A file of texts in order.
  struct Run {
    std::filesystem::path path;
    std::int64_t largest = 0;  ///< bytes of a text
  };

  Status VisitHeld(const Visitor& visit);
  Status WriteHeld();
  Result<Run> WriteRun(const std::function<Status(const Visitor&)>& visit_each);
  Status Merge(std::span<const Run> runs, const Visitor& visit) const;
  Status MergeUntilTheyFit();

  std::filesystem::path folder_;
  std::int64_t memory_bytes_;
  const std::atomic<bool>& stop_;
  std::vector<HeldText> held_;
  std::int64_t held_bytes_ = 0;
  std::vector<Run> runs_;  // what was added first is in the first
  int written_ = 0;        // files
};

}  // namespace repro
