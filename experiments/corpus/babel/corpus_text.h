#pragma once
/// Running text of one language: documents of sentences that hang together. Document i depends on
/// (seed, world, source, language, split, i) alone, so any part can be made apart, by any number of
/// threads, with the same bytes.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "experiments/corpus/babel/settings.h"
#include "experiments/corpus/babel/speaker.h"

namespace repro {

/// The register of a source name: "babel-wiki" or "babel-cc". Errors: kInvalidArgument naming both.
Result<const world_table::Register*> FindRegister(std::string_view source);

/// World of a language: the common one, or its own in the null world.
World MakeWorld(const BabelSettings& settings, std::string_view language, bool null_world);

class CorpusText {
 public:
  /// Borrows the speaker.
  CorpusText(const Speaker& speaker, const world_table::Register& style)
      : speaker_(speaker), style_(style), sampler_(speaker.world(), style) {}

  /// Appends document `index` of the split (kText or kHeldout), one sentence a line, at most
  /// `max_sentences` of them. Returns how many. Every sentence's content belongs to that split.
  int AppendDocument(Split split, std::uint64_t index, int max_sentences, std::string& out) const;

  /// What document `index` says, apart from noise.
  std::vector<Proposition> Propositions(Split split, std::uint64_t index) const;

 private:
  int AppendDocument(Split split, std::uint64_t index, int max_sentences, std::string& out,
                     std::vector<Proposition>& said) const;
  void AppendNoisy(Sentence& sentence, Dice& dice, std::string& out) const;
  void AppendBoilerplate(Dice& dice, std::string& out) const;

  const Speaker& speaker_;
  const world_table::Register& style_;
  PropositionSampler sampler_;
};

/// What a corpus of that nominal size holds.
struct CorpusSize {
  std::int64_t sentences = 0;
  std::int64_t heldout = 0;
};
/// sentences_at_1gb * gb^size_exponent, rounded; `gb` = 0 counts as the smallest size of the
/// source, 0.05.
CorpusSize SizeOfCorpus(const BabelSettings& settings, double gb);

struct CorpusCounts {
  std::int64_t sentences = 0, documents = 0, bytes = 0, words = 0;
  double unique_share = 0;  ///< distinct sentences / sentences
};

/// Streams documents of a split to `path` until `sentences` lines are written (the last document is
/// cut off there); an empty line between documents. `progress` is called now and then with the
/// sentences so far; false stops the writing with kInterrupted. Errors: kIo with the path.
Result<CorpusCounts> WriteCorpus(const CorpusText& text, Split split, std::int64_t sentences,
                                 const std::filesystem::path& path,
                                 const std::function<bool(std::int64_t)>& progress);

}  // namespace repro
