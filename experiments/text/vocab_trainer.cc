#include "experiments/text/vocab_trainer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <exception>
#include <fstream>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "experiments/text/smoothing.h"
#include "experiments/text/vocab_memory.h"
#include "experiments/text/vocabulary.h"
#include "experiments/text/word_breaker.h"
#include "experiments/text/word_tokenizer.h"

namespace repro {
namespace {

// SentencePiece leaves lines out that hold the character which it puts for unknown bytes.
constexpr std::string_view kUnknownByte = "\xE2\x96\x85";
// A suffix array over more needs indices of 8 bytes and twice the memory.
constexpr double kMostCharacters = std::numeric_limits<std::int32_t>::max();
// Enough to see whether a text has spaces.
constexpr std::int64_t kSpacingSentences = 10'000;

enum class LineUse { kDrawn, kEmpty, kTooLong, kReserved };

LineUse UseOf(std::string_view line) {
  if (line.empty()) return LineUse::kEmpty;
  if (static_cast<std::int64_t>(line.size()) > kMaxSentenceBytes) return LineUse::kTooLong;
  return line.find(kUnknownByte) == std::string_view::npos ? LineUse::kDrawn : LineUse::kReserved;
}

struct TextCounts {
  std::int64_t available = 0, too_long = 0, reserved = 0, bytes = 0, characters = 0;
  Spacing spacing;  // of the first sentences
};

Result<TextCounts> CountText(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in && errno == ENOENT) {
    return Fail(ErrorCode::kNotFound, "{}: no such corpus text", path.string());
  }
  if (!in) return FailErrno("open", path.string());
  TextCounts counts;
  for (std::string line; std::getline(in, line);) {
    const LineUse use = UseOf(line);
    counts.too_long += use == LineUse::kTooLong ? 1 : 0;
    counts.reserved += use == LineUse::kReserved ? 1 : 0;
    if (use != LineUse::kDrawn) continue;
    if (++counts.available <= kSpacingSentences) counts.spacing.Add(line);
    counts.bytes += static_cast<std::int64_t>(line.size());
    counts.characters += CountCodePoints(line);
  }
  if (in.bad()) return FailErrno("read", path.string());
  return counts;
}

// Streams the sample, one language after the other.
class SampleIterator : public sentencepiece::SentenceIterator {
 public:
  SampleIterator(const VocabPlan& plan, std::vector<WordTokenizer> words)
      : plan_(plan), words_(std::move(words)) {
    OpenPart();
    Next();
  }

  bool done() const override { return done_; }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override {
    return failed_.empty()
               ? sentencepiece::util::Status()
               : sentencepiece::util::Status(sentencepiece::util::StatusCode::kInternal, failed_);
  }

  void Next() override {
    while (copies_ == 0) {
      done_ = done_ || part_ == plan_.texts.size();
      if (done_) return;
      if (!std::getline(in_, line_)) {
        if (in_.bad()) Stop("read failed");
        if (left_ > 0) Stop("shorter than when it was counted");
        if (done_) return;
        ++part_;
        OpenPart();
      } else if (UseOf(line_) == LineUse::kDrawn) {
        if (left_ == 0) return Stop("longer than when it was counted");
        copies_ = Copies();
        if (copies_ > 0 && !words_.empty()) line_ = words_[part_].Join(line_);
      }
    }
    --copies_;
  }

 private:
  // The first reason counts.
  void Stop(const char* what) {
    if (!done_) failed_ = plan_.texts[part_].text.string() + ": " + what;
    done_ = true;
  }

  void OpenPart() {
    in_ = std::ifstream();
    if (part_ == plan_.texts.size()) return;
    const VocabSample& sample = plan_.sample[part_];
    in_.open(plan_.texts[part_].text);
    if (!in_) Stop("cannot be opened any more");
    rng_ = Rng(plan_.options.seed, "vocab.sample." + sample.language);
    passes_ = sample.drawn / sample.available;
    wanted_ = sample.drawn % sample.available;
    left_ = sample.available;
  }

