#include "experiments/datasets/known_files.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(KnownFilesTest, WhatIsKeptIsKnownAgain) {
  const TempFolder workspace;
  KnownFiles known = KnownFiles::Load(workspace.path()).value();
  EXPECT_THAT(known.ListingOf("verses", "/data").names, IsEmpty());
  EXPECT_FALSE(
      known.Add("verses", {{"text/sw.txt", {.bytes = 3, .sha256 = std::string(64, 'b')}},
                           {"text/en.txt", {.bytes = 7, .sha256 = std::string(64, 'a')}}}));
  ASSERT_TRUE(known.Save(workspace.path()));

  const KnownFiles again = KnownFiles::Load(workspace.path()).value();
  const FolderListing listing = again.ListingOf("verses", "/data");
  EXPECT_EQ(listing.folder, "/data");
  EXPECT_THAT(listing.names, ElementsAre("text/en.txt", "text/sw.txt"));
  ASSERT_NE(again.Find("verses", "text/en.txt"), nullptr);
  EXPECT_EQ(again.Find("verses", "text/en.txt")->bytes, 7);
  EXPECT_EQ(again.Find("verses", "text/fr.txt"), nullptr);
  EXPECT_EQ(again.Find("news", "text/en.txt"), nullptr);
}

TEST(KnownFilesTest, FilesOfASetFromSeveralResultsAreKnownTogether) {
  const TempFolder workspace;
  KnownFiles known = KnownFiles::Load(workspace.path()).value();
  const KnownFiles::Entry english{.bytes = 7, .sha256 = std::string(64, 'a')};
  const KnownFiles::Entry swahili{.bytes = 8, .sha256 = std::string(64, 'b')};
  const KnownFiles::Entry german{.bytes = 9, .sha256 = std::string(64, 'c')};
  EXPECT_FALSE(known.Add("novels", {{"en.txt", english}, {"sw.txt", swahili}}));
  EXPECT_FALSE(known.Add("novels", {{"en.txt", english}}));
  EXPECT_FALSE(known.Add("novels", {{"de.txt", german}, {"en.txt", english}}));
  EXPECT_THAT(known.ListingOf("novels", "/data").names, ElementsAre("de.txt", "en.txt", "sw.txt"));
  EXPECT_EQ(known.Find("novels", "sw.txt")->bytes, 8);
}

TEST(KnownFilesTest, AnotherDigestIsToldAndMakesItAnotherSet) {
  const TempFolder workspace;
  KnownFiles known = KnownFiles::Load(workspace.path()).value();
  const KnownFiles::Entry first{.bytes = 7, .sha256 = std::string(64, 'a')};
  const KnownFiles::Entry second{.bytes = 8, .sha256 = std::string(64, 'c')};
  EXPECT_FALSE(known.Add("verses", {{"en.txt", first}, {"sw.txt", first}}));
  EXPECT_FALSE(known.Add("novels", {{"en.txt", first}}));
  EXPECT_TRUE(known.Add("verses", {{"en.txt", second}}));
  EXPECT_EQ(known.Find("verses", "en.txt")->bytes, 8);
  EXPECT_EQ(known.Find("verses", "sw.txt"), nullptr);
  EXPECT_EQ(known.Find("novels", "en.txt")->bytes, 7);
}

TEST(KnownFilesTest, ADamagedListSaysWhatToDo) {
  const TempFolder workspace;
  for (const char* text :
       {"{", "[]", "{\"format\":2,\"sets\":{}}", "{\"format\":1,\"sets\":{\"a\":{\"b\":{}}}}"}) {
    ASSERT_TRUE(PutFile(workspace.path() / "data" / "known.json", text));
    const auto known = KnownFiles::Load(workspace.path());
    ASSERT_FALSE(known) << text;
    EXPECT_EQ(known.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(known.error().message, HasSubstr("known.json"));
    EXPECT_THAT(known.error().message, HasSubstr("import the results again"));
  }
}

}  // namespace
}  // namespace repro
