#pragma once
/// Text that must look as it was recorded.

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro::testing {

/// Compares with tests/testdata/golden/<name>; with REPRO_UPDATE_GOLDEN set it writes the file
/// instead.
inline void ExpectGoldenText(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(REPRO_TESTDATA) / "golden" / name;
  if (std::getenv("REPRO_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(PutFile(path, text));
    return;
  }
  const auto golden = ReadFile(path);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden) << "if this is meant: REPRO_UPDATE_GOLDEN=1, then read the difference";
}

}  // namespace repro::testing
