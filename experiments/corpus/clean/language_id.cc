#include "experiments/corpus/clean/language_id.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fasttext/fasttext.h>

#include "core/io/file.h"

namespace repro {
namespace {

constexpr std::string_view kLabel = "__label__";

/// What parts words for fastText.
bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

bool ContinuesCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// A few of many numbers, each with a value.
class SparseRows {
 public:
  explicit SparseRows(const std::unordered_map<std::int32_t, std::int32_t>& rows) {
    std::vector<std::pair<std::int32_t, std::int32_t>> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [number, row] : sorted) {
      if (number < 0) continue;
      const auto block = static_cast<std::size_t>(number) / 64;
      while (blocks_.size() <= block) blocks_.push_back({.first = rows_.size(), .bits = 0});
      blocks_[block].bits |= Bit(static_cast<std::size_t>(number));
      rows_.push_back(row);
    }
  }
  /// -1: not one of them.
  std::int32_t Find(std::size_t number) const {
    if (number / 64 >= blocks_.size()) return -1;
    const Block block = blocks_[number / 64];
    const std::uint64_t bit = Bit(number);
    if ((block.bits & bit) == 0) return -1;
    return rows_[block.first + static_cast<std::size_t>(std::popcount(block.bits & (bit - 1)))];
  }

 private:
  struct Block {
    std::size_t first;   // in rows_, of the lowest bit
    std::uint64_t bits;  // which of 64 numbers are there
  };
  static std::uint64_t Bit(std::size_t number) { return std::uint64_t{1} << number % 64; }
  std::vector<Block> blocks_;
  std::vector<std::int32_t> rows_;
};

/// Which rows of the model the words of a line and their n-grams of characters are: what
/// Dictionary::getLine gives, of a model without n-grams of words. There most of the time goes into
/// an std::unordered_map of the n-grams that a small model has kept; here few are looked for in
/// memory that is far away. (N-grams and their hash: Bojanowski et al. 2017, arXiv 1607.04606,
/// section 3.2.)
class LineFeatures : private fasttext::Dictionary {
 public:
  LineFeatures(const fasttext::Dictionary& dictionary, const fasttext::Args& arguments)
      : Dictionary(dictionary),
        least_(arguments.minn),
        most_(arguments.maxn),
        buckets_(static_cast<std::uint32_t>(arguments.bucket)),
        kept_(pruneidx_) {}

  /// `line` without its end, which is a word, too.
  std::vector<std::int32_t> Of(std::string_view line) const {
    std::vector<std::int32_t> features;
    std::string word;
    for (auto at = line.begin(); at != line.end();) {
      const auto end = std::find_if(at, line.end(), IsBlank);
      word.assign(at, end);
      at = std::find_if_not(end, line.end(), IsBlank);
      if (word.empty()) continue;
      AddWord(word, features);
      if (word == EOS) return features;  // written out, it ends a line as well
    }
    AddWord(EOS, features);
    return features;
  }

 private:
  void AddWord(const std::string& word, std::vector<std::int32_t>& features) const {
    const std::int32_t id = getId(word);
    if ((id < 0 ? getType(word) : getType(id)) != fasttext::entry_type::word) return;
    if (id >= 0) {
      const std::vector<std::int32_t>& rows = getSubwords(id);
      features.insert(features.end(), rows.begin(), rows.end());
    } else if (word != EOS) {
      AddNgrams(BOW + word + EOW, features);
    }
  }

  void AddNgrams(std::string_view word, std::vector<std::int32_t>& features) const {
    constexpr std::uint32_t kFnvOffset = 2166136261;
    constexpr std::uint32_t kFnvPrime = 16777619;
    for (std::size_t begin = 0; begin < word.size(); ++begin) {
      if (ContinuesCharacter(word[begin])) continue;
      std::uint32_t hash = kFnvOffset;
      std::size_t end = begin;
      for (int characters = 1; characters <= most_ && end < word.size(); ++characters) {
        do {
          // Of signed bytes: so the models were made.
          hash ^= static_cast<std::uint32_t>(static_cast<std::int8_t>(word[end++]));
          hash *= kFnvPrime;
        } while (end < word.size() && ContinuesCharacter(word[end]));
        const bool edge = characters == 1 && (begin == 0 || end == word.size());
        if (characters >= least_ && !edge) AddNgram(hash % buckets_, features);
      }
    }
  }

  void AddNgram(std::uint32_t bucket, std::vector<std::int32_t>& features) const {
    const bool pruned = pruneidx_size_ >= 0;
    const std::int32_t row = pruned ? kept_.Find(bucket) : static_cast<std::int32_t>(bucket);
    if (row >= 0) features.push_back(nwords_ + row);
  }

  int least_;
  int most_;
  std::uint32_t buckets_;
  SparseRows kept_;
};

}  // namespace

struct LanguageId::Impl {
  fasttext::FastText model;
  std::optional<LineFeatures> features;
};

LanguageId::LanguageId(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LanguageId::LanguageId(LanguageId&&) noexcept = default;
LanguageId& LanguageId::operator=(LanguageId&&) noexcept = default;
LanguageId::~LanguageId() = default;

std::string_view LanguageIdCode(std::string_view language) {
  if (language == "ku-ckb") return "ckb";
  if (language == "pa-Arab") return "pnb";
  return language.substr(0, language.find_first_of("-_"));
}

Result<LanguageId> LanguageId::Load(const std::filesystem::path& model) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(model));
  auto impl = std::make_unique<Impl>();
  try {
    impl->model.loadModel(model.string());
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: fastText cannot load it: {}", model.string(),
                error.what());
  }
  const fasttext::Args arguments = impl->model.getArgs();
  if (arguments.model != fasttext::model_name::sup || arguments.wordNgrams > 1) {
    return Fail(ErrorCode::kCorrupt,
                "{}: expected a fastText classifier of words and their n-grams of characters, as "
                "lid.176 is; this model is another",
                model.string());
  }
  impl->features.emplace(*impl->model.getDictionary(), arguments);
  return LanguageId(std::move(impl));
}

std::vector<LanguageId::Guess> LanguageId::Predict(std::string_view text, int count) const {
  std::string joined;
  if (text.find('\n') != std::string_view::npos) {
    joined = text;
    std::erase(joined, '\n');
    text = joined;
  }
  fasttext::Predictions predictions;
  impl_->model.predict(count, impl_->features->Of(text), predictions);
  std::vector<Guess> guesses;
  guesses.reserve(predictions.size());
  for (const auto& [log_probability, number] : predictions) {
    std::string label = impl_->model.getDictionary()->getLabel(number);
    if (label.starts_with(kLabel)) label.erase(0, kLabel.size());
    guesses.push_back({std::move(label), std::exp(log_probability)});
  }
  return guesses;
}

}  // namespace repro
