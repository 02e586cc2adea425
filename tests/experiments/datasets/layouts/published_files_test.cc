// Every file of the published test sets that lies beside the checkout (REPRO_SHARED, sections 2 to
// 5 of data/README.md there), counted twice: by the readers, and here by other means.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/io/byte_source.h"
#include "core/io/json_io.h"
#include "experiments/datasets/layouts/read_examples.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// Files whose path holds `in` and whose name, without the suffix of its packing, ends with `end`.
struct Pattern {
  std::string_view in;
  std::string_view end;
  std::vector<std::string> layouts;  ///< of one file: its rows may hold two kinds of pairs
};

/// The first that fits counts.
const std::vector<Pattern> kPatterns = {
    {"xnli/xtreme/", ".tsv", {"xtreme-xnli"}},
    {"xnli/translate-test/", ".tsv", {"myxnli-translated", "myxnli-original"}},
    {"multinli.train.", ".tsv", {"xnli-mt"}},
    {"XNLI-MT-1.0/xnli/", "", {"xnli-translate-test"}},
    {"XNLI-1.0/xnli.", "", {"xnli"}},
    {"nli-train/official-layout/MNLI.", ".tsv", {"mnli"}},
    {"nli-train/official-layout/SNLI.", ".tsv", {"snli"}},
    {"nli-train/SICK", ".txt", {"sick"}},
    {"nli-train/", ".tsv", {"nli"}},
    {"ner/conll", "", {"conll"}},
    {"ner/wiki", ".conllu", {"wikineural"}},
    {"ner/panx/", ".tsv", {"panx"}},
    {"ner/masakhaner", ".txt", {"masakhaner"}},
    {"qa/mlqa/", ".json", {"mlqa"}},
    {"qa/", ".json", {"squad"}},
    {"glue/CoLA/", ".tsv", {"glue-cola"}},
    {"glue/SST-2/", ".tsv", {"glue-sst2"}},
    {"glue/MRPC/msr_paraphrase", ".txt", {"glue-mrpc"}},
    {"glue/MRPC/", ".tsv", {"glue-mrpc"}},
    {"glue/STS-B/", ".tsv", {"glue-stsb"}},
    {"glue/QQP/", ".tsv", {"glue-qqp"}},
    {"glue/QNLI/", ".tsv", {"glue-qnli"}},
    {"glue/RTE/", ".tsv", {"glue-rte"}},
    {"glue/WNLI/", ".tsv", {"glue-wnli"}},
    {"glue/MNLI/", ".tsv", {"mnli"}},
};

/// Examples as data/README.md there, or the set's publisher, states them.
const std::map<std::string, std::int64_t> kStated = {
    {"nli-train/SICK.txt", 9927},
    {"nli-train/mnli.train.tsv", 8999},
    {"nli-train/mnli.dev.tsv", 1000},
    {"nli-train/snli.train.tsv", 8999},
    {"nli-train/snli.dev.tsv", 1000},
    {"qa/tydiqa-goldp/tydiqa.goldp.en.train.json", 3696},
    {"qa/tydiqa-goldp/tydiqa.goldp.ko.train.json", 1625},
    {"qa/tydiqa-goldp/tydiqa.goldp.sw.train.json", 2755},
    {"qa/cmrc2018/cmrc2018_dev.json", 3219},
    {"qa/squad/squad_v2_slice.json", 208},
    {"qa/mlqa/MLQA_V1/dev/dev-context-en-question-en.json", 1148},
    {"ner/conll2002/esp.train", 8323},
    {"ner/conll2002/esp.testa", 1915},
    {"ner/conll2002/esp.testb", 1517},
    {"ner/conll2002/ned.train", 15806},
    {"ner/conll2002/ned.testa", 2895},
    {"glue/CoLA/train.tsv", 7250},
    {"glue/CoLA/train-held.tsv", 1301},
    {"glue/CoLA/dev.tsv", 1043},
    {"glue/CoLA/test.tsv", 1063},
    {"glue/RTE/train.tsv", 2127},
    {"glue/RTE/train-held.tsv", 363},
    {"glue/RTE/dev.tsv", 277},
    {"glue/RTE/test.tsv", 3000},
    {"glue/SST-2/train.tsv", 60614},
    {"glue/SST-2/train-held.tsv", 6735},
    {"glue/SST-2/dev.tsv", 872},
    {"glue/MRPC/train.tsv", 3668},
    {"glue/MRPC/dev.tsv", 408},
    {"glue/MRPC/test.tsv", 1725},
    {"glue/STS-B/train.tsv", 5749},
    {"glue/STS-B/dev.tsv", 1500},
    {"glue/QNLI/dev.half.tsv", 2732},
};

