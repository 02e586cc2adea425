#pragma once
/// F1 over tagged spans: the measure of CoNLL-2000 to 2003 (`conlleval`; seqeval's default mode
/// counts alike). A span is right when its borders and its type are those of the gold.
///
/// Tags are O, or a prefix B, I, E or S with a type: "B-PER" ("PER" is what follows the first "-").
/// A stray I starts a span, and so does an I of another type than the span before it: both
/// notations, IOB1 and IOB2, are read.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace repro {

/// One sentence.
using Tags = std::vector<std::string>;

struct SpanScore {
  std::int64_t gold = 0;  ///< spans
  std::int64_t predicted = 0;
  std::int64_t correct = 0;

  /// 0 where nothing was predicted, or nothing is there to find.
  double Precision() const;
  double Recall() const;
  double F1() const;
};

struct SpanScores {
  SpanScore overall;                         ///< micro average over all types
  std::map<std::string, SpanScore> by_type;  ///< types of gold and prediction
  std::int64_t tokens = 0;
  std::int64_t correct_tags = 0;
};

struct Span {
  std::int64_t begin = 0;  ///< first token
  std::int64_t end = 0;    ///< behind the last
  std::string type;
  friend auto operator<=>(const Span&, const Span&) = default;
};

/// The spans of one sentence, in order.
std::vector<Span> FindSpans(const Tags& tags);

/// gold[i] and predicted[i] are the tags of sentence i, equally long. Spans never cross sentences.
SpanScores ScoreSpans(const std::vector<Tags>& gold, const std::vector<Tags>& predicted);

}  // namespace repro
