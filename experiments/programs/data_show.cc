#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/io/download.h"
#include "experiments/programs/babel_view.h"
#include "experiments/programs/data_subcommands.h"

namespace repro {
namespace {

Json PublishedToJson(const PublishedState& state) {
  const PublishedFile& file = *state.file;
  return {{"path", file.path},
          {"url", file.url},
          {"bytes", file.bytes},
          {"first_bytes", file.first_bytes},
          {"sha256", file.sha256},
          {"unpack", file.unpack},
          {"at_hand", state.name ? Json(*state.name) : Json()}};
}

Json PartToJson(const PartState& state) {
  const DatasetPart& part = *state.part;
  Json files = Json::array();
  for (const DatasetFileAt& file : state.files) {
    files.push_back({{"name", file.name},
                     {"language", file.language},
                     {"stand_in", file.stand_in},
                     {"prefix", file.prefix}});
  }
  return {{"name", part.name},
          {"layout", part.layout},
          {"paths", part.files},
          {"at_hand", AtHandName(state.at_hand)},
          {"missing", state.missing},
          {"files", std::move(files)},
          {"bytes", state.bytes},
          {"examples", part.examples},
          {"stand_in_note", part.stand_in_note}};
}

Json ManifestToJson(const DatasetManifest& manifest, const DatasetState& state) {
  Json json = DatasetToJson(manifest, state);
  json["manifest"] = manifest.path.string();
  json["homepage"] = manifest.homepage;
  json["licence_url"] = manifest.licence_url;
  json["citation"] = manifest.citation;
  json["how_to_get"] = manifest.how_to_get;
  json["files"] = Json::array();
  for (const PublishedState& file : state.published) json["files"].push_back(PublishedToJson(file));
  json["parts"] = Json::array();
  for (const PartState& part : state.parts) json["parts"].push_back(PartToJson(part));
  json["takes"] = Json::array();
  for (const MixtureTake& take : manifest.takes) {
    json["takes"].push_back(
        {{"set", take.set}, {"parts", take.parts}, {"languages", take.languages}});
  }
  return json;
}

class ManifestPage {
 public:
  ManifestPage(const DatasetManifest& manifest, const DatasetState& state,
               const CommandContext& context)
      : manifest_(manifest), state_(state), out_(context.out), color_(context.options.color) {}

  void Print() {
    out_ << Styled(Printable(manifest_.title), Style::kBold, color_) << '\n';
    Line("licence", manifest_.licence);
    Line("", manifest_.licence_url);
    Line("set", fmt::format("{}: {}, for {}", manifest_.id, manifest_.kind, manifest_.use));
    Line("home page", manifest_.homepage);
    Line("cite", manifest_.citation);
    if (manifest_.takes.empty()) {
      Line("at hand", fmt::format("{}{} in {}", AtHandName(state_.at_hand),
                                  state_.bytes > 0 ? ", " + FormatBytes(state_.bytes) : "",
                                  state_.folder.string()));
    }
    Line("to get it", manifest_.how_to_get);
    PrintTakes();
    PrintPublished();
    PrintParts();
  }

 private:
  /// "licence     CC BY 4.0", the text wrapped below itself.
  void Line(std::string_view name, const std::string& text) {
    constexpr std::size_t kNameColumns = 12;
    if (text.empty()) return;
    std::string head = Padded(std::string(name), kNameColumns);
    for (const std::string& line : WrapToColumns(Printable(text), ReadingWidth() - kNameColumns)) {
      out_ << Styled(head, Style::kDim, color_) << line << '\n';
      head.assign(kNameColumns, ' ');
    }
  }

  void PrintTakes() {
    if (manifest_.takes.empty()) return;
    out_ << '\n';
    TextTable table({{"takes"}, {"parts"}, {"languages"}});
    for (const MixtureTake& take : manifest_.takes) {
      const auto list = [](const std::vector<std::string>& names) {
        return names.empty() ? std::string("all") : fmt::format("{}", fmt::join(names, ", "));
      };
      table.AddRow({take.set, list(take.parts), list(take.languages)});
    }
    table.Print(out_, color_, TableWidth());
  }

