#include "experiments/datasets/layouts/table_layout.h"

#include <utility>

namespace repro {
namespace {

using Header = TableLayout::Header;
using Gives = TableLayout::Gives;

const std::vector<TableLayout>& Layouts() {
  static const std::vector<std::string> kNli = {"contradiction", "neutral", "entailment"};
  // XNLI-MT's training files write "contradictory", SICK capitals.
  static const std::vector<LabelSpelling> kNliSpellings = {
      {"contradiction", 0}, {"neutral", 1}, {"entailment", 2}, {"contradictory", 0},
      {"CONTRADICTION", 0}, {"NEUTRAL", 1}, {"ENTAILMENT", 2}};
  static const ColumnNames kXnli = {"language",
                                    "gold_label",
                                    "sentence1_binary_parse",
                                    "sentence2_binary_parse",
                                    "sentence1_parse",
                                    "sentence2_parse",
                                    "sentence1",
                                    "sentence2",
                                    "promptID",
                                    "pairID",
                                    "genre",
                                    "label1",
                                    "label2",
                                    "label3",
                                    "label4",
                                    "label5",
                                    "sentence1_tokenized",
                                    "sentence2_tokenized",
                                    "match"};
  static const ColumnNames kIndexPairLabel = {"index", "sentence1", "sentence2", "label"};
  static const std::vector<LabelSpelling> kDigits = {{"0", 0}, {"1", 1}};
  static const std::vector<LabelSpelling> kEntailmentFirst = {{"entailment", 0},
                                                              {"not_entailment", 1}};
  const auto nli = [](TableLayout layout) {
    layout.gives = Gives::kNliPair;
    layout.label_names = kNli;
    layout.spellings = kNliSpellings;
    return layout;
  };
  const auto xnli = [&](std::string_view name, bool translated) {
    return nli({.name = name,
                .header = Header::kAlways,
                .columns = kXnli,
                .id = {"pairID"},
                .language = {"language"},
                .first = {"sentence1"},
                .second = {"sentence2"},
                .label = {"gold_label"},
                .may_lack_labels = false,
                .jsonl = true,
                .translated = translated});
  };
  const auto plain_pairs = [&](std::string_view name, Header header) {
    return nli({.name = name,
                .header = header,
                .columns = {"premise", "hypothesis", "label"},
                .first = {"premise", "sentence1"},
                .second = {"hypothesis", "hypo", "sentence2"},
                .label = {"label", "gold_label"},
                .may_lack_labels = false});
  };
  const auto my_xnli = [&](std::string_view name, std::string_view first, std::string_view second,
                           bool translated) {
    return nli({.name = name,
                .header = Header::kAlways,
                .columns = {"label", "sentence1_en", "sentence2_en", "sentence1_*", "sentence2_*"},
                .language = {"sentence1_*"},
                .first = {first},
                .second = {second},
                .label = {"label"},
                .may_lack_labels = false,
                .translated = translated});
  };
  const auto annotated_pairs = [&](std::string_view name, ColumnNames columns) {
    return nli({.name = name,
                .header = Header::kAlways,
                .columns = std::move(columns),
                .id = {"pairID"},
                .first = {"sentence1"},
                .second = {"sentence2"},
                .label = {"gold_label"},
                .more_annotators = true,
                .jsonl = true});
  };
  static const std::vector<TableLayout> kLayouts = {
      xnli("xnli", false),
      xnli("xnli-translate-test", true),
      plain_pairs("xnli-mt", Header::kAlways),
      plain_pairs("xtreme-xnli", Header::kNever),
      my_xnli("myxnli-translated", "sentence1_en", "sentence2_en", true),
      my_xnli("myxnli-original", "sentence1_*", "sentence2_*", false),
      annotated_pairs("mnli", {"index", "promptID", "pairID", "genre", "sentence1_binary_parse",
                               "sentence2_binary_parse", "sentence1_parse", "sentence2_parse",
                               "sentence1", "sentence2", "label1", "gold_label"}),
      annotated_pairs("snli", {"index", "captionID", "pairID", "sentence1_binary_parse",
                               "sentence2_binary_parse", "sentence1_parse", "sentence2_parse",
                               "sentence1", "sentence2", "label1", "gold_label"}),
      nli({.name = "sick",
           .header = Header::kAlways,
           .columns = {"pair_ID", "sentence_A", "sentence_B", "relatedness_score",
                       "entailment_judgment"},
           .id = {"pair_ID"},
           .first = {"sentence_A"},
           .second = {"sentence_B"},
           .label = {"entailment_judgment", "entailment_label"},
           .may_lack_labels = false}),
      plain_pairs("nli", Header::kMaybe),
      {.name = "glue-cola",
       .columns = {"source", "label", "author's judgement", "sentence"},
       .id = {"index"},
       .first = {"sentence"},
       .label = {"label"},
       .label_names = {"unacceptable", "acceptable"},
       .spellings = kDigits},
      {.name = "glue-sst2",
       .columns = {"sentence", "label"},
       .id = {"index"},
       .first = {"sentence"},
       .label = {"label"},
       .label_names = {"negative", "positive"},
       .spellings = kDigits},
      {.name = "glue-mrpc",
       .columns = {"Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"},
       .id = {"index"},
       .first = {"#1 String"},
       .second = {"#2 String"},
       .label = {"Quality"},
       .label_names = {"not_equivalent", "equivalent"},
       .spellings = kDigits},
      {.name = "glue-stsb",
       .columns = {"index", "genre", "filename", "year", "old_index", "source1", "source2",
                   "sentence1", "sentence2", "score"},
       .id = {"index"},
       .first = {"sentence1"},
       .second = {"sentence2"},
       .label = {"score"}},
      {.name = "glue-qqp",
       .columns = {"id", "qid1", "qid2", "question1", "question2", "is_duplicate"},
       .id = {"id"},
       .first = {"question1"},
       .second = {"question2"},
       .label = {"is_duplicate"},
       .label_names = {"not_duplicate", "duplicate"},
       .spellings = kDigits},
      {.name = "glue-qnli",
       .columns = {"index", "question", "sentence", "label"},
       .id = {"index"},
       .first = {"question"},
       .second = {"sentence"},
       .label = {"label"},
       .label_names = {"entailment", "not_entailment"},
       .spellings = kEntailmentFirst},
      {.name = "glue-rte",
       .columns = kIndexPairLabel,
       .id = {"index"},
       .first = {"sentence1"},
       .second = {"sentence2"},
       .label = {"label"},
       .label_names = {"entailment", "not_entailment"},
       .spellings = kEntailmentFirst},
      {.name = "glue-wnli",
       .columns = kIndexPairLabel,
       .id = {"index"},
       .first = {"sentence1"},
       .second = {"sentence2"},
       .label = {"label"},
       .label_names = {"not_entailment", "entailment"},
       .spellings = kDigits},
  };
  return kLayouts;
}

}  // namespace

const TableLayout* FindTableLayout(std::string_view name) {
  for (const TableLayout& layout : Layouts()) {
    if (layout.name == name) return &layout;
  }
  return nullptr;
}

std::vector<std::string> TableLayoutNames() {
  std::vector<std::string> names;
  for (const TableLayout& layout : Layouts()) names.emplace_back(layout.name);
  return names;
}

}  // namespace repro
