#include "experiments/corpus/babel/corpus_text.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "core/base/check.h"
#include "experiments/corpus/babel/fixed_point.h"

namespace repro {
namespace {

using namespace world_table;

// A sentence whose content belongs to `split`. The rarest split has 3 of 100 contents: hundreds of
// draws never all fail unless the world has too few contents, which is a bug of its table.
Proposition DrawInSplit(const PropositionSampler& sampler, const Discourse& discourse, Split split,
                        std::uint64_t seed, Dice& dice) {
  for (int attempt = 0; attempt < 100'000; ++attempt) {
    const Proposition proposition = sampler.Draw(discourse, dice);
    if (SplitOf(proposition, seed) == split) return proposition;
  }
  REPRO_CHECK(false);
  return {};
}

std::uint64_t HashLine(std::string_view line) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace

Result<const Register*> FindRegister(std::string_view source) {
  if (source == "babel-wiki") return &kWiki;
  if (source == "babel-cc") return &kCc;
  return Fail(ErrorCode::kInvalidArgument,
              "no synthetic source '{}'; expected babel-wiki or babel-cc", source);
}

World MakeWorld(const BabelSettings& settings, std::string_view language, bool null_world) {
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  return null_world ? World(seed, language) : World(seed);
}

// Web noise. Only words outside the content skeleton may be lost, so that no sentence turns into
// one of another split.
void CorpusText::AppendNoisy(Sentence& sentence, Dice& dice, std::string& out) const {
  for (std::size_t i = sentence.size(); i-- > 0;) {
    const WordClass word_class = sentence[i].sense.word_class;
    const bool may_go = word_class == WordClass::kGrammar || word_class == WordClass::kAdjective;
    if (dice.Chance(style_.dropped) && may_go) sentence.Remove(i);
  }
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    if (i > 0) out.push_back(' ');
    const std::string word = TextOf(sentence[i]);
    out += word;
    if (!dice.Chance(style_.typo)) continue;
    std::size_t last =
        word.size() - 1;  // the first byte of the last character, which is doubled: no word ends so
    while (last > 0 && (static_cast<unsigned char>(word[last]) & 0xC0U) == 0x80U) --last;
    out.append(word, last);
  }
}

void CorpusText::AppendBoilerplate(Dice& dice, std::string& out) const {
  const Anchors& anchors = speaker_.anchors();
  out += dice.Chance(500) ? "www " : "http www ";
  out += anchors
             .Name(DrawNameRank(speaker_.world(), dice) * kEntityTypes * kTopics +
                   dice.Pick(kEntityTypes * kTopics))
             .back();
  out += dice.Chance(500) ? " com" : " net";
  if (dice.Chance(500)) out += ' ' + anchors.Number(dice.Pick(kNumbers));
}

int CorpusText::AppendDocument(Split split, std::uint64_t index, int max_sentences,
                               std::string& out) const {
  std::vector<Proposition> said;
  return AppendDocument(split, index, max_sentences, out, said);
}

std::vector<Proposition> CorpusText::Propositions(Split split, std::uint64_t index) const {
  std::vector<Proposition> said;
  std::string text;
  AppendDocument(split, index, static_cast<int>(style_.max_sentences), text, said);
  return said;
}

int CorpusText::AppendDocument(Split split, std::uint64_t index, int max_sentences,
                               std::string& out, std::vector<Proposition>& said) const {
  const World& world = speaker_.world();
  std::string purpose = "babel.text.";
  purpose += style_.name;
  purpose += split == Split::kText ? ".text." : ".heldout.";
  purpose += world.name();
  purpose += '.';
  purpose += speaker_.language().code;
  Dice dice(world.seed(), purpose, index);
  const Discourse discourse = sampler_.DrawDiscourse(dice);
  const int wanted = static_cast<int>(style_.min_sentences +
                                      dice.Below(style_.max_sentences - style_.min_sentences + 1));
  const int limit = std::min(wanted, max_sentences);
  Sentence sentence;
  std::vector<std::uint64_t> contents;  // a document states nothing twice
  int written = 0;
  while (written < limit) {
    const Proposition proposition = DrawInSplit(sampler_, discourse, split, world.seed(), dice);
    const std::uint64_t content = ContentId(proposition);
    if (std::find(contents.begin(), contents.end(), content) != contents.end()) continue;
    contents.push_back(content);
    said.push_back(proposition);
    speaker_.Say(proposition, sentence);
    const std::size_t start = out.size();
    if (style_.typo > 0 || style_.dropped > 0) {
      AppendNoisy(sentence, dice, out);
    } else {
      AppendText(sentence, out);
    }
    out.push_back('\n');
    ++written;
    if (written < limit && style_.repeated > 0 && dice.Chance(style_.repeated)) {
      out.append(std::string(out, start));
      ++written;
    }
    if (written < limit && style_.boilerplate > 0 && dice.Chance(style_.boilerplate)) {
      AppendBoilerplate(dice, out);
      out.push_back('\n');
      ++written;
    }
  }
  return written;
}

CorpusSize SizeOfCorpus(const BabelSettings& settings, double gb) {
  constexpr double kSmallestGb = 0.05;
  CorpusSize size;
  size.sentences =
      ScaledPower(settings.sentences_at_1gb, gb > 0 ? gb : kSmallestGb, settings.size_exponent);
  size.heldout = std::max(kMinHeldout, size.sentences / kHeldoutShare);
  return size;
}

Result<CorpusCounts> WriteCorpus(const CorpusText& text, Split split, std::int64_t sentences,
                                 const std::filesystem::path& path,
                                 const std::function<bool(std::int64_t)>& progress) {
  constexpr std::size_t kBlock = 1 << 20;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return FailErrno("open for writing", path.string());
  CorpusCounts counts;
  std::vector<std::uint64_t> hashes;
  hashes.reserve(static_cast<std::size_t>(sentences));
  std::string block;
  const auto flush = [&] {
    file.write(block.data(), static_cast<std::streamsize>(block.size()));
    counts.bytes += static_cast<std::int64_t>(block.size());
    block.clear();
    return static_cast<bool>(file);
  };
  while (counts.sentences < sentences) {
    if (counts.documents > 0) block.push_back('\n');
    const std::size_t start = block.size();
    const auto left =
        static_cast<int>(std::min<std::int64_t>(sentences - counts.sentences, 1'000'000));
    counts.sentences +=
        text.AppendDocument(split, static_cast<std::uint64_t>(counts.documents), left, block);
    ++counts.documents;
    for (std::size_t at = start; at < block.size();) {
      const std::size_t end = block.find('\n', at);
      const std::string_view line(block.data() + at, end - at);
      hashes.push_back(HashLine(line));
      counts.words += 1 + std::count(line.begin(), line.end(), ' ');
      at = end + 1;
    }
    if (block.size() >= kBlock) {
      if (!flush()) return FailErrno("write", path.string());
      if (!progress(counts.sentences))
        return Fail(ErrorCode::kInterrupted, "stopped while writing {}", path.string());
    }
  }
  const bool written = flush();
  file.close();
  if (!written || !file) return FailErrno("write", path.string());
  std::sort(hashes.begin(), hashes.end());
  const auto distinct = std::unique(hashes.begin(), hashes.end()) - hashes.begin();
  counts.unique_share = static_cast<double>(distinct) / static_cast<double>(counts.sentences);
  return counts;
}

}  // namespace repro
