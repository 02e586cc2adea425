#include "experiments/datasets/layouts/example_problems.h"

#include <utility>

#include <fmt/ranges.h>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::size_t kShownBytes = 80;
constexpr std::size_t kMessages = 10;

std::string Message(std::string_view where, std::string_view what, std::string_view found,
                    std::string_view expected) {
  std::string message = fmt::format("{}: {}", where, what);
  if (!found.empty()) {
    const std::string_view start = Prefix(found, kShownBytes);
    message += fmt::format(" (`{}{}`)", Printable(start), start.size() < found.size() ? "..." : "");
  }
  return message + fmt::format(", expected {}", expected);
}

}  // namespace

FaultCount& ExampleProblems::CountOf(std::string_view reason) {
  const auto found = counts_.find(reason);
  return found != counts_.end() ? found->second : counts_[std::string(reason)];
}

void ExampleProblems::Record(std::string_view reason, std::string message) {
  if (skip_) {
    auto& messages = CountOf(reason).messages;
    if (messages.size() < kMessages) messages.push_back(std::move(message));
    return;
  }
  if (error_count_++ < shown_) errors_.push_back(std::move(message));
}

void ExampleProblems::Add(std::string_view reason, std::string_view where, std::string_view what,
                          std::string_view found, std::string_view expected) {
  if (first_reason_.empty()) first_reason_ = reason;
  Record(reason, Message(where, what, found, expected));
}

bool ExampleProblems::EndExample() {
  if (first_reason_.empty()) return true;
  ++CountOf(first_reason_).count;
  first_reason_.clear();
  return false;
}

void ExampleProblems::AddPart(std::string_view reason, std::string_view where,
                              std::string_view what, std::string_view found,
                              std::string_view expected) {
  FaultCount& fault = CountOf(reason);
  ++fault.count;
  fault.kept = true;
  Record(reason, Message(where, what, found, expected));
}

void ExampleProblems::LeaveOut(std::string_view reason) {
  ++CountOf(reason).count;
}

void ExampleProblems::AddFile(std::string message) {
  if (error_count_++ < shown_) errors_.push_back(std::move(message));
}

void ExampleProblems::Merge(ExampleProblems other) {
  for (auto& [reason, added] : other.counts_) {
    FaultCount& fault = CountOf(reason);
    fault.count += added.count;
    fault.kept = added.kept;
    for (std::string& message : added.messages) {
      if (fault.messages.size() < kMessages) fault.messages.push_back(std::move(message));
    }
  }
  for (std::string& error : other.errors_) {
    if (static_cast<std::int64_t>(errors_.size()) < shown_) errors_.push_back(std::move(error));
  }
  error_count_ += other.error_count_;
}

Status ExampleProblems::ToStatus() const {
  if (error_count_ == 0) return {};
  const std::int64_t more = error_count_ - static_cast<std::int64_t>(errors_.size());
  return Fail(ErrorCode::kCorrupt, "{}{}", fmt::join(errors_, "\n"),
              more == 0 ? "" : fmt::format("\n... and {} more", more));
}

}  // namespace repro
