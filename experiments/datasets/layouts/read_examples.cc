#include "experiments/datasets/layouts/read_examples.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/manifest/diagnostics.h"
#include "experiments/datasets/layouts/split_fields.h"
#include "experiments/datasets/layouts/squad_reader.h"
#include "experiments/datasets/layouts/table_reader.h"
#include "experiments/datasets/layouts/tagged_reader.h"

namespace repro {
namespace {

constexpr std::string_view kSquad = "squad";
constexpr std::string_view kMlqa = "mlqa";

Status ReadFileOf(const LayoutFile& file, const ReadRules& rules, ExampleProblems& problems,
                  const ExampleSink& sink) {
  if (const TableLayout* const table = FindTableLayout(file.layout); table != nullptr) {
    return ReadTable(*table, file, rules, problems, sink);
  }
  if (const TaggedLayout* const tagged = FindTaggedLayout(file.layout); tagged != nullptr) {
    return ReadTagged(*tagged, file, rules, problems, sink);
  }
  if (file.layout == kSquad || file.layout == kMlqa) {
    return ReadSquad(file, file.layout == kMlqa, problems, sink);
  }
  return Fail(ErrorCode::kInvalidArgument, "{}: no layout of examples is named `{}`, expected {}{}",
              file.path.string(), Printable(file.layout), OneOfText(ExampleLayouts()),
              DidYouMean(file.layout, ExampleLayouts()));
}

class Counter {
 public:
  Counter(std::string_view layout, ExampleCounts& counts)
      : names_(LabelNames(layout)), counts_(counts) {}

  void operator()(const NliPair& pair) {
    Text(pair.premise);
    Text(pair.hypothesis);
    Label(pair.label);
  }
  void operator()(const TaggedSentence& sentence) {
    ++counts_.sentences;
    counts_.words += static_cast<std::int64_t>(sentence.words.size());
    counts_.tags.Add(sentence.tags);
    tags_ = sentence.tags;
    ToIob2(tags_);
    for (const std::string& tag : tags_) {
      if (tag.front() == 'B') ++counts_.by_label[tag.substr(2)];
    }
  }
  void operator()(const QaQuestion& question) {
    Text(question.question);
    ++counts_.by_label[question.impossible ? "impossible" : "answerable"];
  }
  void operator()(const TextRow& row) {
    Text(row.text);
    if (!row.second.empty()) Text(row.second);
    if (row.score) {
      ++counts_.by_label[fmt::format("score {}", static_cast<int>(std::floor(*row.score)))];
    } else {
      Label(row.label);
    }
  }

 private:
  void Text(std::string_view text) {
    ++counts_.sentences;
    SplitAtBlanks(text, fields_);
    counts_.words += static_cast<std::int64_t>(fields_.size());
  }
  void Label(std::optional<int> label) {
    ++counts_.by_label[label ? names_[static_cast<std::size_t>(*label)] : "(unlabelled)"];
  }