/// Faults that the published file itself has; every other file must have none.
const std::map<std::string, std::map<std::string, std::int64_t>> kKnownFaults = {
    {"qa/cmrc2018/cmrc2018_dev.json", {{"answer-start", 200}}},
};

/// What the file gives by a count of its own: of lines, of blocks of lines, of entries.
struct PlainCount {
  std::int64_t examples = 0;
  std::optional<std::int64_t> words;
};

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

PlainCount CountRows(std::string_view text) {
  const std::vector<std::string_view> lines = LinesOf(text);
  auto rows = static_cast<std::int64_t>(lines.size());
  if (lines.empty()) return {};
  std::string_view first = lines.front();
  if (first.starts_with("\xEF\xBB\xBF")) first.remove_prefix(3);
  static const std::set<std::string_view> kFirstNames = {
      "language", "label", "premise", "index", "pair_ID", "sentence", "Quality", "question1", "id"};
  if (kFirstNames.contains(first.substr(0, first.find('\t')))) --rows;
  return {rows, std::nullopt};
}

PlainCount CountBlocks(std::string_view text) {
  PlainCount count{.examples = 0, .words = 0};
  bool open = false;
  for (const std::string_view line : LinesOf(text)) {
    const bool blank = line.empty() || line == "\r";
    const bool word = !blank && !line.starts_with("-DOCSTART-");
    if (word && !open) ++count.examples;
    if (word) ++*count.words;
    open = word;
  }
  return count;
}

PlainCount CountQuestions(const std::string& text) {
  PlainCount count;
  const Json file = Json::parse(text);
  for (const Json& article : file.at("data")) {
    for (const Json& paragraph : article.at("paragraphs")) {
      count.examples += static_cast<std::int64_t>(paragraph.at("qas").size());
    }
  }
  return count;
}

std::string Unpacked(const fs::path& path) {
  auto source = ByteSource::Open(path);
  EXPECT_TRUE(source) << source.error().message;
  std::string text;
  std::vector<char> block(1 << 20);
  while (source) {
    const auto got = source->Read(block);
    EXPECT_TRUE(got) << got.error().message;
    if (!got || *got == 0) break;
    text.append(block.data(), *got);
  }
  return text;
}

/// Lines of the unpacked files, by MANIFEST.tsv.
std::map<std::string, std::int64_t> StatedLines(const fs::path& data) {
  std::map<std::string, std::int64_t> lines;
  std::ifstream in(data / "MANIFEST.tsv");
  std::string row;
  while (std::getline(in, row)) {
    std::vector<std::string> fields;
    std::istringstream parts(row);
    for (std::string field; std::getline(parts, field, '\t');) fields.push_back(field);
    if (fields.size() == 5) lines[fields[0]] = std::atoll(fields[3].c_str());
  }
  return lines;
}