  // How often the next sentence is in the sample: each whole pass, and once more with probability
  // wanted / left (selection sampling, Knuth volume 2, algorithm S).
  std::int64_t Copies() {
    const bool extra =
        static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(left_))) < wanted_;
    --left_;
    wanted_ -= extra ? 1 : 0;
    return passes_ + (extra ? 1 : 0);
  }

  const VocabPlan& plan_;
  std::vector<WordTokenizer> words_;  // by text; empty: raw text
  std::size_t part_ = 0;
  std::ifstream in_;
  Rng rng_{0, ""};
  std::int64_t passes_ = 0, wanted_ = 0, left_ = 0, copies_ = 0;
  std::string line_;
  std::string failed_;
  bool done_ = false;
};

// The first whole number behind `words` in `message`.
std::optional<std::int64_t> NumberBehind(std::string_view message, std::string_view words) {
  const std::size_t at = message.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t digits = message.find_first_of("0123456789", at + words.size());
  if (digits == std::string_view::npos) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(message.data() + digits, message.data() + message.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// SentencePiece says in its own words what is wrong with the size; ours name the setting and what
// would do.
tl::unexpected<Error> TrainingError(const std::string& message, const VocabPlan& plan) {
  const VocabTrainerOptions& options = plan.options;
  if (const auto most = NumberBehind(message, "set it to a value <= ")) {
    return Fail(ErrorCode::kInvalidArgument,
                "vocab.size = {}: a sample of {} sentences gives at most {}: lower vocab.size, or "
                "raise vocab.sample_sentences or the size of the corpora",
                options.size, plan.sentences(), VocabSize(*most));
  }
  const std::size_t alphabet = message.find("smaller than required_chars");
  if (alphabet != std::string::npos) {
    if (const auto least = NumberBehind(std::string_view(message).substr(alphabet), " vs ")) {
      return Fail(
          ErrorCode::kInvalidArgument,
          "vocab.size = {}: the alphabet of the sample alone takes {} at character coverage "
          "{}: raise vocab.size or lower vocab.character_coverage",
          options.size, VocabSize(*least), options.character_coverage);
    }
  }
  return Fail(ErrorCode::kFailed, "SentencePiece could not learn a vocabulary of {}: {}",
              options.size, message);
}

template <class Value>
double Sum(const std::vector<VocabSample>& sample, Value VocabSample::*value) {
  double sum = 0;
  for (const VocabSample& language : sample) sum += static_cast<double>(language.*value);
  return sum;
}

}  // namespace

std::int64_t VocabPlan::sentences() const {
  return std::llround(Sum(sample, &VocabSample::drawn));
}
double VocabPlan::bytes() const {
  return Sum(sample, &VocabSample::bytes);
}
double VocabPlan::characters() const {
  return Sum(sample, &VocabSample::characters);
}

std::string VocabPlan::Text() const {
  std::string text = fmt::format(
      "learning a vocabulary of {} ({}) from {} sentences of {} languages: {} of text, {} "
      "characters; about {} of memory",
      FormatCount(options.size), options.model, FormatCount(sentences()), texts.size(),
      FormatBytes(std::llround(bytes())), FormatCount(std::llround(characters())),
      FormatBytes(memory_bytes));
  const auto left_out = [&](double lines, std::string_view why) {
    if (lines > 0)
      text += fmt::format("; {} lines left out: {}", FormatCount(std::llround(lines)), why);
  };
  left_out(Sum(sample, &VocabSample::too_long),
           fmt::format("longer than {} bytes", FormatCount(kMaxSentenceBytes)));
  left_out(Sum(sample, &VocabSample::reserved), "with U+2585, which SentencePiece reserves");
  return text;
}

Result<VocabPlan> PlanVocabulary(const std::vector<VocabText>& texts,
                                 const VocabTrainerOptions& options) {
  if (texts.empty()) return Fail(ErrorCode::kInvalidArgument, "vocabulary: no languages");
  VocabPlan plan;
  plan.options = options;
  plan.texts = texts;
  if (options.model == "bpe") plan.pre_tokenization = PreTokenization{{}, IcuVersion()};
  std::vector<double> units;
  std::vector<TextCounts> counts;
  for (const VocabText& text : texts) {
    REPRO_ASSIGN_OR_RETURN(const TextCounts found, CountText(text.text));
    if (found.available == 0) {
      std::string why;
      if (found.too_long + found.reserved > 0) {
        why = fmt::format(": of its {} lines all have more than {} bytes or hold U+2585",
                          found.too_long + found.reserved, kMaxSentenceBytes);
      }
      return Fail(ErrorCode::kInvalidArgument, "{}: no sentence in the corpus of '{}'{}",
                  text.text.string(), text.language, why);
    }
    if (!(text.nominal_units > 0)) {
      return Fail(ErrorCode::kInvalidArgument, "corpus of '{}': nominal_units is {}, must be > 0",
                  text.language, text.nominal_units);
    }
    units.push_back(text.nominal_units);
    counts.push_back(found);
    if (plan.pre_tokenization) {
      plan.pre_tokenization->rules[text.language] =
          found.spacing.LacksSpaces(text.language) ? kIcuWords : kWordRules;
    }
  }
  const std::vector<double> shares = SmoothedShares(units, options.alpha);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    VocabSample sample{texts[i].language, counts[i].available, counts[i].too_long,
                       counts[i].reserved};
    sample.drawn = std::max<std::int64_t>(
        1, std::llround(shares[i] * static_cast<double>(options.sample_sentences)));
    const double passes =
        static_cast<double>(sample.drawn) / static_cast<double>(counts[i].available);
    sample.bytes = passes * static_cast<double>(counts[i].bytes);
    sample.characters = passes * static_cast<double>(counts[i].characters);
    plan.sample.push_back(sample);
  }
  if (plan.characters() > kMostCharacters) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "vocab.sample_sentences = {}: the sample has {:.3g} characters, SentencePiece "
        "indexes at most {:.0f}: lower it to {:.0f} or less (its author finds a few million "
        "enough)",
        options.sample_sentences, plan.characters(), kMostCharacters,
        static_cast<double>(options.sample_sentences) * kMostCharacters / plan.characters());
  }
  plan.memory_bytes = EstimateVocabMemory(options.model, plan.bytes(), plan.characters());
  return plan;
}

