#pragma once
/// REPRO_CHECK ends the process on a broken invariant. It stays on in release builds and is never
/// reachable from user input: what a user can cause is a Result.

namespace repro::internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}

#define REPRO_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::repro::internal::CheckFailed(__FILE__, __LINE__, #condition))
