#pragma once
/// Where the markup of a page of wikitext begins and ends; what it shows is decided elsewhere
/// (wikitext.cc).
///
/// One pass with an explicit stack, so time and memory are linear in the text, whatever its
/// nesting. A closing bracket closes the last construct of its kind, and what was opened within
/// and not closed stays open for good. A heading closes nothing and lets nothing through: what is
/// open there stays open, so that a forgotten "}}" costs no more than its section. Elements
/// (<ref>, <math>, ...) and comments that do not end are taken to end with their line.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace repro {

struct MarkupSpan {
  enum class Kind : std::uint8_t {
    kHidden,        ///< a comment; an element whose content is no prose, whole
    kTag,           ///< of any other element, alone: its content is text
    kBreak,         ///< a tag that begins a new line: <br>, <p>, <div>
    kItem,          ///< a tag that begins an item of a list
    kLiteral,       ///< what stands between <nowiki> and its end
    kTemplate,      ///< {{...}}, {{{...}}}
    kTable,         ///< {|...|}
    kLink,          ///< [[...]]
    kExternalLink,  ///< [http://...], within one line
  };

  bool closed() const { return end != 0; }

  std::uint32_t begin = 0;
  std::uint32_t end = 0;  ///< behind it; 0: never closed
  Kind kind = Kind::kHidden;
  std::uint8_t bracket = 0;  ///< bytes of the opening bracket, and of the closing one
};

/// In the order of their beginnings, none empty. Closed spans never overlap but by nesting; within
/// those of the first five kinds there are none. `text` must be shorter than 4 GiB.
std::vector<MarkupSpan> FindMarkup(std::string_view text);

/// The part of `text` without the blanks and line ends around it, which names and arguments may
/// have.
std::string_view Trimmed(std::string_view text);

/// Bytes of the scheme ("https://", "//", "mailto:") that `text` begins with; 0 if with none.
std::size_t UrlScheme(std::string_view text);

}  // namespace repro
