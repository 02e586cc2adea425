#include "core/base/result.h"

#include <cerrno>
#include <cstring>

namespace repro {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kInterrupted:
      return "interrupted";
    case ErrorCode::kDiverged:
      return "diverged";
    case ErrorCode::kFailed:
      return "failed";
  }
  return "unknown";
}

tl::unexpected<Error> FailErrno(std::string_view operation, std::string_view path) {
  const int saved = errno;
  return Fail(ErrorCode::kIo, "{}: cannot {}: {}", path, operation, std::strerror(saved));
}

tl::unexpected<Error> Context(std::string_view where, const Error& error) {
  return Fail(error.code, "{}: {}", where, error.message);
}

}  // namespace repro
