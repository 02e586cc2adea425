#include "core/io/json_io.h"

#include <cmath>

#include "core/io/file.h"

namespace repro {

Result<Json> ParseJson(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: not valid JSON: {}", where, error.what());
  }
}

Result<Json> LoadJson(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseJson(text, path.string());
}

std::string CanonicalJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string TextField(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t IntegerField(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return 0;
  const double value = found->get<double>();
  return std::abs(value) < 9e15 ? static_cast<std::int64_t>(value) : 0;
}

}  // namespace repro
