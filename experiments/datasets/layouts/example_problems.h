#pragma once
/// What is wrong with examples: all of it is one error, or faulty examples are left out and
/// counted.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

struct FaultCount {
  std::int64_t count = 0;
  std::vector<std::string> messages;  ///< the first ten, each "FILE:LINE: ..."
  bool kept = false;                  ///< the examples are not left out, but lack a part
};
/// By reason: "columns", "empty-line", "empty-field", "unknown-label", "no-gold-label", "score",
/// "not-utf-8", "not-latin-1", "nul", "long-line", "json", "unknown-tag", "word-number",
/// "language-prefix", "field", "double-id", "no-answer" count examples that were left out;
/// "answer-start" counts answers that are kept without their place.
using FaultCounts = std::map<std::string, FaultCount, std::less<>>;

class ExampleProblems {
 public:
  /// `skip`: faulty examples are counted; else they make an error that shows the first `shown`.
  ExampleProblems(bool skip, std::int64_t shown) : skip_(skip), shown_(shown) {}

  /// The example at hand is faulty: "WHERE: WHAT (`FOUND`), expected EXPECTED". `found` may be any
  /// bytes of the file, or none; long ones are cut. `where` is "file:line" or "file:line:column".
  void Add(std::string_view reason, std::string_view where, std::string_view what,
           std::string_view found, std::string_view expected);
  /// Ends the example at hand: whether it may be given on. With faults it is counted under the
  /// first one's reason.
  bool EndExample();

  /// As `Add`, for a part that the example can do without: it is not left out.
  void AddPart(std::string_view reason, std::string_view where, std::string_view what,
               std::string_view found, std::string_view expected);
  /// Counts an example that its publisher means to be left out: no fault.
  void LeaveOut(std::string_view reason);
  /// A file of which nothing more can be read: an error with `skip`, too. `message` names it.
  void AddFile(std::string message);

  /// Adds what is wrong with another file, read after those before.
  void Merge(ExampleProblems other);

  /// How many problems make the error.
  std::int64_t errors() const { return error_count_; }
  /// Errors: kCorrupt with all problems, one a line.
  Status ToStatus() const;
  const FaultCounts& counts() const { return counts_; }

 private:
  void Record(std::string_view reason, std::string message);
  FaultCount& CountOf(std::string_view reason);

  bool skip_;
  std::int64_t shown_;
  std::string first_reason_;  // of the example at hand
  FaultCounts counts_;
  std::vector<std::string> errors_;  // the first `shown_`
  std::int64_t error_count_ = 0;
};

}  // namespace repro
