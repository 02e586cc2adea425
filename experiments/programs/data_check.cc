#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/text_table.h"
#include "experiments/datasets/dataset_fetch.h"
#include "experiments/programs/babel_view.h"
#include "experiments/programs/data_subcommands.h"

namespace repro {
namespace {

/// Sets and parts that a mixture takes and nobody has.
std::vector<DatasetProblem> CheckTakes(const DatasetManifest& mixture,
                                       const std::filesystem::path& folder) {
  std::vector<DatasetProblem> problems;
  for (const MixtureTake& take : mixture.takes) {
    const auto set = FindDataset(folder, take.set);
    if (!set) {
      problems.push_back({"", take.set, set.error().message});
      continue;
    }
    if (!set->takes.empty()) {
      problems.push_back({"", take.set, "is a mixture itself: a mixture takes sets"});
    }
    for (const std::string& part : take.parts) {
      if (set->FindPart(part) == nullptr) {
        problems.push_back({part, take.set, fmt::format("{} has no such part", take.set)});
      }
    }
  }
  return problems;
}

class DataCheckCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("set", sets_,
                   "Data sets (`repro data list`), manifests of your own, or babel alone");
    app.add_flag("--all", all_, "Every set of which something is at hand");
    app.add_option("--mirror", mirror_, "Check this folder, not the workspace")->type_name("DIR");
    babel_.DefineCheck(app);
    app.footer(
        "Sizes, SHA-256 where it is known (as published, by the manifest; or what it was when it "
        "was fetched), and a file for every path. Exit code 1 with all problems.\n"
        "For babel: what a classifier that understands nothing gets right; exit code 3 where "
        "labels leak.\n"
        "Examples:\n"
        "  repro data check xnli xquad\n"
        "  repro data check babel --languages en,sw,ur");
  }

