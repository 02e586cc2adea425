#include "experiments/corpus/coded/type_inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TypeInventoryTest, CountsTypesInOneOrder) {
  TypeCounter counter;
  counter.Add("The dog's THE hat, the cat's hat 7th");
  counter.Add("McOwen na\u00efve cafe\u0301 I i \u0416x");
  // of no type: McOwen, naive and cafe with their marks, and the word of two scripts
  EXPECT_EQ(counter.words(), 12);
  EXPECT_THAT(
      counter.MostFrequent(100).types(),
      ElementsAre(WordType{"the", 3}, WordType{"hat", 2}, WordType{"i", 2}, WordType{"s", 2},
                  WordType{"cat", 1}, WordType{"dog", 1}, WordType{"th", 1}));
  const TypeInventory three = counter.MostFrequent(3);
  EXPECT_EQ(three.types().size(), 3U);
  EXPECT_EQ(three.Find("i"), 2U);
  EXPECT_EQ(three.Find("s"), std::nullopt);
}

TEST(TypeInventoryTest, ComesBackFromItsFile) {
  const TempFolder folder;
  const TypeInventory saved(std::vector<WordType>{{"b", 2}, {"a", 2}, {"c", 30}});
  ASSERT_TRUE(saved.Save(folder / "types.tsv"));
  EXPECT_EQ(ReadFile(folder / "types.tsv").value(), "c\t30\na\t2\nb\t2\n");
  const auto loaded = TypeInventory::Load(folder / "types.tsv");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->types(), saved.types());
}

TEST(TypeInventoryTest, SaysWhichLineIsWrong) {
  const TempFolder folder;
  const auto message = [&](std::string_view text) {
    EXPECT_TRUE(WriteFileAtomic(folder / "t.tsv", text));
    const auto loaded = TypeInventory::Load(folder / "t.tsv");
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_EQ(message(""), "");
  EXPECT_THAT(message("a\t3\nb\tx\n"), HasSubstr("t.tsv:2: `b x`: expected a word of the letters"));
  EXPECT_THAT(message("a\t3\nb\t4\n"), HasSubstr("t.tsv:2: "));
  EXPECT_THAT(message("a\t3\nb\t2"), HasSubstr("t.tsv:2: "));
  EXPECT_THAT(message("a 3\n"), HasSubstr("t.tsv:1: "));
  EXPECT_THAT(message("A\t3\n"), HasSubstr("t.tsv:1: "));
  EXPECT_THAT(message("a\t0\n"), HasSubstr("t.tsv:1: "));
  EXPECT_THAT(message("a\t99999999999999999999\n"), HasSubstr("t.tsv:1: "));
  EXPECT_THAT(message("a\t3\nb\t2\na\t1\n"), HasSubstr("t.tsv: a word stands there twice"));
  EXPECT_EQ(TypeInventory::Load(folder / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace repro
