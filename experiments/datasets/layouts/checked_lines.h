#pragma once
/// Lines of a text file, packed or not, as the table and column layouts need them: numbered, UTF-8,
/// without a byte order mark and without their ends, "\n" or "\r\n".

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/io/text_window.h"
#include "experiments/datasets/layouts/example_problems.h"

namespace repro {

/// Whether all of it is spaces and tabs, or there is nothing.
bool IsBlankLine(std::string_view text);

/// What is wrong with a file that begins with the byte order mark of UTF-16; else nothing. `window`
/// stands at the file's beginning.
std::optional<std::string> Utf16Problem(TextWindow& window);

class CheckedLines {
 public:
  struct Line {
    std::string_view text;    ///< holds until the next call
    std::int64_t number = 0;  ///< from 1
    bool faulty = false;      ///< reported; the text is not to be used
  };

  /// `encoding` is "utf-8" or "latin-1". Errors: kNotFound, kIo; kInvalidArgument for another
  /// encoding.
  static Result<CheckedLines> Open(const std::filesystem::path& path, const std::string& encoding);

  /// Adds to `problems` a line that is too long (1 MiB), has a NUL or is not in its encoding.
  /// Nothing at the end; a damaged file ends early, which is a problem of the file, and one in
  /// UTF-16 has no lines.
  std::optional<Line> Next(ExampleProblems& problems);

  /// "FILE:LINE", for messages.
  std::string Where(std::int64_t line) const;
  /// What follows the lines given so far, up to so many bytes, as it is in the file.
  std::string_view Ahead(std::size_t bytes);

 private:
  CheckedLines(TextWindow window, bool latin1) : window_(std::move(window)), latin1_(latin1) {}

  TextWindow window_;
  bool latin1_;
  std::optional<std::string> utf16_;  // what is said of it, once
  std::int64_t number_ = 0;
  std::string converted_;
};

}  // namespace repro
