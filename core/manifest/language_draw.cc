#include "core/manifest/language_draw.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace repro {
namespace {

constexpr int kTries = 2000;

/// Scripts that share an alphabet type and a region: what a vocabulary can share, roughly.
std::string ScriptGroup(const std::string& script) {
  static const std::set<std::string> kIndic = {"Deva", "Beng", "Gujr", "Guru", "Orya",
                                               "Taml", "Telu", "Knda", "Mlym", "Sinh"};
  static const std::set<std::string> kEastAsian = {"Hans", "Hant", "Jpan", "Kore"};
  if (script == "Latn" || script == "Cyrl" || script == "Arab") return script;
  if (kIndic.contains(script)) return "Indic";
  if (kEastAsian.contains(script)) return "East Asian";
  return "other";
}

std::string SizeClass(double wiki_gb) {
  if (wiki_gb >= 1) return "1 GB and more";
  if (wiki_gb >= 0.2) return "0.2 to 1 GB";
  return wiki_gb > 0.05 ? "under 0.2 GB" : "not to be seen in Figure 1";
}

/// The strata of one language as indices into a table of counts.
using Strata = std::array<std::size_t, 3>;

class Pool {
 public:
  Pool(const std::map<std::string, Language>& languages, const std::vector<std::string>& codes) {
    std::map<std::string, std::size_t> index;
    const auto stratum = [&](const std::string& name) {
      return index.emplace(name, index.size()).first->second;
    };
    for (const std::string& code : codes) {
      const auto found = languages.find(code);
      REPRO_CHECK(found != languages.end());
      const Language& language = found->second;
      strata_.push_back({stratum("script " + ScriptGroup(language.script)),
                         stratum("family " + language.family + " " + language.branch),
                         stratum("size " + SizeClass(language.wiki_gb))});
    }
    counts_ = Count(Everything());
  }

  /// Sum over strata of (share in the chosen set - share in the pool)^2, times (chosen * pool)^2.
  std::int64_t Imbalance(const std::vector<std::size_t>& chosen) const {
    const std::vector<std::int64_t> counts = Count(chosen);
    const auto all = static_cast<std::int64_t>(strata_.size());
    const auto here = static_cast<std::int64_t>(chosen.size());
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::int64_t difference = counts[i] * all - counts_[i] * here;
      sum += difference * difference;
    }
    return sum;
  }

 private:
  std::vector<std::size_t> Everything() const {
    std::vector<std::size_t> all(strata_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }

  std::vector<std::int64_t> Count(const std::vector<std::size_t>& chosen) const {
    std::vector<std::int64_t> counts(counts_.size());
    for (const std::size_t language : chosen) {
      for (const std::size_t stratum : strata_[language]) {
        if (stratum >= counts.size()) counts.resize(stratum + 1);
        ++counts[stratum];
      }
    }
    return counts;
  }

  std::vector<Strata> strata_;
  std::vector<std::int64_t> counts_;
};

}  // namespace

std::vector<std::vector<std::string>> DrawNestedSets(
    const std::map<std::string, Language>& languages, const std::vector<std::string>& core,
    const std::vector<std::string>& pool, const std::vector<std::size_t>& sizes, std::uint64_t seed,
    std::string_view draw) {
  const Pool strata(languages, pool);
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (std::find(core.begin(), core.end(), pool[i]) != core.end()) chosen.push_back(i);
  }
  REPRO_CHECK(chosen.size() == core.size());

  std::vector<std::vector<std::string>> sets;
  for (const std::size_t size : sizes) {
    REPRO_CHECK(size >= chosen.size() && size <= pool.size());
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < pool.size(); ++i) {
      if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) rest.push_back(i);
    }
    Rng rng(seed, fmt::format("language-draw {}", draw), size);
    std::vector<std::size_t> best;
    std::int64_t best_imbalance = 0;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      rng.Shuffle(rest);
      std::vector<std::size_t> candidate = chosen;
      const auto missing = static_cast<std::ptrdiff_t>(size - chosen.size());
      candidate.insert(candidate.end(), rest.begin(), rest.begin() + missing);
      const std::int64_t imbalance = strata.Imbalance(candidate);
      if (best.empty() || imbalance < best_imbalance) {
        best = std::move(candidate);
        best_imbalance = imbalance;
      }
    }
    std::sort(best.begin(), best.end());
    chosen = best;
    std::vector<std::string> codes;
    for (const std::size_t i : chosen) codes.push_back(pool[i]);
    sets.push_back(std::move(codes));
  }
  return sets;
}

}  // namespace repro
