#pragma once
/// UTF-8 text, mostly on its way to a person: data that cannot take a terminal over, characters and
/// columns, words for a shell, counted nouns.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace repro {

/// `text` with everything a terminal might act on made visible: control characters (C0 with ESC,
/// DEL, C1), bidirectional overrides and bytes that are not UTF-8 become "\x1b", "\u202e". Line
/// breaks and tabs become spaces, unless `keep_lines`. Everything that comes from a manifest, a
/// task or a file passes through here.
std::string Printable(std::string_view text, bool keep_lines = false);

/// What of `text` goes on a line of its own: all of a short one; of one with more than 300 bytes (a
/// stack trace, say) the first line, cut at 1000 bytes, with "..." after it.
std::string Brief(std::string_view text);

/// The first `bytes` of `text`, or fewer: no character is cut in two.
std::string_view Prefix(std::string_view text, std::size_t bytes);

/// Whether all of it is UTF-8: no overlong forms, no surrogates, nothing beyond Unicode.
bool IsUtf8(std::string_view text);

/// Takes the first code point off `text`, which must not be empty: U+FFFD, and one byte, where that
/// is not UTF-8.
char32_t TakeCodePoint(std::string_view& text);

/// Puts the UTF-8 of a code point, which must be one, behind `out`.
void AppendUtf8(char32_t code_point, std::string& out);

/// Code points of valid UTF-8.
std::int64_t CountCodePoints(std::string_view text);

/// Stretches of `text` without any of `blanks`, which are ASCII.
std::int64_t CountWords(std::string_view text, std::string_view blanks = " \t\n");

/// Columns that a text takes: one for each code point, two for wide East Asian ones, none for
/// marks that stand on the letter before them.
std::size_t DisplayWidth(std::string_view text);

/// `text` with blanks after it, so that it takes at least so many columns.
std::string Padded(std::string text, std::size_t columns);

/// `word` as a shell reads it back: in single quotes unless it is plain.
std::string ShellWord(std::string_view word);

/// "1 task", "12 tasks". For nouns whose plural takes an s.
std::string Plural(std::size_t count, std::string_view noun);

}  // namespace repro
