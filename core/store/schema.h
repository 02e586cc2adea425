#pragma once
/// The tables of the run log and how an older log becomes the present one. docs/formats.md, "Run
/// log", says what each column means. A change here is a new version: raise kSchemaVersion, change
/// kSchema, and add the step to Migration().

#include <string_view>

namespace repro {

/// PRAGMA user_version of a log that this build writes.
inline constexpr int kSchemaVersion = 2;
/// PRAGMA application_id: "RPRO". Tells a run log from somebody else's database.
inline constexpr int kApplicationId = 0x5250524F;

/// Makes an empty log of version kSchemaVersion.
extern const std::string_view kSchema;

/// SQL that turns version `from` into `from + 1`; empty when there is no such step. Runs inside one
/// transaction.
std::string_view Migration(int from);

}  // namespace repro
