#include "core/manifest/canonical.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/manifest/test_paths.h"

namespace repro {
namespace {

std::string CanonicalOf(std::string_view text) {
  const auto document = Document::Parse(text, "m.toml");
  EXPECT_TRUE(document) << ErrorOf(document) << "\n" << text;
  return document ? CanonicalText(document->root()) : std::string();
}

/// Writes a tree as TOML in a random order and manner that means the same.
class RandomWriter {
 public:
  explicit RandomWriter(std::uint64_t seed) : rng_(seed, "canonical-test") {}

  std::string Write(const Node::Table& root) {
    std::string text;
    Body(root, "", text);
    return text;
  }

 private:
  std::vector<std::pair<std::string, const Node*>> Shuffled(const Node::Table& table) {
    std::vector<std::pair<std::string, const Node*>> members;
    for (const auto& [key, node] : table) members.emplace_back(key, &node);
    rng_.Shuffle(members);
    return members;
  }

  bool Coin() { return rng_.Below(2) == 0; }
  std::string Space() { return std::string(rng_.Below(3), ' '); }
  std::string Comment() {
    return Coin() ? fmt::format("{}# comment {}\n", Space(), rng_.Below(100)) : "\n";
  }

  static bool IsTableArray(const Node& node) {
    const auto* array = node.As<Node::Array>();
    return array != nullptr && !array->empty() && array->front().IsTable();
  }

  /// Values first, then sub-tables under headers of their own, inline, or as dotted keys.
  void Body(const Node::Table& table, const std::string& path, std::string& text) {
    std::string later;
    for (const auto& [key, node] : Shuffled(table)) {
      const std::string full = path.empty() ? key : path + "." + key;
      if (IsTableArray(*node)) {
        Node::Array rows = *node->As<Node::Array>();
        rng_.Shuffle(rows);
        for (const Node& row : rows) {
          later += fmt::format("[[{}]]{}", full, Comment());
          Body(*row.As<Node::Table>(), full, later);
        }
      } else if (const auto* child = node->As<Node::Table>()) {
        if (Coin() && !child->empty()) {
          text += fmt::format("{} = {}{}", key, Inline(*child), Comment());
        } else {
          later += fmt::format("[{}]{}", full, Comment());
          Body(*child, full, later);
        }
      } else {
        text +=
            fmt::format("{}{}{}={}{}{}", Space(), key, Space(), Space(), Value(*node), Comment());
      }
    }
    text += later;
  }

  std::string Inline(const Node::Table& table) {
    std::string text = "{";
    for (const auto& [key, node] : Shuffled(table)) {
      if (text.size() > 1) text += ", ";
      const auto* child = node->As<Node::Table>();
      text += " " + key + " = " + (child != nullptr ? Inline(*child) : Value(*node));
    }
    return text + " }";
  }

  std::string Value(const Node& node) {
    if (const auto* integer = node.As<std::int64_t>()) {
      if (*integer >= 1000 && Coin()) {
        return fmt::format("{}_{:03}", *integer / 1000, *integer % 1000);
      }
      return Coin() ? fmt::format("{}", *integer) : fmt::format("{}.0", *integer);
    }
    if (const auto* number = node.As<double>()) {
      return Coin() ? fmt::format("{:.17e}", *number) : fmt::format("{:#.17g}", *number);
    }
    if (const auto* array = node.As<Node::Array>()) {
      std::string text = "[";
      for (const Node& child : *array) text += (Coin() ? "\n  " : " ") + Value(child) + ",";
      return text + "]";
    }
    if (const auto* text = node.As<std::string>()) {
      const bool plain = text->find('\'') == std::string::npos;
      return plain && Coin() ? "'" + *text + "'" : Json(*text).dump();
    }
    return node.ToText();
  }

  Rng rng_;
};

TEST(CanonicalTest, OneLineAValueSortedByPath) {
  EXPECT_EQ(
      CanonicalOf("b = 0.50\n[a]\nz = 1_000\ny = [1.0, \"x\"]\n[[s]]\nid = \"q\"\nn = true\n"),
      "a.y = [1, \"x\"]\n"
      "a.z = 1000\n"
      "b = 0.5\n"
      "s[q].id = \"q\"\n"
      "s[q].n = true\n");
}

TEST(CanonicalTest, RandomOrderCommentsAndFormattingChangeNothing) {
  for (const std::filesystem::path& path :
       {ManifestDir() / "fig2.toml", TestdataDir() / "mini.toml"}) {
    const auto document = Document::Load(path);
    ASSERT_TRUE(document) << ErrorOf(document);
    const std::string expected = CanonicalText(document->root());
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const std::string text = RandomWriter(seed).Write(*document->root().As<Node::Table>());
      ASSERT_EQ(CanonicalOf(text), expected) << "seed " << seed << "\n" << text;
    }
  }
}

TEST(CanonicalTest, AnyChangedValueChangesTheText) {
  const auto document = Document::Load(TestdataDir() / "mini.toml");
  ASSERT_TRUE(document) << ErrorOf(document);
  const std::string expected = CanonicalText(document->root());
  int changed = 0;
  for (const auto& [path, leaf] : Leaves(document->root())) {
    if (leaf->IsArray()) continue;
    Document other = *document;
    ASSERT_TRUE(other.Set(path, Node(std::string("something else"))));
    EXPECT_NE(CanonicalText(other.root()), expected) << path;
    ++changed;
  }
  EXPECT_GT(changed, 20);
}

TEST(CanonicalTest, OrderOfPlainArraysCounts) {
  EXPECT_NE(CanonicalOf("a = [1, 2]"), CanonicalOf("a = [2, 1]"));
}

}  // namespace
}  // namespace repro
