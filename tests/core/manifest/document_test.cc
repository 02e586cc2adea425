#include "core/manifest/document.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

constexpr std::string_view kText =
    "top = 1\n"
    "[model]\n"
    "layers = 12\n"
    "shape = { hidden = 768,  heads = 12 }\n"
    "[pretrain]\n"
    "adam.beta1 = 0.9\n"
    "rates = [1, 2.5,\n"
    "         3]\n"
    "[[series]]\n"
    "id = \"low\"\n";

Document Parsed(std::string_view text, std::string_view file = "m.toml") {
  auto document = Document::Parse(text, file);
  EXPECT_TRUE(document) << (document ? "" : document.error().message);
  return document ? *document : Document();
}

TEST(DocumentTest, PositionsAreThoseOfDottedInlineAndArrayValues) {
  const Document document = Parsed(kText);
  EXPECT_EQ(document.PositionOf("top").ToString(), "m.toml:1:7");
  EXPECT_EQ(document.PositionOf("model").ToString(), "m.toml:2:1");
  EXPECT_EQ(document.PositionOf("model.shape.heads").ToString(), "m.toml:4:34");
  EXPECT_EQ(document.Find("model.shape.heads")->key_position.ToString(), "m.toml:4:26");
  EXPECT_EQ(document.PositionOf("pretrain.adam.beta1").ToString(), "m.toml:6:14");
  const auto& rates = *document.Find("pretrain.rates")->As<Node::Array>();
  EXPECT_EQ(rates[2].position.ToString(), "m.toml:8:10");
  EXPECT_EQ((*document.Find("series")->As<Node::Array>())[0].position.ToString(), "m.toml:9:1");
}

TEST(DocumentTest, PositionOfMissingKeyIsItsSection) {
  const Document document = Parsed(kText);
  EXPECT_EQ(document.PositionOf("model.width").ToString(), "m.toml:2:1");
  EXPECT_EQ(document.PositionOf("nowhere.at.all").ToString(), "m.toml:1:1");
}

TEST(DocumentTest, OverlayMergesTablesReplacesValuesAndKeepsBothPositions) {
  Document document = Parsed(kText);
  const Document overlay = Parsed("\n\nmodel.layers = 2\npretrain = { rates = [7] }\n", "o.toml");
  document.Overlay(overlay.root());
  EXPECT_EQ(*document.Find("model.layers")->As<std::int64_t>(), 2);
  EXPECT_EQ(document.PositionOf("model.layers").ToString(), "o.toml:3:16");
  EXPECT_EQ(*document.Find("model.shape.hidden")->As<std::int64_t>(), 768);
  EXPECT_EQ(document.PositionOf("model.shape.hidden").ToString(), "m.toml:4:20");
  EXPECT_EQ(document.Find("pretrain.rates")->As<Node::Array>()->size(), 1u);
  EXPECT_EQ(*document.Find("pretrain.adam.beta1")->As<double>(), 0.9);
}

TEST(DocumentTest, CopiesAreIndependent) {
  const Document document = Parsed(kText);
  Document copy = document;
  ASSERT_TRUE(copy.Set("model.layers", Node(3)));
  copy.Erase("pretrain");
  EXPECT_EQ(*document.Find("model.layers")->As<std::int64_t>(), 12);
  EXPECT_NE(document.Find("pretrain"), nullptr);
  EXPECT_EQ(copy.Find("pretrain"), nullptr);
}

TEST(DocumentTest, SetMakesTablesOnTheWayAndRefusesToPassThroughAValue) {
  Document document = Parsed("a = 1\n");
  ASSERT_TRUE(document.Set("b.c.d", Node(std::string("x"))));
  EXPECT_EQ(*document.Find("b.c.d")->As<std::string>(), "x");
  const Status status = document.Set("a.b", Node(1));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "`a` is an integer, expected a table");
}

TEST(DocumentTest, SyntaxErrorNamesPlaceAndIsTheOnlyOne) {
  const auto document = Document::Parse("a = 1\nb = = 2\nc = [\n", "m.toml");
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(document.error().message.starts_with("m.toml:2:5: TOML syntax: "))
      << document.error().message;
  EXPECT_EQ(document.error().message.find('\n'), std::string::npos);
}

TEST(ParseValueOrStringTest, TakesTomlValuesAndFallsBackToText) {
  const SourcePosition where{.file = std::make_shared<const std::string>("--set k")};
  const auto parse = [&](std::string_view text) { return ParseValueOrString(text, where); };
  EXPECT_EQ(*parse("4_000").As<std::int64_t>(), 4000);
  EXPECT_EQ(*parse("0.5").As<double>(), 0.5);
  EXPECT_EQ(*parse("true").As<bool>(), true);
  EXPECT_EQ(*parse("\"a b\"").As<std::string>(), "a b");
  EXPECT_EQ(*parse("wiki").As<std::string>(), "wiki");
  EXPECT_EQ(*parse("").As<std::string>(), "");
  EXPECT_EQ(*parse("1\nother = 2").As<std::string>(), "1\nother = 2");
  EXPECT_EQ(parse("[1, 2]").As<Node::Array>()->size(), 2u);
  EXPECT_EQ(parse("{ a = 1 }").Get("a")->position.ToString(), "--set k");
}

TEST(NodeTest, SameValueIgnoresPositionsAndHowNumbersAreWritten) {
  const Document a = Parsed("v = { x = 1, y = [1.0, \"s\"] }");
  const Document b = Parsed("\n\n[v]\ny = [1, 's']\nx = 1.0\n");
  EXPECT_TRUE(a.root().SameValue(b.root()));
  const Document c = Parsed("v = { x = 1, y = [1.0, \"t\"] }");
  EXPECT_FALSE(a.root().SameValue(c.root()));
  EXPECT_FALSE(Node(true).SameValue(Node(1)));
}

}  // namespace
}  // namespace repro
