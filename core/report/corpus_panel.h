#pragma once
/// The text that an experiment is made of: how much of it, what became of it on the way, and
/// whether lines of test sets are among it. What the metrics are called stands in docs/formats.md
/// (corpus.*, funnel.*, leaks.*, faults.*); who logs them is nothing to the report.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace repro {

struct ReportInputs;
class RunValues;

/// Text that the runs of a point train on, over its languages.
struct TextVolume {
  std::size_t languages = 0;  ///< with text
  std::int64_t bytes = 0;
  std::int64_t lines = 0;
  std::int64_t words = 0;
  std::optional<std::int64_t> seen_bytes;  ///< each language's times its repeats in pretraining
  std::optional<std::int64_t> available_bytes;   ///< of which the text was taken; without held-out
  std::optional<std::int64_t> heldout_lines;     ///< that measure the model
  std::map<std::string, std::int64_t> left_out;  ///< bytes of languages with too little text

  bool operator==(const TextVolume&) const = default;
};

struct FunnelAmount {
  std::int64_t documents = 0;
  std::int64_t lines = 0;
  std::int64_t bytes = 0;

  FunnelAmount& operator+=(const FunnelAmount& other);
  bool operator==(const FunnelAmount&) const = default;
};

/// What was read, what each step took away and why, what is left.
struct TextFunnel {
  struct Step {
    std::size_t place = 0;
    std::string name;    ///< "read", "repeated", "kept"
    std::string reason;  ///< of what is dropped; else empty
    // NOLINTNEXTLINE(modernize-use-nullptr): the 0 that a comparison is rewritten with
    auto operator<=>(const Step&) const = default;
  };
  struct Row {
    std::string language;
    std::vector<FunnelAmount> at;  ///< by step
    bool operator==(const Row&) const = default;
  };
  std::vector<std::string> points;  ///< of the sweep: their text is the same
  std::vector<Step> steps;          ///< the first is what was read, the last what is kept
  std::vector<Row> rows;            ///< the language of which most bytes were read first
  Row total;
};

struct LeakCheck {
  std::string point;
  std::int64_t evaluation_lines = 0;  ///< different ones, normalised
  std::int64_t lines = 0;             ///< that were looked at
  std::int64_t shared = 0;
  std::int64_t alike = 0;  ///< not shared, but with the letters and digits of a test set's line
  std::vector<std::pair<std::string, std::int64_t>> leaking;  ///< languages with shared lines
};

/// Who has much text and who little, by bytes: the halves of the languages that are at every point;
/// the middle one of an odd number is in neither.
struct TextHalves {
  using Language = std::pair<std::string, std::int64_t>;  ///< as shown, its bytes
  struct Misplaced {
    std::string series, text, language;
  };
  std::vector<Language> most, least;  ///< that with most text first
  std::vector<Misplaced> misplaced;   ///< series whose `text` names another half

  bool empty() const { return most.empty() && least.empty(); }
};

struct CorpusPanel {
  std::map<std::string, TextVolume> volumes;  ///< by point
  TextHalves halves;                          ///< where a series asks for it
  std::vector<TextFunnel> funnels;
  std::vector<LeakCheck> leaks;  ///< by point
  /// What was wrong with the files that were read, and passed over: point, reason, how often.
  std::map<std::string, std::map<std::string, std::int64_t>> faults;

  std::int64_t shared_lines() const;
};

/// What the log holds of it; all of it may be missing.
CorpusPanel BuildCorpusPanel(const ReportInputs& inputs, const RunValues& values);

}  // namespace repro
