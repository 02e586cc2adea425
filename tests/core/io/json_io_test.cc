#include "core/io/json_io.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/file.h"

namespace repro {
namespace {

using testing::HasSubstr;

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
  EXPECT_THAT(broken.error().message, HasSubstr("attempt/task.json: not valid JSON"));
  EXPECT_THAT(broken.error().message, HasSubstr("column 9"));
}

TEST(JsonIoTest, ATornFileIsCorruptAndAMissingOneNotFound) {
  const auto path = std::filesystem::path(testing::TempDir()) / "json_io_test.json";
  ASSERT_TRUE(WriteFileAtomic(path, R"({"files": [{"name": "x)"));
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
