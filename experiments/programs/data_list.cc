#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/units.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "experiments/programs/data_subcommands.h"

namespace repro {
namespace {

Style AtHandStyle(AtHand at_hand) {
  switch (at_hand) {
    case AtHand::kWhole:
      return Style::kGreen;
    case AtHand::kNothing:
      return Style::kDim;
    default:
      return Style::kYellow;
  }
}

std::string LanguagesCell(const std::vector<std::string>& codes) {
  if (codes.empty()) return "-";
  return codes.size() == 1 ? codes.front() : std::to_string(codes.size());
}

class DataListCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("--mirror", mirror_, "Say what this folder has, not the workspace")
        ->type_name("DIR");
    app.add_option("--kind", kind_, "Only sets of this kind")
        ->check(
            CLI::IsMember({"text", "parallel", "nli", "ner", "qa", "glue", "model", "mixture"}));
    app.add_option("--use", use_, "Only sets for this use")
        ->check(CLI::IsMember({"pretraining", "training", "evaluation"}));
    app.footer(
        "At hand is `whole`, `part` (some files are missing), `stand-in` (other files, which the "
        "manifest takes instead) or `nothing`.\n"
        "Example: repro data list --kind nli");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const auto folder, DatasetManifestFolder(context));
    REPRO_ASSIGN_OR_RETURN(const auto manifests, LoadDatasets(folder));
    REPRO_ASSIGN_OR_RETURN(const auto places, DatasetPlaces::Open(context, mirror_));
    Json sets = Json::array();
    TextTable table({{"set"},
                     {"kind"},
                     {"use"},
                     {"at hand"},
                     {"size", true},
                     {"languages", true},
                     {"licence"},
                     {"title"}});
    for (const DatasetManifest& manifest : manifests) {
      if (!kind_.empty() && manifest.kind != kind_) continue;
      if (!use_.empty() && manifest.use != use_) continue;
      REPRO_ASSIGN_OR_RETURN(const DatasetState state, places.Look(manifest));
      if (context.options.json) {
        sets.push_back(DatasetToJson(manifest, state));
        continue;
      }
      const bool mixture = !manifest.takes.empty();
      table.AddRow({{manifest.id, Style::kBold},
                    manifest.kind,
                    manifest.use,
                    {mixture ? "-" : AtHandName(state.at_hand), AtHandStyle(state.at_hand)},
                    state.bytes > 0 ? FormatBytes(state.bytes) : "-",
                    LanguagesCell(DatasetLanguages(manifest, state)),
                    manifest.licence.empty() ? "-" : manifest.licence,
                    manifest.title});
    }
    if (context.options.json) {
      context.out << Json{{"sets", std::move(sets)}}.dump(2) << '\n';
    } else if (table.empty()) {
      context.out << "No data set is of this kind and use.\n";
    } else {
      table.Print(context.out, context.options.color, TableWidth());
    }
    return 0;
  }

 private:
  std::string mirror_;
  std::string kind_;
  std::string use_;
};

}  // namespace

std::unique_ptr<Command> MakeDataListCommand() {
  return std::make_unique<DataListCommand>();
}

}  // namespace repro
