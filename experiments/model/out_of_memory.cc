#include "experiments/model/out_of_memory.h"

#include <algorithm>
#include <new>
#include <string_view>

#include <c10/util/Exception.h>
#include <malloc.h>

#include "experiments/model/fused_parts.h"

namespace repro {

bool IsOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  // oneDNN reports any failure to set itself up in these words; for the shapes that a model of this
  // suite computes, memory is what it lacks (tried under `ulimit -v`).
  constexpr std::string_view kWords[] = {
      "can't allocate memory",        "not enough memory",         "CUBLAS_STATUS_ALLOC_FAILED",
      "could not create a primitive", "could not create a memory", "could not execute a primitive"};
  const std::string_view text = error.what();
  return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  });
}

std::string WordsOf(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
}

Status WithoutExceptions(std::string_view what, const std::function<Status()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) return Fail(ErrorCode::kFailed, "{}: {}", what, WordsOf(error));
    return Fail(ErrorCode::kFailed,
                "{} does not fit into memory ({}); a smaller model, less computed at a time or a "
                "machine with more memory is needed",
                what, WordsOf(error));
  }
}

namespace {

// The allocator keeps what was freed for allocations to come; a library that asks the system itself
// (oneDNN for the code that it makes, a thread for its stack) would find nothing left.
void GiveMemoryBack() {
  FreeKeptBlocks();
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

std::int64_t Before(std::int64_t at_a_time, std::int64_t all) {
  return at_a_time > 0 ? std::min(at_a_time, all) : all;
}

}  // namespace

Result<std::int64_t> HalfAsMany(std::int64_t at_a_time, std::int64_t all, const char* what,
                                const std::string& reason) {
  GiveMemoryBack();
  const std::int64_t before = Before(at_a_time, all);
  if (before <= 1) {
    return Fail(ErrorCode::kFailed,
                "not even one {} at a time fits into memory ({}); a smaller model, shorter "
                "sequences or a machine with more memory is needed",
                what, reason);
  }
  return (before + 1) / 2;
}

Json MicroBatchHalving::Info() const {
  return {
      {"update", update}, {"micro_batch_from", from}, {"micro_batch_to", to}, {"reason", reason}};
}

std::string MicroBatchHalving::Text() const {
  return fmt::format(
      "out of memory at update {} with {} {}s at a time: going on with {}, the batch of the update "
      "stays whole ({})",
      update, from, what, to, reason);
}

Result<MicroBatchHalving> HalveMicroBatch(std::int64_t update, std::int64_t at_a_time,
                                          std::int64_t all, const char* what,
                                          const std::string& reason) {
  const auto half = HalfAsMany(at_a_time, all, what, reason);
  if (!half) return Context(fmt::format("update {}", update), half.error());
  return MicroBatchHalving{update, Before(at_a_time, all), *half, what, reason};
}

}  // namespace repro
