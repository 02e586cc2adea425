#pragma once
/// What a numeric task's result depends on besides its inputs: stated in its spec, never "what the
/// machine has" (design: dtype, device class and thread count are part of the key).

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"

namespace repro {

struct ComputeSettings {
  std::string device = "cpu";  ///< "cpu" or "cuda"
  /// "float32", or "bfloat16": factors of matrix products rounded to bfloat16, sums, weights and
  /// all else float32. On a CPU with avx512_bf16 about 1.7 times as fast, right but slow on others.
  /// Scores are computed with the same products.
  std::string dtype = "float32";
  std::int64_t threads = 1;  ///< CPU threads of the task; the executor gives exactly these

  template <class V>
  void Visit(V& v) {
    v("device", device, OneOf({"cpu", "cuda"}));
    v("dtype", dtype, OneOf({"float32", "bfloat16"}));
    v("threads", threads, Range(1, 1024));
  }
};

}  // namespace repro
