#include "core/base/result.h"

#include <cerrno>
#include <cstring>

namespace repro {

tl::unexpected<Error> FailErrno(std::string_view operation, std::string_view path) {
  const int saved = errno;
  return Fail(ErrorCode::kIo, "{}: cannot {}: {}", path, operation, std::strerror(saved));
}

tl::unexpected<Error> Context(std::string_view where, const Error& error) {
  return Fail(error.code, "{}: {}", where, error.message);
}

}  // namespace repro
