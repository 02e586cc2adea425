#pragma once
/// How many floating-point operations a training update needs by the model, not by the program: the
/// numerator of MFU (model FLOP utilisation; Chowdhery et al. 2022, arXiv 2204.02311, appendix B).

#include <cstdint>
#include <vector>

#include "experiments/model/config.h"

namespace repro {

/// 6 a parameter in use and token (layers at every token; LM head and output matrix at the
/// predicted ones; embeddings are looked up, not multiplied), and 12 L C a pair of tokens that
/// attend to each other. `lengths`: tokens of each sequence. Forward and backward; recomputation
/// does not count.
double TrainingFlops(const ModelShape& shape, const std::vector<std::int64_t>& lengths,
                     std::int64_t predicted);

}  // namespace repro
