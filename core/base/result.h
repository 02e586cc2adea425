#pragma once
/// Expected failures as values.
///
/// A function that can fail because of its input, a file or another process returns `Result<T>` (or
/// `Status` when there is nothing to give back). Bugs are not values: they end the process through
/// REPRO_CHECK (check.h). Each floor adds what it knew with `Context`.

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace repro {

/// What kind of failure it is; decides the exit code and whether trying again can help.
enum class ErrorCode {
  kInvalidArgument,  ///< manifest, flag or spec is wrong: exit 2
  kNotFound,         ///< a file, run, task or key that does not exist
  kIo,               ///< the operating system refused: errno is in the message
  kCorrupt,          ///< a checksum, size or format that does not match
  kBusy,             ///< somebody else holds it
  kInterrupted,      ///< asked to stop; work so far is kept
  kDiverged,         ///< a loss or gradient became non-finite
  kFailed,           ///< a task or child process failed
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kFailed;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Builds the error value of a Result: `return Fail(ErrorCode::kNotFound, "no run named {}",
/// name);`
template <class... Args>
[[nodiscard]] tl::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// Turns the present errno into an error that names the operation and the path.
[[nodiscard]] tl::unexpected<Error> FailErrno(std::string_view operation, std::string_view path);

/// The same error with what this floor knew in front: "task X, attempt 2: <message>".
[[nodiscard]] tl::unexpected<Error> Context(std::string_view where, const Error& error);

}  // namespace repro

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are declarations and names
#define REPRO_CONCAT_INNER(a, b) a##b
#define REPRO_CONCAT(a, b) REPRO_CONCAT_INNER(a, b)

/// Passes an error up; does nothing on success.
#define REPRO_RETURN_IF_ERROR(expression)                                               \
  do {                                                                                  \
    auto repro_status_ = (expression);                                                  \
    if (!repro_status_) return ::tl::unexpected<::repro::Error>(repro_status_.error()); \
  } while (false)

/// `REPRO_ASSIGN_OR_RETURN(auto text, ReadFile(path));`
#define REPRO_ASSIGN_OR_RETURN(declaration, expression) \
  REPRO_ASSIGN_OR_RETURN_INNER(REPRO_CONCAT(repro_result_, __LINE__), declaration, expression)
#define REPRO_ASSIGN_OR_RETURN_INNER(result, declaration, expression)              \
  auto result = (expression);                                                      \
  if (!result) return ::tl::unexpected<::repro::Error>(std::move(result).error()); \
  declaration = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)
