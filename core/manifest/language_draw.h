#pragma once
/// Draws for language sets that the paper does not publish (30 and 60 languages).

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/manifest/experiment.h"

namespace repro {

/// Nested random sets that look like `pool` in three ways: group of scripts, family (Indo-European
/// by branch) and Wikipedia size class. Starting from `core`, each size is reached by many random
/// extensions out of `pool`, of which the one whose counts differ least from the pool's shares is
/// kept.
///
/// Random: streams (seed, "language-draw <draw>", size); integer arithmetic only, so the lists are
/// the same on every machine. Returns one list per entry of `sizes` (ascending, at least
/// core.size() and at most pool.size()), each contained in the next, in the order of `pool`. `core`
/// must be part of `pool`, and every code in `languages`.
std::vector<std::vector<std::string>> DrawNestedSets(
    const std::map<std::string, Language>& languages, const std::vector<std::string>& core,
    const std::vector<std::string>& pool, const std::vector<std::size_t>& sizes, std::uint64_t seed,
    std::string_view draw);

}  // namespace repro
