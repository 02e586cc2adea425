#pragma once
/// What KenLM says when something is wrong, for a message of ours.

#include <string>
#include <string_view>

namespace repro {

/// One line out of an exception's text or what a program of KenLM wrote to its standard error: what
/// follows the last "FILE:LINE in FUNCTION threw TYPE because ...", which is about KenLM's source;
/// without such a line, the last one.
std::string KenlmReason(std::string_view said);

}  // namespace repro
