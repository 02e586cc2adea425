#pragma once
/// Which machine this is, who uses it and what this process took of it, for records and messages.

#include <cstdint>
#include <string>

namespace repro {

/// "?" when the system does not say.
std::string HostName();

/// Name of the effective user; the number where it has no name.
std::string UserName();

/// Largest resident set of this process so far, bytes.
std::int64_t PeakResidentBytes();

}  // namespace repro