  Result<int> Run(const CommandContext& context) override {
    const bool babel = std::find(sets_.begin(), sets_.end(), kBabelWorld) != sets_.end();
    if (babel && sets_.size() == 1 && !all_) return babel_.Check(context);
    if (babel) return Fail(ErrorCode::kInvalidArgument, "babel is checked alone");
    if (const std::string flag = babel_.GivenFlag(); !flag.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "{} belongs to `repro data check babel`", flag);
    }
    if (sets_.empty() != all_) {
      return Fail(ErrorCode::kInvalidArgument, "name data sets, or give --all, not both");
    }
    REPRO_ASSIGN_OR_RETURN(const auto folder, DatasetManifestFolder(context));
    std::vector<DatasetManifest> manifests;
    if (all_) {
      REPRO_ASSIGN_OR_RETURN(manifests, LoadDatasets(folder));
    }
    for (const std::string& name : sets_) {
      REPRO_ASSIGN_OR_RETURN(manifests.emplace_back(), FindDataset(folder, name));
    }
    REPRO_ASSIGN_OR_RETURN(const auto places, DatasetPlaces::Open(context, mirror_));
    return CheckAll(context, folder, manifests, places);
  }

 private:
  Result<int> CheckAll(const CommandContext& context, const std::filesystem::path& folder,
                       const std::vector<DatasetManifest>& manifests,
                       const DatasetPlaces& places) const {
    Json sets = Json::array();
    std::int64_t checked = 0;
    std::size_t problems = 0;
    bool mendable = false;
    for (const DatasetManifest& manifest : manifests) {
      REPRO_ASSIGN_OR_RETURN(const DatasetState state, places.Look(manifest));
      const bool mixture = !manifest.takes.empty();
      if (all_ && state.at_hand == AtHand::kNothing && !mixture) continue;
      DatasetCheck check;
      std::string taken;
      if (mixture) {
        check.problems = CheckTakes(manifest, folder);
        REPRO_ASSIGN_OR_RETURN(taken, CountTaken(manifest, folder, places));
      } else {
        const MirrorIndex fetched =
            places.is_mirror() ? MirrorIndex() : FetchedIndex(manifest, state.folder);
        REPRO_ASSIGN_OR_RETURN(
            check, CheckDataset(manifest, state, places.is_mirror() ? places.index() : fetched));
      }
      ++checked;
      problems += check.problems.size();
      const bool fetched = !mixture && !places.is_mirror() && manifest.folder.empty();
      mendable |= fetched && !check.problems.empty();
      if (context.options.json) {
        sets.push_back(ToJson(manifest, state, check, places.is_mirror()));
      } else {
        Print(context, manifest, taken.empty() ? AtHandName(state.at_hand) : taken, check,
              places.is_mirror());
      }
    }
    if (context.options.json) {
      context.out << Json{{"ok", problems == 0}, {"sets", std::move(sets)}}.dump(2) << '\n';
    } else if (checked == 0) {
      context.out << "No data set is at hand.\n";
    } else if (problems > 0) {
      context.out << Plural(problems, "problem") << ".";
      if (mendable) {
        context.out << " `repro data fetch SET --verify` takes what is missing or damaged; give "
                       "--mirror DIR, too, where it came from a folder.";
      }
      context.out << '\n';
    }
    return problems == 0 ? 0 : 1;
  }

  static Json ToJson(const DatasetManifest& manifest, const DatasetState& state,
                     const DatasetCheck& check, bool mirror) {
    Json list = Json::array();
    for (const DatasetProblem& problem : check.problems) {
      list.push_back({{"part", problem.part}, {"path", problem.path}, {"what", problem.what}});
    }
    return {{"id", manifest.id},
            {"ok", check.problems.empty()},
            {"at_hand", manifest.takes.empty() ? Json(AtHandName(state.at_hand)) : Json()},
            {"hashed_files", check.files},
            {"hashed_bytes", check.bytes},
            {"as_published", check.as_published},
            {"as_listed", mirror ? check.as_indexed : 0},
            {"unchanged", mirror ? 0 : check.as_indexed},
            {"problems", std::move(list)}};
  }

  /// "3 of the 8 sets that it takes are at hand".
  static Result<std::string> CountTaken(const DatasetManifest& mixture,
                                        const std::filesystem::path& folder,
                                        const DatasetPlaces& places) {
    std::set<std::string> sets;
    std::size_t at_hand = 0;
    for (const MixtureTake& take : mixture.takes) {
      const auto set = FindDataset(folder, take.set);
      if (!sets.insert(take.set).second || !set) continue;
      REPRO_ASSIGN_OR_RETURN(const DatasetState state, places.Look(*set));
      if (state.at_hand != AtHand::kNothing) ++at_hand;
    }
    return fmt::format("{} of the {} that it takes {} at hand", at_hand, Plural(sets.size(), "set"),
                       at_hand == 1 ? "is" : "are");
  }

  static void Print(const CommandContext& context, const DatasetManifest& manifest,
                    std::string_view at_hand, const DatasetCheck& check, bool mirror) {
    const bool good = check.problems.empty();
    context.out << Styled(good ? "ok      " : "problem ", good ? Style::kGreen : Style::kRed,
                          context.options.color)
                << Printable(manifest.id) << ": " << at_hand;
    if (check.files > 0) {
      std::vector<std::string> same;
      if (check.as_published > 0)
        same.push_back(fmt::format("{} as published", check.as_published));
      if (check.as_indexed > 0) {
        same.push_back(fmt::format("{} {}", check.as_indexed,
                                   mirror ? "as MANIFEST.tsv says" : "unchanged since fetched"));
      }
      context.out << fmt::format(
          "; {} with {} read{}{}", Plural(static_cast<std::size_t>(check.files), "file"),
          FormatBytes(check.bytes), same.empty() ? "" : ": ", fmt::join(same, ", "));
    }
    context.out << '\n';
    for (const DatasetProblem& problem : check.problems) {
      context.out << Printable(fmt::format(
                         "        {}{}: {}",
                         problem.part.empty() ? "" : fmt::format("part `{}`, ", problem.part),
                         problem.path, problem.what))
                  << '\n';
    }
  }

  std::vector<std::string> sets_;
  bool all_ = false;
  std::string mirror_;
  BabelView babel_;
};

}  // namespace

std::unique_ptr<Command> MakeDataCheckCommand() {
  return std::make_unique<DataCheckCommand>();
}

}  // namespace repro
