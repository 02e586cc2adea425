#pragma once
/// Malformed manifests as data: a file of tests/testdata begins with comment lines, the messages
/// that it must give, all of them and in this order.

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/core/manifest/test_paths.h"

namespace repro {

/// Every file of a folder of tests/testdata, sorted.
inline std::vector<std::filesystem::path> TestdataFiles(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TestdataDir() / folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline std::string ExpectedMessage(const std::string& text) {
  std::istringstream lines(text);
  std::string expected;
  for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
    expected += (expected.empty() ? "" : "\n") + line.substr(2);
  }
  return expected;
}

/// Messages name files by path; the test files of `folder` say "name.toml" and
/// "manifests/languages.toml".
inline std::string WithoutFolders(std::string message, const std::string& folder) {
  std::error_code error;
  const auto strip = [&](const std::string& prefix, const std::string& with) {
    for (std::size_t at = message.find(prefix); at != std::string::npos;
         at = message.find(prefix, at + with.size())) {
      message.replace(at, prefix.size(), with);
    }
  };
  for (const std::filesystem::path& root :
       {CheckoutDir(), std::filesystem::proximate(CheckoutDir(), error)}) {
    const std::string prefix = root == "." ? std::string() : root.string() + "/";
    strip(prefix + "tests/testdata/" + folder + "/", "");
    strip(prefix + "manifests/", "manifests/");
    strip(prefix + "results/reference", "results/reference");
  }
  return message;
}

}  // namespace repro
