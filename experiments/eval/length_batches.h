#pragma once
/// Evaluation in batches of like lengths that get smaller where memory asks for it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// Takes one line for people.
using WarningSink = std::function<void(const std::string&)>;

/// Calls `work` with the indices of each batch of LengthBatches(lengths): every index once, longest
/// first. Where memory runs out in it, the same indices are given again, half as many at a time,
/// and no later call holds more tokens, padding included, than was found to fit; `warn` is told
/// each time. So `work` may change nothing before all that takes memory is done. `what`: "example",
/// "sentence". Errors: kFailed when not even one fits. Other exceptions of `work` pass through.
Status ForLengthBatches(const std::vector<std::int64_t>& lengths, const char* what,
                        const WarningSink& warn,
                        const std::function<void(const std::vector<std::size_t>&)>& work);

}  // namespace repro
