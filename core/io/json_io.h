#pragma once
/// Reading and writing of JSON: what the parser throws becomes a Result here.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/base/result.h"

namespace repro {

/// Objects keep their keys sorted, so `dump()` of equal values gives equal bytes: our canonical
/// form.
using Json = nlohmann::json;

/// `where` names the source in the message, e.g. the path. Errors: kCorrupt,
/// "where:line:column: not valid JSON: what is wrong".
Result<Json> ParseJson(std::string_view text, std::string_view where);
/// As `ParseJson`, and an object that has a name twice is kCorrupt, too: `ParseJson` keeps the
/// last. For files of others, where the two may contradict each other.
Result<Json> ParseJsonOfUniqueNames(std::string_view text, std::string_view where);
/// Reads and parses a file. Errors: kNotFound, kIo, kCorrupt.
Result<Json> LoadJson(const std::filesystem::path& path);
/// What the library says is wrong, without its own names and positions: "unexpected end of input,
/// expected ']'", "key 'format' not found".
std::string JsonProblem(const Json::exception& error);
/// Canonical bytes: no spaces, sorted keys, UTF-8; invalid UTF-8 is replaced, never thrown.
std::string CanonicalJson(const Json& value);

/// The text of a field; empty when the object has none of that name, or it is no text. For what
/// others wrote: nlohmann's `value` throws when the type is another.
std::string TextField(const Json& object, const char* name);

/// `object[name]` as a whole number, rounded towards 0; 0 when it is no number, is not there, or is
/// too large to be one.
std::int64_t IntegerField(const Json& object, const char* name);

}  // namespace repro