Result<TrainedVocab> TrainVocabulary(const VocabPlan& plan) {
  const VocabTrainerOptions& options = plan.options;
  std::vector<WordTokenizer> words;
  if (plan.pre_tokenization) {
    for (const VocabText& text : plan.texts) {
      REPRO_ASSIGN_OR_RETURN(WordTokenizer rules, plan.pre_tokenization->For(text.language));
      words.push_back(std::move(rules));
    }
  }
  // Everything that decides the result is stated here and not left to SentencePiece's defaults,
  // except its normalisation (nmt_nfkc, XLM-R's) and the algorithms' own constants. Words with
  // spaces between them take at most twice the bytes of the text.
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", options.model},
      {"vocab_size", std::to_string(PieceCount(options.size))},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"num_threads", std::to_string(options.threads)},
      {"hard_vocab_limit", options.hard_limit ? "true" : "false"},
      {"input_sentence_size", "0"},
      {"max_sentence_length", std::to_string(kMaxSentenceBytes * (words.empty() ? 1 : 2))},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"minloglevel", "2"},
  };
  TrainedVocab result;
  result.sample = plan.sample;
  try {
    SampleIterator sentences(plan, std::move(words));
    const auto status =
        sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &result.model);
    if (!status.ok()) return TrainingError(status.ToString(), plan);
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kFailed,
                "no memory left for a vocabulary of {} from {} sentences, estimated at {}: lower "
                "vocab.sample_sentences",
                options.size, plan.sentences(), FormatBytes(plan.memory_bytes));
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kFailed, "SentencePiece could not learn a vocabulary: {}", e.what());
  }
  return result;
}

Result<TrainedVocab> TrainVocabulary(const std::vector<VocabText>& texts,
                                     const VocabTrainerOptions& options) {
  REPRO_ASSIGN_OR_RETURN(const VocabPlan plan, PlanVocabulary(texts, options));
  return TrainVocabulary(plan);
}

}  // namespace repro
