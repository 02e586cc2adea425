#pragma once
/// Telling "it does not fit into memory" from other errors, and halving what is computed at a time.

#include <cstdint>
#include <exception>
#include <string>

#include "core/base/result.h"

namespace repro {

/// LibTorch's allocators throw errors of their own; the C++ library throws bad_alloc.
bool IsOutOfMemory(const std::exception& error);

/// What an exception says, without the stack that LibTorch appends.
std::string WordsOf(const std::exception& error);

/// `at_a_time` halved, rounded up; 0 stands for `all`. Errors: kFailed when it is one already,
/// naming `what` ("sequence", "example") and `reason`.
Result<std::int64_t> HalfAsMany(std::int64_t at_a_time, std::int64_t all, const char* what,
                                const std::string& reason);

}  // namespace repro
