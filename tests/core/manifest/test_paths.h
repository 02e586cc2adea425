#pragma once
/// Where the checkout's own manifests and references lie.

#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/result.h"
#include "core/io/file.h"
#include "core/manifest/manifest.h"
#include "tests/core/manifest/test_settings.h"
#include "tests/core/temp_folder.h"

namespace repro {

inline std::filesystem::path TestdataDir() {
  return REPRO_TESTDATA;
}
inline std::filesystem::path CheckoutDir() {
  return TestdataDir().parent_path().parent_path();
}
inline std::filesystem::path ManifestDir() {
  return CheckoutDir() / "manifests";
}
inline std::filesystem::path ReferenceDir() {
  return CheckoutDir() / "results" / "reference";
}

inline LoadOptions CheckoutOptions(std::string scale = "desk") {
  LoadOptions options;
  options.scale = std::move(scale);
  options.manifest_dir = ManifestDir();
  options.reference_dir = ReferenceDir();
  return options;
}

template <class T>
std::string ErrorOf(const Result<T>& result) {
  return result ? std::string("no error") : result.error().message;
}

/// A manifest in a folder of its own; messages call it "m.toml".
class TempManifest {
 public:
  explicit TempManifest(std::string_view text) {
    static int count = 0;
    dir_ = std::filesystem::temp_directory_path() /
           ("repro-manifest-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    EXPECT_TRUE(PutFile(path(), text));
  }
  ~TempManifest() {
    std::error_code error;
    std::filesystem::remove_all(dir_, error);
  }
  TempManifest(const TempManifest&) = delete;
  TempManifest& operator=(const TempManifest&) = delete;

  std::filesystem::path path() const { return dir_ / "m.toml"; }

  Result<Experiment> Load(LoadOptions options) const {
    options.validate_sections = ValidateTestSections;
    return LoadExperiment(path().string(), options);
  }

 private:
  std::filesystem::path dir_;
};

}  // namespace repro
