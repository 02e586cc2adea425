#pragma once
/// Which machine this is and who uses it, for records and messages.

#include <string>

namespace repro {

/// "?" when the system does not say.
std::string HostName();

/// Name of the effective user; the number where it has no name.
std::string UserName();

}  // namespace repro