std::string WithoutPacking(std::string name) {
  for (const std::string_view suffix : {".zst", ".gz", ".bz2", ".xz"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  return name;
}

bool IsDocumentation(const std::string& name) {
  return name.starts_with("README") || name.starts_with("LICENSE") || name.starts_with("SOURCES") ||
         name.starts_with("dev_ids") || name.ends_with(".md") || name.ends_with(".htm");
}

class PublishedFilesTest : public ::testing::TestWithParam<const char*> {
 protected:
  void CheckFile(const fs::path& data, const std::string& name, const std::string& layout,
                 const std::string& text);
  std::map<std::string, std::int64_t> lines_;
};

void PublishedFilesTest::CheckFile(const fs::path& data, const std::string& name,
                                   const std::string& layout, const std::string& text) {
  SCOPED_TRACE(name + " as " + layout);
  const std::string plain_name = WithoutPacking(name);
  const LayoutFile file{.path = data / name,
                        .layout = layout,
                        .language = "xx",
                        .encoding = IsUtf8(text) ? "utf-8" : "latin-1"};
  const auto known = kKnownFaults.find(plain_name);
  const bool faulty = known != kKnownFaults.end();
  if (faulty) {
    const auto strict = CountExamples(std::vector{file}, {});
    ASSERT_FALSE(strict);
    EXPECT_THAT(strict.error().message, HasSubstr("... and "));
  }
  const auto counts = CountExamples(std::vector{file}, {.skip = faulty});
  ASSERT_TRUE(counts) << counts.error().message;
  std::int64_t left_out = 0;
  for (const auto& [reason, fault] : counts->faults) {
    if (reason == "no-gold-label") {
      left_out += fault.count;
    } else {
      ASSERT_TRUE(faulty) << reason;
      EXPECT_EQ(fault.count, known->second.at(reason)) << reason;
    }
  }

  const bool tagged =
      layout == "conll" || layout == "wikineural" || layout == "panx" || layout == "masakhaner";
  const bool json = layout == "squad" || layout == "mlqa";
  const PlainCount plain =
      tagged ? CountBlocks(text) : (json ? CountQuestions(text) : CountRows(text));
  EXPECT_EQ(counts->examples + left_out, plain.examples);
  EXPECT_GT(counts->examples, 0);
  if (plain.words) {
    EXPECT_EQ(counts->words, *plain.words);
  }
  if (const auto stated = kStated.find(plain_name); stated != kStated.end()) {
    EXPECT_EQ(counts->examples, stated->second);
  }
  if (const auto stated = lines_.find(name); stated != lines_.end()) {
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), stated->second) << "MANIFEST.tsv";
  }
  std::int64_t by_language = 0;
  for (const auto& [language, count] : counts->by_language) by_language += count;
  EXPECT_EQ(by_language, counts->examples);

  // What the publishers say of all files of a kind.
  const std::string base = fs::path(name).filename().string();
  const bool dev = base.starts_with("dev-") || base.starts_with("xnli.dev.");
  const bool half = name.find(".half.") != std::string::npos;
  const bool fifteen = plain_name.starts_with("xnli/XNLI-1.0/");
  if ((layout == "xtreme-xnli" || fifteen) && (dev || half)) {
    const std::int64_t pairs = dev ? 2490 : 2505;
    EXPECT_EQ(counts->examples, (fifteen ? 15 : 1) * pairs);
    EXPECT_EQ(counts->by_language.size(), fifteen ? 15u : 1u);
    for (const auto& [language, count] : counts->by_language) EXPECT_EQ(count, pairs) << language;
    // Each prompt has a hypothesis of each label.
    for (const auto& [label, count] : counts->by_label) EXPECT_EQ(3 * count, counts->examples);
  }
  if (plain_name.starts_with("qa/xquad/")) {
    EXPECT_EQ(counts->examples, 1190);
  }
  if (tagged) {
    EXPECT_THAT(counts->tags.Name(), ::testing::StartsWith("IOB2"));
  }
}

TEST_P(PublishedFilesTest, GiveAsManyExamplesAsAPlainCount) {
  const char* shared = std::getenv("REPRO_SHARED");
  const fs::path data = fs::path(shared != nullptr ? shared : "../shared") / "data";
  if (!fs::exists(data / GetParam())) {
    GTEST_SKIP() << data / GetParam() << ": not here (REPRO_SHARED names another folder)";
  }
  lines_ = StatedLines(data);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(data / GetParam())) {
    if (!entry.is_regular_file() || IsDocumentation(entry.path().filename().string())) continue;
    const std::string name = entry.path().lexically_relative(data).generic_string();
    const auto pattern = std::find_if(kPatterns.begin(), kPatterns.end(), [&](const Pattern& p) {
      return name.find(p.in) != std::string::npos && WithoutPacking(name).ends_with(p.end);
    });
    if (pattern == kPatterns.end()) {
      ADD_FAILURE() << name << ": no layout is known of it";
      continue;
    }
    ++files;
    const std::string text = Unpacked(entry.path());
    for (const std::string& layout : pattern->layouts) CheckFile(data, name, layout, text);
  }
  EXPECT_GT(files, 0);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedFilesTest,
                         ::testing::Values("xnli", "nli-train", "ner", "qa", "glue"),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace repro
