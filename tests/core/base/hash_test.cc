#include "core/base/hash.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace repro {
namespace {

// FIPS 180-4's example messages (NIST CSRC, "SHA256.pdf" and the long message of FIPS 180-2,
// appendix B.3).
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr std::string_view kTwoBlocksDigest =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

TEST(HashTest, MatchesTheFipsExamples) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(kTwoBlocks), kTwoBlocksDigest);
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(HashTest, DigestDoesNotDependOnHowTheBytesAreCut) {
  for (std::size_t cut = 0; cut <= kTwoBlocks.size(); ++cut) {
    Sha256 hash;
    hash.Update(kTwoBlocks.substr(0, cut));
    hash.Update(kTwoBlocks.substr(cut));
    EXPECT_EQ(hash.HexDigest(), kTwoBlocksDigest) << "cut at " << cut;
  }
}

TEST(HashTest, FileDigestIsThatOfItsBytesAcrossReadBlocks) {
  const auto path = std::filesystem::path(testing::TempDir()) / "hash_test.bin";
  std::string bytes(3'000'001, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Sha256File(path).value(), Sha256Hex(bytes));
  std::filesystem::remove(path);
}

TEST(HashTest, FileThatCannotBeReadIsAnIoErrorWithItsPath) {
  const auto missing = Sha256File("/nonexistent/file.bin");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_EQ(missing.error().message,
            "/nonexistent/file.bin: cannot open: No such file or directory");
  const auto folder = Sha256File(testing::TempDir());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace repro
