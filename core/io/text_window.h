#pragma once
/// A window on the unpacked bytes of a file: what a reader of lines or records looks at before it
/// decides how much of it to take. Nothing is copied twice.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/io/byte_source.h"

namespace repro {

class TextWindow {
 public:
  explicit TextWindow(ByteSource source) : source_(std::move(source)) {}

  /// The bytes from `offset()` on: at least `bytes` of them, less only where the input ends or is
  /// damaged. The view holds until the next call of anything but const.
  std::string_view Fill(std::size_t bytes);
  /// What is at hand without reading.
  std::string_view buffered() const { return {block_.data() + begin_, end_ - begin_}; }
  /// Goes on behind the next `bytes` bytes, which must be at hand.
  void Consume(std::size_t bytes);
  /// As `Consume`, for bytes that need not be at hand; returns how many there were.
  std::uint64_t Skip(std::uint64_t bytes);

  /// Where the first `needle` begins, counted from `offset()`, reading on as far as is needed: npos
  /// when it is not within the next `limit` bytes, or the input ends before.
  std::size_t Find(std::string_view needle, std::size_t limit);
  /// Goes on at the first `needle`; false, and at the end, where none comes.
  bool SkipTo(std::string_view needle);

  /// A line without its end ("\n" or "\r\n"), and without what is beyond `limit` bytes of it.
  struct Line {
    std::string_view text;     ///< as `Fill`'s view
    std::uint64_t offset = 0;  ///< of its first byte, unpacked
    std::uint64_t bytes = 0;   ///< all of it, with its end
    bool cut = false;          ///< there was more than `limit`
  };
  /// Nothing at the end of the input, and where it is damaged: half a line is none. A last line
  /// needs no end, but in a prefix (Extent), which ends anywhere.
  std::optional<Line> NextLine(std::size_t limit);

  /// Unpacked bytes before the window.
  std::uint64_t offset() const { return offset_; }
  /// Why the input stopped before its end. What is still at hand came before the damage.
  const std::optional<Error>& damage() const { return damage_; }
  /// After damage: drops what is at hand and goes on behind it, where that can be done
  /// (ByteSource).
  Result<bool> Recover();
  const ByteSource& source() const { return source_; }

 private:
  ByteSource source_;
  std::vector<char> block_;
  std::string long_line_;  // the start of a line longer than its limit
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool at_end_ = false;
  std::optional<Error> damage_;
};

}  // namespace repro
