#pragma once
/// References to characters: &amp; &#8211; &#x2013; &ndash; and the other names of HTML 4.

#include <string>
#include <string_view>

namespace repro {

/// The text with each reference replaced by its character in UTF-8. What is no reference (an
/// unknown name, a number that is no character, no ";") stays as it is. One pass: "&amp;lt;" gives
/// "&lt;".
std::string DecodeEntities(std::string_view text);

}  // namespace repro
