#include "core/cli/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::size_t kDefaultReadingWidth = 100;
constexpr std::size_t kWidestReading = 140;
constexpr std::size_t kNarrowest = 20;  // below, words would be torn into letters

std::size_t FromEnvironment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  const long value = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
  return value > 0 && value < 10'000 ? static_cast<std::size_t>(value) : otherwise;
}

}  // namespace

TerminalSize CurrentTerminalSize(TerminalSize otherwise) {
  struct winsize window = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    return {window.ws_col, window.ws_row};
  }
  return {FromEnvironment("COLUMNS", otherwise.columns), FromEnvironment("LINES", otherwise.rows)};
}

std::size_t ReadingWidth() {
  TerminalSize otherwise;
  otherwise.columns = kDefaultReadingWidth;
  return std::clamp(CurrentTerminalSize(otherwise).columns, kNarrowest, kWidestReading);
}

std::size_t TableWidth() {
  TerminalSize otherwise;
  otherwise.columns = 0;
  const std::size_t columns = CurrentTerminalSize(otherwise).columns;
  return columns == 0 ? 0 : std::max(columns, kNarrowest);
}

bool LocaleIsUtf8() {
  const char* locale = nullptr;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (locale == nullptr || *locale == '\0') locale = std::getenv(name);
  }
  const std::string_view language = locale == nullptr ? "" : locale;
  return language.find("UTF-8") != std::string_view::npos ||
         language.find("utf8") != std::string_view::npos;
}

std::string CutToColumns(const std::string& text, std::size_t columns) {
  std::string_view cut = text;
  while (DisplayWidth(cut) > columns) cut = Prefix(cut, cut.size() - 1);
  return std::string(cut);
}

std::vector<std::string> WrapToColumns(const std::string& text, std::size_t columns) {
  columns = std::max<std::size_t>(columns, 1);
  std::vector<std::string> lines;
  std::string line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && DisplayWidth(line) + 1 + DisplayWidth(word) <= columns) {
      line += ' ' + word;
      continue;
    }
    if (!line.empty()) lines.push_back(std::exchange(line, {}));
    while (DisplayWidth(word) > columns) {
      const std::string part = CutToColumns(word, columns);
      if (part.empty()) break;  // a wide character in one column
      lines.push_back(part);
      word.erase(0, part.size());
    }
    line = word;
  }
  if (!line.empty() || lines.empty()) lines.push_back(line);
  return lines;
}

std::string CutColored(const std::string& line, std::size_t columns, std::string_view ellipsis) {
  if (!ellipsis.empty()) {
    const std::string whole = CutColored(line, columns);
    if (whole == line) return line;
    // Before the escape that ends the colour, so that it has the line's.
    std::string cut = CutColored(line, columns - std::min(columns, DisplayWidth(ellipsis)));
    const bool coloured = cut.ends_with("\x1b[0m");
    cut.insert(coloured ? cut.rfind('\x1b') : cut.size(),
               CutToColumns(std::string(ellipsis), columns));
    return cut;
  }
  std::string cut;
  std::size_t width = 0;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      const std::size_t end = std::min(line.find('m', i), line.size() - 1) + 1;
      cut.append(line, i, end - i);
      i = end;
      continue;
    }
    std::size_t length = 1;  // of the character: its bytes 10xxxxxx follow the first
    while (i + length < line.size() && (line[i + length] & 0xC0) == 0x80) ++length;
    const std::string_view character = std::string_view(line).substr(i, length);
    width += DisplayWidth(character);
    if (width <= columns) cut += character;
    i += length;
  }
  return cut;
}

Screen::Screen(std::ostream& out) : out_(out) {
  out_ << "\x1b[?1049h\x1b[?25l" << std::flush;
}

Screen::~Screen() {
  out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
}

void Screen::Draw(const std::vector<std::string>& lines, TerminalSize size) {
  // Each line is cleared as it is written: clearing all first would flicker.
  const std::string_view ellipsis = LocaleIsUtf8() ? "…" : "...";
  std::string frame = "\x1b[H";
  for (std::size_t i = 0; i < std::min(lines.size(), size.rows); ++i) {
    if (i > 0) frame += "\r\n";
    frame += CutColored(lines[i], size.columns, ellipsis) + "\x1b[K";
  }
  out_ << frame << "\x1b[J" << std::flush;
}

}  // namespace repro
