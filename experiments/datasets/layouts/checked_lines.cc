#include "experiments/datasets/layouts/checked_lines.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void FromLatin1(std::string_view text, std::string& out) {
  out.clear();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0U | (byte >> 6U));
      out += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
}

/// `text`, which is no UTF-8, from the first byte on that is wrong.
std::string_view FromFirstInvalid(std::string_view text) {
  for (;;) {
    std::string_view after = text;
    const char32_t point = TakeCodePoint(after);
    if (point == U'\uFFFD' && after.size() + 1 == text.size()) return text;
    text = after;
  }
}

}  // namespace

bool IsBlankLine(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

std::optional<std::string> Utf16Problem(TextWindow& window) {
  const std::string_view start = window.Fill(2).substr(0, 2);
  if (start != "\xFF\xFE" && start != "\xFE\xFF") return std::nullopt;
  return fmt::format(
      "{}: is UTF-16, by its first bytes, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8",
      window.source().path().string());
}

Result<CheckedLines> CheckedLines::Open(const std::filesystem::path& path,
                                        const std::string& encoding) {
  const bool latin1 = encoding == "latin-1";
  if (!latin1 && encoding != "utf-8") {
    return Fail(ErrorCode::kInvalidArgument, "{}: encoding `{}`, expected `utf-8` or `latin-1`",
                path.string(), Printable(encoding));
  }
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
  CheckedLines lines(TextWindow(std::move(source)), latin1);
  lines.utf16_ = Utf16Problem(lines.window_);
  if (lines.window_.Fill(kByteOrderMark.size()).starts_with(kByteOrderMark)) {
    lines.window_.Consume(kByteOrderMark.size());
  }
  return lines;
}

std::string CheckedLines::Where(std::int64_t line) const {
  return fmt::format("{}:{}", window_.source().path().string(), line);
}

std::string_view CheckedLines::Ahead(std::size_t bytes) {
  return window_.Fill(bytes).substr(0, bytes);
}

std::optional<CheckedLines::Line> CheckedLines::Next(ExampleProblems& problems) {
  if (utf16_) {
    problems.AddFile(*utf16_);
    return std::nullopt;
  }
  const auto next = window_.NextLine(kLongestLine);
  if (!next) {
    if (window_.damage()) problems.AddFile(window_.damage()->message);
    return std::nullopt;
  }
  Line line{.text = next->text, .number = ++number_};
  const auto fault = [&](std::string_view reason, std::string_view what, std::string_view found,
                         std::string_view expected) {
    problems.Add(reason, Where(line.number), what, found, expected);
    line.faulty = true;
  };
  if (next->cut) {
    fault("long-line", fmt::format("a line of {} bytes", next->bytes), next->text,
          fmt::format("at most {}", kLongestLine));
  } else if (next->text.find('\0') != std::string_view::npos) {
    fault("nul", "a NUL byte in the line", next->text, "text");
  } else if (latin1_) {
    if (IsAscii(next->text)) return line;
    if (IsUtf8(next->text)) {
      fault("not-latin-1", "UTF-8 in a file that is said to be Latin-1", next->text,
            "`encoding = \"utf-8\"`");
    } else {
      FromLatin1(next->text, converted_);
      line.text = converted_;
    }
  } else if (!IsUtf8(next->text)) {
    fault("not-utf-8", "no UTF-8 from here on", FromFirstInvalid(next->text),
          "UTF-8; for Latin-1, `encoding = \"latin-1\"`");
  }
  return line;
}

}  // namespace repro
