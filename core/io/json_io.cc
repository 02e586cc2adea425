#include "core/io/json_io.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/base/text.h"
#include "core/io/file.h"

namespace repro {
namespace {

// The library counts the bytes that it has read: the place is that of the last one.
tl::unexpected<Error> NotJson(std::string_view text, std::string_view where,
                              const Json::exception& error) {
  const auto* parse_error = dynamic_cast<const Json::parse_error*>(&error);
  if (parse_error == nullptr || parse_error->byte == 0) {
    return Fail(ErrorCode::kCorrupt, "{}: not valid JSON: {}", where, JsonProblem(error));
  }
  const std::string_view before = text.substr(0, std::min(parse_error->byte - 1, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_break = before.rfind('\n');  // npos + 1 is 0
  const std::int64_t column = 1 + CountCodePoints(before.substr(line_break + 1));
  return Fail(ErrorCode::kCorrupt, "{}:{}:{}: not valid JSON: {}", where, line, column,
              JsonProblem(error));
}

// "last read: '...'" quotes all of a text that was not closed, which may be half a file: the end of
// it is what leads to the place.
void ShortenQuote(std::string& message) {
  constexpr std::string_view kQuote = "last read: '";
  constexpr std::size_t kShown = 40;
  const std::size_t found = message.find(kQuote);
  if (found == std::string::npos) return;
  const std::size_t begin = found + kQuote.size();
  std::size_t end = message.rfind("', expected ");
  if (end == std::string::npos) end = message.size() - 1;
  if (end <= begin + kShown) return;
  const std::string_view read = std::string_view(message).substr(begin, end - begin);
  const std::size_t cut = Prefix(read, read.size() - kShown).size();
  message.replace(begin, cut, "...");
}

}  // namespace

std::string JsonProblem(const Json::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error while parsing
  // value - unexpected end of input; expected ']'": what stands behind the dash. Others have no
  // dash: "[json.exception.out_of_range.403] key 'format' not found".
  std::string text = error.what();
  const std::size_t end = text.find("] ");
  if (text.starts_with("[json.exception.") && end != std::string::npos) text.erase(0, end + 2);
  if (dynamic_cast<const Json::parse_error*>(&error) != nullptr) {
    const std::size_t dash = text.find(" - ");
    if (dash != std::string::npos) text.erase(0, dash + 3);
    const std::size_t expected = text.rfind("; expected ");
    if (expected != std::string::npos) text[expected] = ',';
    ShortenQuote(text);
  }
  return Printable(Brief(text));  // it quotes what it has read of a name or text
}

Result<Json> ParseJson(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return NotJson(text, where, error);
  }
}

Result<Json> ParseJsonOfUniqueNames(std::string_view text, std::string_view where) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  std::string twice;
  const auto see = [&](int, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && twice.empty()) {
      const auto& name = value.get_ref<const std::string&>();
      if (!names.back().insert(name).second) twice = fmt::format("'{}'", name);
    }
    return true;
  };
  try {
    Json json = Json::parse(text, see);
    if (twice.empty()) return json;
    return Fail(ErrorCode::kCorrupt, "{}: {} is there twice, and only one of the two can be meant",
                where, Printable(Brief(twice)));
  } catch (const Json::exception& error) {
    return NotJson(text, where, error);
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
