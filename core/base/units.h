#pragma once
/// Sizes, times and counts as a person reads them. One place, so that every page says them alike.

#include <cstdint>
#include <string>

namespace repro {

/// "512 B", "1.30 GiB"
std::string FormatBytes(std::int64_t bytes);
/// "0.4 s", "12 s", "3 min 05 s", "2 h 07 min", "3 d 4 h"; "unknown" when not finite.
std::string FormatDuration(double seconds);
/// "12,345"
std::string FormatCount(std::int64_t count);
/// "18.2K/s"
std::string FormatRate(double per_second);
/// UTC, ISO 8601 to the second: "2026-01-31T10:20:30Z". `unix_ms`: milliseconds since 1970.
std::string FormatTime(std::int64_t unix_ms);
/// Wall clock, milliseconds since 1970. Only for display and logs: durations use a steady clock.
std::int64_t WallTimeMs();
/// Steady clock in seconds; only differences mean something.
double SteadySeconds();

}  // namespace repro
