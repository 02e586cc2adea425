#include "experiments/text/vocab_trainer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <exception>
#include <fstream>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include "core/base/rng.h"
#include "experiments/text/smoothing.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

// Longer lines are skipped by SentencePiece; its default of 4,192 drops whole paragraphs of scripts
// with 3-byte letters.
constexpr int kMaxSentenceBytes = 16'384;

struct Part {
  VocabText source;
  VocabSample sample;
};

Result<std::int64_t> CountSentences(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in && errno == ENOENT) {
    return Fail(ErrorCode::kNotFound, "{}: no such corpus text", path.string());
  }
  if (!in) return FailErrno("open", path.string());
  std::int64_t sentences = 0;
  std::string line;
  while (std::getline(in, line)) sentences += line.empty() ? 0 : 1;
  if (in.bad()) return FailErrno("read", path.string());
  return sentences;
}

// Streams the sample, one language after the other.
class SampleIterator : public sentencepiece::SentenceIterator {
 public:
  SampleIterator(const std::vector<Part>& parts, std::uint64_t seed) : parts_(parts), seed_(seed) {
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
      done_ = done_ || part_ == parts_.size();
      if (done_) return;
      if (!std::getline(in_, line_)) {
        if (in_.bad()) Stop("read failed");
        if (left_ > 0) Stop("shorter than when it was counted");
        if (done_) return;
        ++part_;
        OpenPart();
      } else if (!line_.empty()) {
        if (left_ == 0) return Stop("longer than when it was counted");
        copies_ = Copies();
      }
    }
    --copies_;
  }

 private:
  // The first reason counts.
  void Stop(const char* what) {
    if (!done_) failed_ = parts_[part_].source.text.string() + ": " + what;
    done_ = true;
  }

  void OpenPart() {
    in_ = std::ifstream();
    if (part_ == parts_.size()) return;
    const VocabSample& sample = parts_[part_].sample;
    in_.open(parts_[part_].source.text);
    if (!in_) Stop("cannot be opened any more");
    rng_ = Rng(seed_, "vocab.sample." + sample.language);
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

  const std::vector<Part>& parts_;
  std::uint64_t seed_;
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
tl::unexpected<Error> TrainingError(const std::string& message, const VocabTrainerOptions& options,
                                    std::int64_t drawn) {
  if (const auto most = NumberBehind(message, "set it to a value <= ")) {
    return Fail(ErrorCode::kInvalidArgument,
                "vocab.size = {}: a sample of {} sentences gives at most {}: lower vocab.size, or "
                "raise vocab.sample_sentences or the size of the corpora",
                options.size, drawn, VocabSize(*most));
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

}  // namespace

Result<TrainedVocab> TrainVocabulary(const std::vector<VocabText>& texts,
                                     const VocabTrainerOptions& options) {
  if (texts.empty()) return Fail(ErrorCode::kInvalidArgument, "vocabulary: no languages");
  std::vector<double> units;
  std::vector<Part> parts;
  for (const VocabText& text : texts) {
    REPRO_ASSIGN_OR_RETURN(const std::int64_t available, CountSentences(text.text));
    if (available == 0) {
      return Fail(ErrorCode::kInvalidArgument, "{}: no sentence in the corpus of '{}'",
                  text.text.string(), text.language);
    }
    if (!(text.nominal_units > 0)) {
      return Fail(ErrorCode::kInvalidArgument, "corpus of '{}': nominal_units is {}, must be > 0",
                  text.language, text.nominal_units);
    }
    units.push_back(text.nominal_units);
    parts.push_back({text, {text.language, available, 0}});
  }
  const std::vector<double> shares = SmoothedShares(units, options.alpha);
  TrainedVocab result;
  std::int64_t drawn = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    VocabSample& sample = parts[i].sample;
    sample.drawn = std::max<std::int64_t>(
        1, std::llround(shares[i] * static_cast<double>(options.sample_sentences)));
    drawn += sample.drawn;
    result.sample.push_back(sample);
  }

  // Everything that decides the result is stated here and not left to SentencePiece's defaults,
  // except its normalisation (nmt_nfkc, XLM-R's) and the unigram algorithm's own constants.
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(PieceCount(options.size))},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"num_threads", std::to_string(options.threads)},
      {"hard_vocab_limit", "true"},
      {"input_sentence_size", "0"},
      {"max_sentence_length", std::to_string(kMaxSentenceBytes)},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"minloglevel", "2"},
  };
  try {
    SampleIterator sentences(parts, options.seed);
    const auto status =
        sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &result.model);
    if (!status.ok()) return TrainingError(status.ToString(), options, drawn);
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kFailed, "SentencePiece could not learn a vocabulary: {}", e.what());
  }
  return result;
}

}  // namespace repro
