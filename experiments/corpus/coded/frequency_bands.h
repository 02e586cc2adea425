#pragma once
/// Ranks of word types in bands: types of one band have like frequencies, and are exchanged.

#include <cstddef>
#include <vector>

#include "experiments/corpus/coded/settings.h"
#include "experiments/corpus/coded/type_inventory.h"

namespace repro {

/// Band of ranks (from 0): `begin` <= rank < `end`.
struct FrequencyBand {
  std::size_t begin = 0, end = 0;
};

/// Geometric: the first band begins at the first type, each next one at `ratio` times that place,
/// counted from 1, and at least one type later. Ratio 2: ranks 1, 2-3, 4-7, 8-15, ...
std::vector<FrequencyBand> FrequencyBands(std::size_t types, double ratio);

/// For each type whether it is an anchor. Chosen by a keyed hash, the stated share of each band but
/// for rounding; the same for all languages; those of a smaller share are among those of a larger.
std::vector<bool> ChooseAnchors(const TypeInventory& inventory, const CodedSettings& settings);

}  // namespace repro
