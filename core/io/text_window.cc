#include "core/io/text_window.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/base/check.h"

namespace repro {
namespace {

constexpr std::size_t kReadBlock = 256 << 10;

}  // namespace

std::string_view TextWindow::Fill(std::size_t bytes) {
  while (end_ - begin_ < bytes && !at_end_ && !damage_) {
    if (block_.size() - end_ < kReadBlock) {
      // To the front; and where that gives too little room, twice as much of it.
      if (end_ > begin_) std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (block_.size() - end_ < kReadBlock) {
        block_.resize(std::max(2 * block_.size(), end_ + kReadBlock));
      }
    }
    const auto got = source_.Read(std::span(block_).subspan(end_));
    if (!got) {
      damage_ = got.error();
    } else {
      at_end_ = *got == 0;
      end_ += *got;
    }
  }
  return buffered();
}

void TextWindow::Consume(std::size_t bytes) {
  REPRO_CHECK(bytes <= end_ - begin_);
  begin_ += bytes;
  offset_ += bytes;
}

std::uint64_t TextWindow::Skip(std::uint64_t bytes) {
  std::uint64_t skipped = 0;
  while (skipped < bytes) {
    const std::size_t held = Fill(1).size();
    if (held == 0) break;
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(held, bytes - skipped));
    Consume(now);
    skipped += now;
  }
  return skipped;
}

std::size_t TextWindow::Find(std::string_view needle, std::size_t limit) {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view held = Fill(searched + needle.size());
    const std::size_t found = held.find(needle, searched);
    if (found != std::string_view::npos) return found;
    if (held.size() < searched + needle.size()) return found;
    searched = held.size() - (needle.size() - 1);
    if (searched > limit) return found;
  }
}

bool TextWindow::SkipTo(std::string_view needle) {
  constexpr std::size_t kStep = 1 << 20;
  for (;;) {
    const std::size_t found = Find(needle, kStep);
    if (found != std::string_view::npos) {
      Consume(found);
      return true;
    }
    const std::size_t held = end_ - begin_;
    const bool more = held > kStep;  // or it would have been read
    Consume(held - (more ? needle.size() - 1 : 0));
    if (!more) return false;
  }
}

std::optional<TextWindow::Line> TextWindow::NextLine(std::size_t limit) {
  Line line;
  line.offset = offset_;
  std::size_t searched = 0;
  for (;;) {
    const std::string_view held = Fill(searched + 1);
    const std::size_t end = held.find('\n', searched);
    const bool whole = end != std::string_view::npos;
    if (!whole && held.size() > searched && held.size() <= limit) {
      searched = held.size();
      continue;
    }
    const bool no_more = !whole && held.size() == searched;
    const bool half = damage_ || source_.extent() == Extent::kPrefix;
    if (no_more && (held.empty() || half)) return std::nullopt;
    line.text = whole ? held.substr(0, end) : held;
    if (whole || no_more) {
      line.bytes = line.text.size() + (whole ? 1 : 0);
      if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    }
    line.cut = line.text.size() > limit;
    line.text = line.text.substr(0, limit);
    if (whole || no_more) {
      begin_ += line.bytes;
      offset_ += line.bytes;
      return line;
    }
    break;
  }
  // Too long: its start is kept apart, since the rest runs through the window.
  long_line_.assign(line.text);
  for (;;) {
    const std::string_view held = Fill(1);
    if (held.empty()) {
      if (damage_ || source_.extent() == Extent::kPrefix) return std::nullopt;
      break;
    }
    const std::size_t end = held.find('\n');
    const std::size_t taken = end == std::string_view::npos ? held.size() : end + 1;
    line.bytes += taken;
    Consume(taken);
    if (end != std::string_view::npos) break;
  }
  line.text = long_line_;
  line.cut = true;
  return line;
}

Result<bool> TextWindow::Recover() {
  REPRO_ASSIGN_OR_RETURN(const bool recovered, source_.Recover());
  if (!recovered) return false;
  offset_ += end_ - begin_;
  begin_ = end_ = 0;
  damage_.reset();
  return true;
}

}  // namespace repro