  std::vector<std::string> names_;
  ExampleCounts& counts_;
  std::vector<std::string> tags_;
  std::vector<std::string_view> fields_;
};

/// What an example's language is called in counts.
std::string CountedLanguage(const LayoutExample& example) {
  std::string language =
      std::visit([](const auto& one) -> std::string { return one.language; }, example);
  if (const auto* const pair = std::get_if<NliPair>(&example);
      pair != nullptr && !pair->translated_from.empty()) {
    language = pair->translated_from;
  }
  return language.empty() ? "(not said)" : language;
}

/// Of a file without an example: what is wrong with those that it should have given.
std::string NoExample(const LayoutFile& file, const FaultCounts& faults) {
  constexpr std::size_t kMessagesEach = 3;
  std::vector<std::string> counts;
  std::string messages;
  std::int64_t unsaid = 0;
  for (const auto& [reason, fault] : faults) {
    if (fault.count == 0) continue;  // of examples that have another fault, too
    counts.push_back(fmt::format("{} {}", fault.count, reason));
    const std::size_t said = std::min(fault.messages.size(), kMessagesEach);
    for (std::size_t i = 0; i < said; ++i) messages += "\n  " + fault.messages[i];
    if (said > 0)
      unsaid += std::max<std::int64_t>(fault.count - static_cast<std::int64_t>(said), 0);
  }
  return fmt::format("{}: no example in layout `{}`, expected one at least{}{}{}{}",
                     file.path.string(), file.layout,
                     counts.empty() ? "" : "; left out: ", fmt::join(counts, ", "), messages,
                     unsaid > 0 ? "\n  `repro data stats` with --strict shows more of them" : "");
}

/// `sink_of` makes the sink of a file.
Result<FaultCounts> ReadEach(std::span<const LayoutFile> files, const ReadRules& rules,
                             const std::function<ExampleSink(const LayoutFile&)>& sink_of) {
  ExampleProblems problems(rules.skip, rules.shown);
  for (const LayoutFile& file : files) {
    ExampleProblems of_file(rules.skip, rules.shown);
    const ExampleSink sink = sink_of(file);
    bool any = false;
    REPRO_RETURN_IF_ERROR(ReadFileOf(file, rules, of_file, [&](LayoutExample&& example) {
      any = true;
      return sink(std::move(example));
    }));
    const bool unsaid = rules.skip && !of_file.counts().empty();  // else the faults are the errors
    if (!any && (of_file.errors() == 0 || unsaid)) {
      of_file.AddFile(NoExample(file, of_file.counts()));
    }
    problems.Merge(std::move(of_file));
  }
  REPRO_RETURN_IF_ERROR(problems.ToStatus());
  return problems.counts();
}

}  // namespace

const std::vector<std::string>& ExampleLayouts() {
  static const std::vector<std::string> kLayouts = [] {
    std::vector<std::string> names = TableLayoutNames();
    const std::vector<std::string> tagged = TaggedLayoutNames();
    names.insert(names.end(), tagged.begin(), tagged.end());
    names.emplace_back(kSquad);
    names.emplace_back(kMlqa);
    return names;
  }();
  return kLayouts;
}

bool HoldsExamples(std::string_view layout) {
  const auto& layouts = ExampleLayouts();
  return std::find(layouts.begin(), layouts.end(), layout) != layouts.end();
}

std::vector<std::string> LabelNames(std::string_view layout) {
  const TableLayout* const table = FindTableLayout(layout);
  return table == nullptr ? std::vector<std::string>() : table->label_names;
}

Result<FaultCounts> ReadExamples(std::span<const LayoutFile> files, const ReadRules& rules,
                                 const ExampleSink& sink) {
  return ReadEach(files, rules, [&](const LayoutFile&) { return sink; });
}

ExampleCounts& ExampleCounts::operator+=(const ExampleCounts& other) {
  examples += other.examples;
  sentences += other.sentences;
  words += other.words;
  for (const auto& [label, count] : other.by_label) by_label[label] += count;
  for (const auto& [language, count] : other.by_language) by_language[language] += count;
  tags.opened_by_b += other.tags.opened_by_b;
  tags.opened_by_i += other.tags.opened_by_i;
  tags.divided_by_b += other.tags.divided_by_b;
  return *this;
}

Result<FaultCounts> CountExamplesByLanguage(std::span<const LayoutFile> files,
                                            const ReadRules& rules,
                                            std::map<std::string, ExampleCounts>& counts) {
  ReadRules as_written = rules;
  as_written.to_iob2 = false;
  const auto counter_of = [&](const LayoutFile& file) -> ExampleSink {
    return [&counts, layout = file.layout, counters = std::map<std::string, Counter>()](
               LayoutExample&& example) mutable -> Status {
      const std::string language = CountedLanguage(example);
      ExampleCounts& of_language = counts[language];
      ++of_language.examples;
      ++of_language.by_language[language];
      std::visit(counters.try_emplace(language, layout, of_language).first->second, example);
      return {};
    };
  };
  return ReadEach(files, as_written, counter_of);
}

Result<ExampleCounts> CountExamples(std::span<const LayoutFile> files, const ReadRules& rules) {
  std::map<std::string, ExampleCounts> by_language;
  ExampleCounts all;
  REPRO_ASSIGN_OR_RETURN(all.faults, CountExamplesByLanguage(files, rules, by_language));
  for (const auto& [language, counts] : by_language) all += counts;
  return all;
}

}  // namespace repro
