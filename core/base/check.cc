#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace repro::internal {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s. This is a bug in repro.\n", file, line,
               condition);
  std::abort();
}

}  // namespace repro::internal
