#pragma once
/// Independent pieces of work on several threads.

#include <cstddef>
#include <functional>

#include "core/base/result.h"

namespace repro {

/// Calls `work(0)` to `work(count - 1)`, each once, on at most so many threads; what an exception
/// says becomes an error. After the first error no further piece is begun. Returns the error of the
/// piece with the smallest number.
Status ParallelFor(std::size_t count, int threads, const std::function<Status(std::size_t)>& work);

}  // namespace repro
