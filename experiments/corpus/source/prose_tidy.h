#pragma once
/// Prose after markup was taken out of it.

#include <string>
#include <string_view>

namespace repro {

/// Stands in a text where something was taken out: a reference, a template, a formula.
inline constexpr char kGap = '\x01';

/// One line. White space of all kinds is one blank, control characters go, and so does what gaps
/// left behind: "( ; )", the comma after "(" or before ")", the first of two separators with a gap
/// between, a blank in front of the comma that follows one. Where no gap is, blanks and commas stay
/// as they were written.
std::string TidyProse(std::string_view line);

}  // namespace repro
