#include <algorithm>
#include <iostream>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/io/download.h"
#include "core/scheduler/signal_inbox.h"
#include "experiments/datasets/dataset_fetch.h"
#include "experiments/programs/data_subcommands.h"

namespace repro {
namespace {

std::string HostsOf(const FetchPlan& plan) {
  std::set<std::string> hosts;
  for (const FetchItem& item : plan.items) {
    if (item.there) continue;
    if (!item.source.empty()) return "the mirror";
    const std::string url = PublicUrl(item.file->url);
    const std::size_t host = url.find("//") + 2;
    hosts.insert(url.substr(host, url.find('/', host) - host));
  }
  return fmt::format("{}", fmt::join(hosts, ", "));
}

std::string SizeOf(const FetchPlan& plan) {
  const std::string bytes = FormatBytes(plan.bytes_to_fetch());
  if (plan.size_known()) return bytes;
  return plan.bytes_to_fetch() == 0 ? "of unknown size" : bytes + " and what is of unknown size";
}

/// "a.txt, b.txt, c.txt and 4 more".
std::string FirstNames(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(names.size(), kShown);
  return fmt::format(
      "{}{}", fmt::join(names.begin(), names.begin() + shown, ", "),
      shown == names.size() ? "" : fmt::format(" and {} more", names.size() - shown));
}

/// The licence first, then what would be done.
void PrintTerms(std::ostream& out, const FetchPlan& plan, bool color) {
  const DatasetManifest& manifest = *plan.manifest;
  out << Styled(Printable(manifest.title), Style::kBold, color) << '\n';
  for (const std::string& line :
       WrapToColumns("Licence: " + Printable(manifest.licence), ReadingWidth())) {
    out << "  " << line << '\n';
  }
  for (const std::string& line : std::set<std::string>{manifest.licence_url, manifest.homepage}) {
    if (!line.empty()) out << "  " << Printable(line) << '\n';
  }
  const auto files = static_cast<std::size_t>(plan.files_to_fetch());
  if (files == 0) {
    out << "  is there already: " << plan.folder.string() << '\n';
    return;
  }
  out << fmt::format("  {}, {}, from {} to {}\n", Plural(files, "file"), SizeOf(plan),
                     Printable(HostsOf(plan)), plan.folder.string());
  std::vector<std::string> different;
  for (const FetchItem& item : plan.items) {
    if (item.differs) different.push_back(item.replaces.empty() ? item.name : item.replaces);
  }
  if (different.empty()) return;
  out << Printable(fmt::format("  there, but not as expected, and taken again: {}",
                               FirstNames(different)))
      << '\n';
}

/// What of a set is still not there, or other than published.
void PrintLacks(std::ostream& out, const DatasetState& state, bool mirror) {
  const std::string_view nor = mirror ? "; not in the mirror" : "";
  for (const PartState& at : state.parts) {
    std::string line;
    if (at.at_hand == AtHand::kStandIn) {
      std::vector<std::string> names;
      for (const DatasetFileAt& file : at.files) names.push_back(file.name);
      line = fmt::format("is a stand-in ({}): {}", FirstNames(names), at.part->stand_in_note);
    } else if (!at.missing.empty()) {
      line = fmt::format("lacks {}{}", fmt::join(at.missing, ", "), nor);
    }
    if (!line.empty()) out << Printable(fmt::format("  part `{}` {}", at.part->name, line)) << '\n';
  }
  for (const PublishedState& at : state.published) {
    if (at.missing) out << Printable(fmt::format("  lacks {}{}", at.file->path, nor)) << '\n';
  }
}

void AddLacks(const DatasetState& state, Json& set) {
  set["parts"] = Json::array();
  for (const PartState& at : state.parts) {
    const bool stand_in = at.at_hand == AtHand::kStandIn;
    set["parts"].push_back({{"name", at.part->name},
                            {"at_hand", AtHandName(at.at_hand)},
                            {"missing", stand_in ? std::vector<std::string>() : at.missing},
                            {"stand_in_note", stand_in ? at.part->stand_in_note : ""}});
  }
  set["missing_files"] = Json::array();
  for (const PublishedState& at : state.published) {
    if (at.missing) set["missing_files"].push_back(at.file->path);
  }
}

/// Only a person's "y" or "yes" is one.
bool PersonAgrees(std::ostream& out) {
  out << "Do you accept these terms, and shall it be fetched? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes" || answer == "Y";
}

/// One line that is written over, on a terminal.
class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const FetchProgress& progress) {
    constexpr double kInterval = 0.2;
    const double now = SteadySeconds();
    if (!terminal_ || now - shown_ < kInterval) return;
    shown_ = now;
    std::string line =
        fmt::format("  {}  {}", Printable(progress.item->name), FormatBytes(progress.bytes));
    if (progress.total > 0) line += " of " + FormatBytes(progress.total);
    if (progress.unpacking) line += " unpacked";
    if (progress.failures > 0) line += fmt::format("; no answer, try {}", progress.failures + 1);
    out_ << '\r' << CutToColumns(line, CurrentTerminalSize().columns - 1) << "\x1b[K" << std::flush;
    drawn_ = true;
  }
  void Clear() {
    if (drawn_) out_ << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }

 private:
  std::ostream& out_;
  bool terminal_;
  bool drawn_ = false;
  double shown_ = 0;
};

class DataFetchCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option(
           "set", sets_,
           "Data sets (`repro data list`), or manifests of your own; of a mixture what it takes")
        ->required();
    app.add_option("--mirror", mirror_, "Copy from this folder; nothing goes over the network")
        ->type_name("DIR");
    app.add_flag("--yes", yes_, "The terms are accepted: do not ask");
    app.add_flag("--verify", verify_, "Read what is there, too, and take again what is damaged");
    app.footer(
        "Shows the licence and asks before anything is fetched. What was interrupted goes on "
        "where it was. What has changed since it was fetched is taken again.\n"
        "What a mirror lacks is named, and is no error: `repro data check` has exit code 1 then.\n"
        "Examples:\n"
        "  repro data fetch xnli mlqa\n"
        "  repro data fetch conll2003 --mirror ~/conll2003");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(const auto folder, DatasetManifestFolder(context));
    REPRO_ASSIGN_OR_RETURN(const auto places, DatasetPlaces::Open(context, mirror_));
    REPRO_ASSIGN_OR_RETURN(const auto manifests, SetsToFetch(folder));
    std::vector<FetchPlan> plans;
    for (const DatasetManifest& manifest : manifests) {
      const auto& workspace = context.options.workspace;
      REPRO_ASSIGN_OR_RETURN(plans.emplace_back(),
                             places.is_mirror() ? PlanCopy(manifest, workspace, places.mirror(),
                                                           places.index(), verify_)
                                                : PlanFetch(manifest, workspace, verify_));
    }
    REPRO_ASSIGN_OR_RETURN(const bool agreed, Agree(context, plans));
    if (!agreed) {
      context.out << "Nothing was fetched.\n";
      return 1;
    }
    return FetchAll(context, plans, places.index());
  }

 private:
  /// What was asked for, and in the place of a mixture the sets that it takes; each once.
  Result<std::vector<DatasetManifest>> SetsToFetch(const std::filesystem::path& folder) const {
    std::vector<DatasetManifest> manifests;
    std::set<std::filesystem::path> known;
    const auto add = [&](DatasetManifest manifest) {
      if (known.insert(manifest.path).second) manifests.push_back(std::move(manifest));
    };
    for (const std::string& name : sets_) {
      REPRO_ASSIGN_OR_RETURN(DatasetManifest manifest, FindDataset(folder, name));
      for (const MixtureTake& take : manifest.takes) {
        auto taken = FindDataset(folder, take.set);
        if (!taken) return Context(take.where.ToString(), taken.error());
        add(std::move(*taken));
      }
      if (manifest.takes.empty()) add(std::move(manifest));
    }
    return manifests;
  }

  Result<bool> Agree(const CommandContext& context, const std::vector<FetchPlan>& plans) const {
    // With --json, standard output is for the result alone.
    std::ostream& out = context.options.json ? context.err : context.out;
    std::int64_t files = 0;
    for (const FetchPlan& plan : plans) {
      PrintTerms(out, plan, context.options.color);
      files += plan.files_to_fetch();
    }
    if (yes_ || files == 0) return true;
    if (context.options.json || !context.options.terminal || ::isatty(STDIN_FILENO) == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "nobody is here to accept these terms: read them, and give --yes");
    }
    return PersonAgrees(out);
  }

  Result<int> FetchAll(const CommandContext& context, const std::vector<FetchPlan>& plans,
                       const MirrorIndex& index) const {
    SignalInbox signals;
    Json sets = Json::array();
    for (const FetchPlan& plan : plans) {
      ProgressLine line(context.out, context.options.terminal && !context.options.json);
      FetchOptions options;
      options.index = index;
      options.on_progress = [&](const FetchProgress& progress) {
        line.Show(progress);
        return !signals.Wait(0);
      };
      options.on_done = [&](const FetchItem& item) {
        line.Clear();
        if (context.options.json || !item.source.empty()) return;
        context.out << "  " << Printable(item.name) << '\n';
      };
      const auto outcome = RunFetch(plan, options);
      line.Clear();
      if (!outcome) return tl::unexpected(outcome.error());
      REPRO_ASSIGN_OR_RETURN(const FolderListing listing, ListFolder(plan.folder));
      const DatasetState state = LookAt(*plan.manifest, listing);
      if (context.options.json) {
        Json set = DatasetToJson(*plan.manifest, state);
        set["fetched"] = outcome->fetched;
        set["there"] = outcome->there;
        set["unpacked"] = outcome->unpacked;
        set["fetched_bytes"] = outcome->bytes;
        AddLacks(state, set);
        sets.push_back(std::move(set));
        continue;
      }
      context.out << fmt::format(
          "{}: {} fetched ({}), {} there already{}; at hand: {}\n", Printable(plan.manifest->id),
          Plural(static_cast<std::size_t>(outcome->fetched), "file"), FormatBytes(outcome->bytes),
          outcome->there,
          outcome->unpacked > 0 ? fmt::format(", {} unpacked", outcome->unpacked) : "",
          AtHandName(state.at_hand));
      PrintLacks(context.out, state, !mirror_.empty());
    }
    if (context.options.json) {
      context.out << Json{{"sets", std::move(sets)}}.dump(2) << '\n';
    }
    return 0;
  }

  std::vector<std::string> sets_;
  std::string mirror_;
  bool yes_ = false;
  bool verify_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeDataFetchCommand() {
  return std::make_unique<DataFetchCommand>();
}

}  // namespace repro
