#pragma once
/// The synthetic world as `repro data show babel` and `repro data check babel` print it: sentences
/// with a gloss, and what its labels give away.

#include <cstdint>
#include <string>
#include <vector>

#include "core/cli/command.h"

namespace repro {

/// What a person can ask of the world; one list for both commands.
struct BabelOptions {
  std::string language = "en";
  std::vector<std::string> languages = {"ar", "bg", "de", "el", "en", "es", "fr", "hi",
                                        "ru", "sw", "th", "tr", "ur", "vi", "zh"};
  std::string source = "wiki";
  std::string task;
  std::int64_t count = 5;
  std::int64_t seed = 1;
  std::int64_t train = 20'000;
  std::int64_t test = 4'000;
  bool null_world = false;
};

/// Its flags, in a group of their own.
class BabelView {
 public:
  void DefineShow(CLI::App& app);
  void DefineCheck(CLI::App& app);

  /// A flag that was given, such as "--seed"; empty when none was. For commands that have other
  /// subjects, too.
  std::string GivenFlag() const;

  Result<int> Show(const CommandContext& context) const;
  /// Exit code 3 where labels leak.
  Result<int> Check(const CommandContext& context) const;

 private:
  void DefineCommon(CLI::App& app);

  BabelOptions options_;
  const CLI::App* app_ = nullptr;
};

}  // namespace repro