  void PrintPublished() {
    if (state_.published.empty()) return;
    out_ << '\n';
    TextTable table({{"published file"}, {"size", true}, {"SHA-256"}, {"at hand"}, {"from"}});
    for (const PublishedState& at : state_.published) {
      const PublishedFile& file = *at.file;
      std::string size = file.bytes > 0 ? FormatCount(file.bytes) : "not known";
      if (file.first_bytes > 0) size = fmt::format("first {}", FormatCount(file.first_bytes));
      table.AddRow({file.path, size, file.sha256.empty() ? "not known" : file.sha256.substr(0, 12),
                    at.name ? "yes" : "no",
                    file.url.empty() ? "see `to get it`" : PublicUrl(file.url)});
    }
    table.Print(out_, color_, TableWidth());
  }

  void PrintParts() {
    if (state_.parts.empty()) return;
    out_ << '\n';
    TextTable table({{"part"},
                     {"layout"},
                     {"at hand"},
                     {"files", true},
                     {"size", true},
                     {"examples", true},
                     {"paths"}});
    for (const PartState& at : state_.parts) {
      const DatasetPart& part = *at.part;
      table.AddRow({part.name, part.layout, AtHandName(at.at_hand), std::to_string(at.files.size()),
                    at.bytes > 0 ? FormatBytes(at.bytes) : "-",
                    part.examples > 0 ? FormatCount(part.examples) : "-",
                    fmt::format("{}", fmt::join(part.files, ", "))});
    }
    table.Print(out_, color_, TableWidth());
    for (const PartState& at : state_.parts) {
      if (at.at_hand == AtHand::kStandIn) {
        out_ << Printable(
            fmt::format("\n`{}` is a stand-in: {}\n", at.part->name, at.part->stand_in_note),
            /*keep_lines=*/true);
      }
      if (at.at_hand == AtHand::kPart) {
        out_ << Printable(
            fmt::format("\n`{}` lacks {}\n", at.part->name, fmt::join(at.missing, ", ")),
            /*keep_lines=*/true);
      }
    }
  }

  const DatasetManifest& manifest_;
  const DatasetState& state_;
  std::ostream& out_;
  bool color_;
};

class DataShowCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("set", set_, "A data set (`repro data list`), a manifest of your own, or babel")
        ->required();
    app.add_option("--mirror", mirror_, "Say what this folder has, not the workspace")
        ->type_name("DIR");
    babel_.DefineShow(app);
    app.footer(
        "Examples:\n"
        "  repro data show xnli\n"
        "  repro data show babel --language syn-sw --task xnli -n 2");
  }

  Result<int> Run(const CommandContext& context) override {
    if (set_ == kBabelWorld) return babel_.Show(context);
    if (const std::string flag = babel_.GivenFlag(); !flag.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "{} belongs to `repro data show babel`", flag);
    }
    REPRO_ASSIGN_OR_RETURN(const auto folder, DatasetManifestFolder(context));
    REPRO_ASSIGN_OR_RETURN(const DatasetManifest manifest, FindDataset(folder, set_));
    REPRO_ASSIGN_OR_RETURN(const auto places, DatasetPlaces::Open(context, mirror_));
    REPRO_ASSIGN_OR_RETURN(const DatasetState state, places.Look(manifest));
    if (context.options.json) {
      context.out << ManifestToJson(manifest, state).dump(2) << '\n';
    } else {
      ManifestPage(manifest, state, context).Print();
    }
    return 0;
  }

 private:
  std::string set_;
  std::string mirror_;
  BabelView babel_;
};

}  // namespace

std::unique_ptr<Command> MakeDataShowCommand() {
  return std::make_unique<DataShowCommand>();
}

}  // namespace repro
