#include "experiments/scores/span_f1.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

#include "core/base/check.h"

namespace repro {
namespace {

struct Parsed {
  char prefix = 'O';
  std::string_view type;
};

Parsed Parse(std::string_view tag) {
  if (tag.empty() || tag == "O") return {};
  const auto dash = tag.find('-');
  return {tag.front(), dash == std::string_view::npos ? std::string_view() : tag.substr(dash + 1)};
}

// Whether the span of `before` ends in front of `here`, and whether `here` starts one: conlleval's
// tables.
bool Ends(const Parsed& before, const Parsed& here) {
  if (before.prefix == 'O') return false;
  return before.prefix == 'E' || before.prefix == 'S' || here.prefix == 'B' || here.prefix == 'S' ||
         here.prefix == 'O' || before.type != here.type;
}

bool Starts(const Parsed& before, const Parsed& here) {
  if (here.prefix == 'O') return false;
  return here.prefix == 'B' || here.prefix == 'S' || before.prefix == 'E' || before.prefix == 'S' ||
         before.prefix == 'O' || before.type != here.type;
}

double Ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double SpanScore::Precision() const {
  return Ratio(correct, predicted);
}
double SpanScore::Recall() const {
  return Ratio(correct, gold);
}
double SpanScore::F1() const {
  const double precision = Precision();
  const double recall = Recall();
  return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall);
}

std::vector<Span> FindSpans(const Tags& tags) {
  std::vector<Span> spans;
  Parsed before;
  bool open = false;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const Parsed here = Parse(tags[i]);
    const auto at = static_cast<std::int64_t>(i);
    if (open && Ends(before, here)) {
      spans.back().end = at;
      open = false;
    }
    if (Starts(before, here)) {
      spans.push_back({at, at, std::string(here.type)});
      open = true;
    }
    before = here;
  }
  if (open) spans.back().end = static_cast<std::int64_t>(tags.size());
  return spans;
}

SpanScores ScoreSpans(const std::vector<Tags>& gold, const std::vector<Tags>& predicted) {
  REPRO_CHECK(gold.size() == predicted.size());
  SpanScores scores;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    REPRO_CHECK(gold[i].size() == predicted[i].size());
    scores.tokens += static_cast<std::int64_t>(gold[i].size());
    for (std::size_t t = 0; t < gold[i].size(); ++t) {
      scores.correct_tags += gold[i][t] == predicted[i][t] ? 1 : 0;
    }
    const std::vector<Span> gold_spans = FindSpans(gold[i]);
    const std::vector<Span> predicted_spans = FindSpans(predicted[i]);
    for (const Span& span : gold_spans) ++scores.by_type[span.type].gold;
    for (const Span& span : predicted_spans) ++scores.by_type[span.type].predicted;
    std::vector<Span> correct;
    std::set_intersection(gold_spans.begin(), gold_spans.end(), predicted_spans.begin(),
                          predicted_spans.end(), std::back_inserter(correct));
    for (const Span& span : correct) ++scores.by_type[span.type].correct;
  }
  for (const auto& [type, score] : scores.by_type) {
    scores.overall.gold += score.gold;
    scores.overall.predicted += score.predicted;
    scores.overall.correct += score.correct;
  }
  return scores;
}

}  // namespace repro
