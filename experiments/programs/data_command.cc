#include "experiments/programs/data_command.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/base/check.h"
#include "experiments/programs/data_subcommands.h"

namespace repro {
namespace {

/// In the order that --help shows them.
std::vector<CommandEntry> DataSubcommands() {
  return {{"list", "All data sets, and what of them is at hand", &MakeDataListCommand},
          {"show", "A data set's manifest, licence first; or sentences of the synthetic world",
           &MakeDataShowCommand},
          {"fetch", "Get data sets from their publishers, or from a folder", &MakeDataFetchCommand},
          {"check", "Check files against sizes and SHA-256; or the synthetic world for leaks",
           &MakeDataCheckCommand},
          {"stats", "What became of a run's text; what is in a data set", &MakeDataStatsCommand}};
}

class DataCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  repro data list\n"
        "  repro data fetch xnli\n"
        "  repro data stats 12\n"
        "  repro data show babel --language syn-sw -n 5");
    for (const CommandEntry& entry : DataSubcommands()) {
      CLI::App* sub = app.add_subcommand(entry.name, entry.description);
      sub->fallthrough();  // to --json and --workspace
      subcommands_.emplace_back(sub, entry.make());
      subcommands_.back().second->Define(*sub);
    }
  }

  Result<int> Run(const CommandContext& context) override {
    const auto chosen = std::find_if(subcommands_.begin(), subcommands_.end(),
                                     [](const auto& entry) { return entry.first->parsed(); });
    REPRO_CHECK(chosen != subcommands_.end());  // CLI11 asked for one
    return chosen->second->Run(context);
  }

 private:
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> subcommands_;
};

}  // namespace

std::unique_ptr<Command> MakeDataCommand() {
  return std::make_unique<DataCommand>();
}

}  // namespace repro
