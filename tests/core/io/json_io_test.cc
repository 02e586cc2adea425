#include "core/io/json_io.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(JsonIoTest, CanonicalBytesDoNotDependOnOrderOrSpacing) {
  const Json one =
      ParseJson(R"({"b": [1, 2.5, null], "a": {"y": "\u00e9", "x": true}})", "one").value();
  const Json two =
      ParseJson("{\"a\":{\"x\":true,\"y\":\"\xc3\xa9\"},\n \"b\":[1,2.5,null]}", "two").value();
  EXPECT_EQ(CanonicalJson(one), CanonicalJson(two));
  EXPECT_EQ(CanonicalJson(one), "{\"a\":{\"x\":true,\"y\":\"\xc3\xa9\"},\"b\":[1,2.5,null]}");
}

TEST(JsonIoTest, NumbersSurviveTheRoundTrip) {
  const Json value = {
      {"int", 9'007'199'254'740'993}, {"double", 0.1}, {"whole", 1.0}, {"tiny", 5e-324}};
  const Json again = ParseJson(CanonicalJson(value), "round trip").value();
  EXPECT_EQ(again, value);
  EXPECT_TRUE(again["whole"].is_number_float());
  EXPECT_EQ(again["int"].get<std::int64_t>(), 9'007'199'254'740'993);
}

TEST(JsonIoTest, BytesThatAreNoUtf8AreReplacedNotThrown) {
  EXPECT_EQ(CanonicalJson(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

TEST(JsonIoTest, AParseErrorNamesTheSourceAndThePlace) {
  const auto broken = ParseJson(R"({"a": 1,})", "attempt/task.json");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(broken.error().message,
            "attempt/task.json:1:9: not valid JSON: unexpected '}', expected string literal");
  // Lines begin at 1, columns count characters; the end of the text is a place, too.
  const auto message = [](const std::string& text) { return ParseJson(text, "x").error().message; };
  EXPECT_THAT(message("{\n  \"\u00e9\u00e9\": 1\n}}"),
              HasSubstr("x:3:2: not valid JSON: unexpected '}'"));
  EXPECT_THAT(message("[\"\xc3\xa9\" 2]"), HasSubstr("x:1:6: not valid JSON: unexpected number"));
  EXPECT_THAT(message("[\"a\nb\"]"), HasSubstr("x:1:4: not valid JSON: invalid string"));
  EXPECT_THAT(message(""), HasSubstr("x:1:1: not valid JSON: unexpected end of input, expected"));
  EXPECT_EQ(message("\"" + std::string(900, 'x') + "the end"),
            "x:1:909: not valid JSON: invalid string: missing closing quote; last read: '..." +
                std::string(33, 'x') + "the end'")
      << "half a file is not quoted";
  EXPECT_EQ(message("[1e999]"), "x: not valid JSON: number overflow parsing '1e999'");
}

TEST(JsonIoTest, MessagesHoldNothingThatATerminalActsOnAndNoTextWithoutEnd) {
  const auto raw = ParseJson("[\x1b[2J]", "x");
  ASSERT_FALSE(raw);
  EXPECT_THAT(raw.error().message, Not(HasSubstr("\x1b")));
  const auto endless = ParseJson("\"" + std::string(1 << 20, 'a'), "x");
  ASSERT_FALSE(endless);
  EXPECT_LT(endless.error().message.size(), 1200U);
}

TEST(JsonIoTest, ANameThatIsThereTwiceInOneObjectIsFoundWhereItIsAskedFor) {
  const std::string twice = R"({"a": {"b": 1, "c": [{"b": 2}], "b": 3}})";
  EXPECT_EQ(ParseJson(twice, "x").value()["a"]["b"], 3);
  const auto refused = ParseJsonOfUniqueNames(twice, "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("x: 'b' is there twice"));
  // The same name in other objects: beside, above and below.
  const std::string fine = R"({"a": {"a": [{"a": 1}, {"a": 2}]}, "b": {"a": {}}})";
  EXPECT_EQ(ParseJsonOfUniqueNames(fine, "x").value(), ParseJson(fine, "x").value());
  EXPECT_THAT(ParseJsonOfUniqueNames("{\"a\": 1,\n}", "x").error().message,
              HasSubstr("x:2:1: not valid JSON"));
}

TEST(JsonIoTest, AnExceptionOfTheLibraryBecomesAPlainSentence) {
  try {
    (void)Json::object().at("format");
    FAIL();
  } catch (const Json::exception& error) {
    EXPECT_EQ(JsonProblem(error), "key 'format' not found");
  }
}

TEST(JsonIoTest, ATornFileIsCorruptAndAMissingOneNotFound) {
  const auto path = std::filesystem::path(testing::TempDir()) / "json_io_test.json";
  ASSERT_TRUE(PutFile(path, R"({"files": [{"name": "x)"));
  const auto torn = LoadJson(path);
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(torn.error().message, HasSubstr(path.string()));
  std::filesystem::remove(path);
  const auto missing = LoadJson(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST(TextFieldTest, IsEmptyForWhatIsNoText) {
  const Json json = {{"text", "word"}, {"number", 3}};
  EXPECT_EQ(TextField(json, "text"), "word");
  EXPECT_EQ(TextField(json, "number"), "");
  EXPECT_EQ(TextField(json, "absent"), "");
  EXPECT_EQ(TextField(Json::array({"text"}), "text"), "");
  EXPECT_EQ(TextField(Json(), "text"), "");
}

}  // namespace
}  // namespace repro
