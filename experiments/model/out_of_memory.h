#pragma once
/// Telling "it does not fit into memory" from other errors, and halving what is computed at a time.

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// LibTorch's allocators throw errors of their own; the C++ library throws bad_alloc.
bool IsOutOfMemory(const std::exception& error);

/// What an exception says, without the stack that LibTorch appends.
std::string WordsOf(const std::exception& error);

/// What `work` returns; kFailed where it throws: for out of memory a sentence that names `what`
/// ("pretraining") and what helps, else WordsOf. Where a task hands over to LibTorch.
Status WithoutExceptions(std::string_view what, const std::function<Status()>& work);

/// `at_a_time` halved, rounded up; 0 stands for `all`. Freed memory that is kept for later use goes
/// back to the system. Errors: kFailed when it is one already,
/// naming `what` ("sequence", "example") and `reason`.
Result<std::int64_t> HalfAsMany(std::int64_t at_a_time, std::int64_t all, const char* what,
                                const std::string& reason);

/// An update that is done again with half as much at a time. Its batch stays whole.
struct MicroBatchHalving {
  std::int64_t update = 0;
  std::int64_t from = 0;  ///< at a time, before
  std::int64_t to = 0;
  std::string what;    ///< "sequence", "example"
  std::string reason;  ///< the allocator's words

  /// `info` of the event "out_of_memory" (docs/formats.md).
  Json Info() const;
  /// One line for people.
  std::string Text() const;
};
/// Arguments and errors as of HalfAsMany, with the update's number in front.
Result<MicroBatchHalving> HalveMicroBatch(std::int64_t update, std::int64_t at_a_time,
                                          std::int64_t all, const char* what,
                                          const std::string& reason);

}  // namespace repro
