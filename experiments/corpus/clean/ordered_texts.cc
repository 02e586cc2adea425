#include "experiments/corpus/clean/ordered_texts.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <queue>
#include <system_error>

#include <fmt/format.h>

#include "core/io/file.h"
#include "core/io/text_window.h"
#include "core/io/zstd_writer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// What reading a file takes: zstd's window, and blocks before and behind it.
constexpr std::int64_t kReaderBytes = std::int64_t{4} << 20;

/// Before each text of a file. Only the program that wrote it reads it, so numbers are as in
/// memory.
struct Head {
  std::uint64_t order;
  std::uint64_t bytes;
};

/// A file of texts, one after the other.
class Reader {
 public:
  static Result<Reader> Open(const fs::path& path) {
    REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
    return Reader(std::move(source));
  }
  /// Goes on to the next text; false at the end.
  Result<bool> Next() {
    window_.Consume(shown_);
    shown_ = 0;
    const std::size_t held = window_.Fill(sizeof(Head)).size();
    if (held == 0 && !window_.damage()) return false;
    if (held >= sizeof(Head)) {
      std::memcpy(&head_, window_.buffered().data(), sizeof(Head));
      const std::size_t bytes = sizeof(Head) + head_.bytes;
      if (window_.Fill(bytes).size() >= bytes) {
        shown_ = bytes;
        return true;
      }
    }
    if (window_.damage()) return tl::unexpected<Error>(*window_.damage());
    return Fail(ErrorCode::kCorrupt, "{}: it ends within a text", window_.source().path().string());
  }
  std::uint64_t order() const { return head_.order; }
  /// Until the next call of `Next`.
  std::string_view text() const { return window_.buffered().substr(sizeof(Head), head_.bytes); }

 private:
  explicit Reader(ByteSource source) : window_(std::move(source)) {}
  TextWindow window_;
  Head head_{};
  std::size_t shown_ = 0;  // bytes of the window
};

}  // namespace

OrderedTexts::OrderedTexts(const fs::path& scratch, std::int64_t memory_bytes,
                           const std::atomic<bool>& stop)
    : folder_(scratch / "ordered_texts"),
      memory_bytes_(std::max<std::int64_t>(1, memory_bytes)),
      stop_(stop) {}

OrderedTexts::~OrderedTexts() {
  std::error_code ignored;
  if (written_ > 0) fs::remove_all(folder_, ignored);
}

Status OrderedTexts::Add(std::uint64_t order, std::string text) {
  const auto bytes = static_cast<std::int64_t>(sizeof(HeldText) + text.size());
  if (!held_.empty() && held_bytes_ + bytes > memory_bytes_) REPRO_RETURN_IF_ERROR(WriteHeld());
  held_bytes_ += bytes;
  held_.emplace_back(order, std::move(text));
  return {};
}

Status OrderedTexts::Visit(const Visitor& visit) {
  if (runs_.empty()) return VisitHeld(visit);
  REPRO_RETURN_IF_ERROR(WriteHeld());
  held_.shrink_to_fit();
  REPRO_RETURN_IF_ERROR(MergeUntilTheyFit());
  return Merge(runs_, visit);
}

Status OrderedTexts::VisitHeld(const Visitor& visit) {
  std::stable_sort(held_.begin(), held_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [order, text] : held_) {
    if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_RETURN_IF_ERROR(visit(order, text));
  }
  return {};
}

Status OrderedTexts::WriteHeld() {
  if (written_ == 0) {
    std::error_code error;
    fs::remove_all(folder_, error);
    if (error) return Fail(ErrorCode::kIo, "remove {}: {}", folder_.string(), error.message());
    REPRO_RETURN_IF_ERROR(MakeDirectory(folder_));
  }
  REPRO_ASSIGN_OR_RETURN(Run run, WriteRun([&](const Visitor& visit) { return VisitHeld(visit); }));
  runs_.push_back(std::move(run));
  held_.clear();
  held_bytes_ = 0;
  return {};
}

Result<OrderedTexts::Run> OrderedTexts::WriteRun(
    const std::function<Status(const Visitor&)>& visit_each) {
  Run run{.path = folder_ / fmt::format("{:06}.zst", written_++)};
  REPRO_ASSIGN_OR_RETURN(ZstdWriter writer, ZstdWriter::Open(run.path));
  const auto add = [&](std::uint64_t order, std::string_view text) -> Status {
    run.largest = std::max(run.largest, static_cast<std::int64_t>(text.size()));
    const Head head{.order = order, .bytes = text.size()};
    REPRO_RETURN_IF_ERROR(writer.Write({reinterpret_cast<const char*>(&head), sizeof(Head)}));
    return writer.Write(text);
  };
  REPRO_RETURN_IF_ERROR(visit_each(add));
  REPRO_RETURN_IF_ERROR(writer.Finish());
  return run;
}

Status OrderedTexts::Merge(std::span<const Run> runs, const Visitor& visit) const {
  std::vector<Reader> readers;
  // The smallest order on top, and of equal ones that of the first file.
  using Next = std::pair<std::uint64_t, std::size_t>;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
  const auto advance = [&](std::size_t i) -> Status {
    REPRO_ASSIGN_OR_RETURN(const bool more, readers[i].Next());
    if (more) next.emplace(readers[i].order(), i);
    return {};
  };
  for (const Run& run : runs) {
    REPRO_ASSIGN_OR_RETURN(Reader reader, Reader::Open(run.path));
    readers.push_back(std::move(reader));
    REPRO_RETURN_IF_ERROR(advance(readers.size() - 1));
  }
  while (!next.empty()) {
    if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
    const auto [order, i] = next.top();
    next.pop();
    REPRO_RETURN_IF_ERROR(visit(order, readers[i].text()));
    REPRO_RETURN_IF_ERROR(advance(i));
  }
  return {};
}

/// Merges neighbours, since what was added first must stay first. No more of them at a time than
/// must be: while they are merged, their text is on the disk twice.
Status OrderedTexts::MergeUntilTheyFit() {
  while (runs_.size() > 2) {
    std::int64_t all = 0, most = 0;
    for (const Run& run : runs_) {
      const std::int64_t bytes = kReaderBytes + 2 * run.largest;  // a window doubles as it grows
      all += bytes;
      most = std::max(most, bytes);
    }
    if (all <= memory_bytes_) return {};
    const std::int64_t fit = std::max<std::int64_t>(2, memory_bytes_ / most);
    const auto together =
        static_cast<std::size_t>(std::clamp<std::int64_t>(all / memory_bytes_ + 1, 2, fit));
    std::vector<Run> merged;
    for (std::size_t begin = 0; begin < runs_.size(); begin += together) {
      const auto part =
          std::span<const Run>(runs_).subspan(begin, std::min(together, runs_.size() - begin));
      REPRO_ASSIGN_OR_RETURN(Run run,
                             WriteRun([&](const Visitor& visit) { return Merge(part, visit); }));
      merged.push_back(std::move(run));
      for (const Run& done : part) {
        std::error_code error;
        if (!fs::remove(done.path, error) && error) {
          return Fail(ErrorCode::kIo, "remove {}: {}", done.path.string(), error.message());
        }
      }
    }
    runs_ = std::move(merged);
  }
  return {};
}

}  // namespace repro
