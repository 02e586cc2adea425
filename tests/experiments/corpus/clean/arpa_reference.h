#pragma once
/// The probabilities of an ARPA file by the definition of back-off (Katz 1987), read from its text
/// without KenLM: P(w | h) is what the file says of "h w" where it has that, else the back-off
/// weight of h (log10 0 where the file gives none) and P(w | h without its first word).

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace repro::testing {

class ArpaReference {
 public:
  using Words = std::vector<std::string>;

  explicit ArpaReference(const std::string& text) {
    std::istringstream in(text);
    std::size_t order = 0;
    for (std::string line; std::getline(in, line);) {
      if (line.ends_with("-grams:")) {
        order = static_cast<std::size_t>(line[1] - '0');
        continue;
      }
      std::istringstream fields(line);
      Entry entry;
      if (order == 0 || !(fields >> entry.log10)) continue;
      Words words(order);
      for (std::string& word : words) fields >> word;
      fields >> entry.backoff;
      if (order == 1) vocabulary_.push_back(words[0]);
      ngrams_[words] = entry;
    }
  }

  const std::vector<std::string>& vocabulary() const { return vocabulary_; }
  /// All n-grams as word lists, the unigrams too.
  std::vector<Words> ngrams() const {
    std::vector<Words> all;
    for (const auto& [words, entry] : ngrams_) all.push_back(words);
    return all;
  }

  /// log10 P(word | history); words that are not in the file count as <unk>.
  double Log10(const std::string& word, const Words& history) const {
    Words ngram;
    for (const std::string& each : history) ngram.push_back(Known(each));
    ngram.push_back(Known(word));
    return Probability(ngram);
  }
  /// log10 P(line </s> | <s>).
  double Line(const Words& line) const {
    Words history = {"<s>"};
    double sum = 0;
    for (const std::string& word : line) {
      sum += Log10(word, history);
      history.push_back(word);
    }
    return sum + Log10("</s>", history);
  }

 private:
  struct Entry {
    double log10 = 0;
    double backoff = 0;
  };

  std::string Known(const std::string& word) const {
    return ngrams_.contains({word}) ? word : "<unk>";
  }
  double Probability(const Words& ngram) const {
    if (const auto found = ngrams_.find(ngram); found != ngrams_.end()) return found->second.log10;
    if (ngram.size() == 1) return -100;  // KenLM's <unk> for a file that has none
    const auto history = ngrams_.find(Words(ngram.begin(), ngram.end() - 1));
    const double backoff = history == ngrams_.end() ? 0 : history->second.backoff;
    return backoff + Probability(Words(ngram.begin() + 1, ngram.end()));
  }

  std::map<Words, Entry> ngrams_;
  std::vector<std::string> vocabulary_;
};

}  // namespace repro::testing
