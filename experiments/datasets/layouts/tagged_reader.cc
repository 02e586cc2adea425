#include "experiments/datasets/layouts/tagged_reader.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/manifest/diagnostics.h"
#include "experiments/datasets/layouts/checked_lines.h"
#include "experiments/datasets/layouts/split_fields.h"

namespace repro {

struct TaggedLayout {
  std::string_view name;
  std::string_view line;  ///< what one holds, for messages
  bool tabs = false;      ///< else any number of blanks divides
  std::size_t fewest = 2;
  std::size_t most = 2;
  bool numbered = false;   ///< the word's number in its sentence stands first
  bool documents = false;  ///< -DOCSTART-
  bool prefixed = false;   ///< "en:" may stand before each word
  std::vector<std::string> types{};
};

namespace {

const std::vector<TaggedLayout>& Layouts() {
  static const std::vector<TaggedLayout> kLayouts = {
      {.name = "conll",
       .line = "a word, others and a tag, divided by blanks",
       .most = 5,
       .documents = true,
       .types = {"LOC", "MISC", "ORG", "PER"}},
      {.name = "wikineural",
       .line = "a number, a word and a tag, divided by tabs",
       .tabs = true,
       .fewest = 3,
       .most = 3,
       .numbered = true,
       .types = {"LOC", "MISC", "ORG", "PER"}},
      {.name = "panx",
       .line = "a word and a tag, divided by a tab",
       .tabs = true,
       .prefixed = true,
       .types = {"LOC", "ORG", "PER"}},
      {.name = "masakhaner",
       .line = "a word and a tag, divided by a blank",
       .types = {"DATE", "LOC", "ORG", "PER"}},
  };
  return kLayouts;
}

/// "en:" when the words of the first lines, of which there are two or more, all begin so.
std::string FindPrefix(std::string_view ahead) {
  constexpr int kLines = 50;
  constexpr std::size_t kLongest = 16;
  std::string_view prefix;
  int lines = 0;
  while (lines < kLines) {
    const std::size_t end = ahead.find('\n');
    if (end == std::string_view::npos) break;
    const std::string_view line = ahead.substr(0, end);
    ahead.remove_prefix(end + 1);
    if (IsBlankLine(line) || line == "\r") continue;
    if (lines++ == 0) prefix = line.substr(0, line.find(':') + 1);
    if (!line.starts_with(prefix)) return "";
  }
  const bool code = prefix.size() > 2 && prefix.size() <= kLongest &&
                    std::all_of(prefix.begin(), prefix.end() - 1,
                                [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
  return code && lines >= 2 ? std::string(prefix) : "";
}

class TaggedReader {
 public:
  TaggedReader(const TaggedLayout& layout, const LayoutFile& file, const ReadRules& rules,
               CheckedLines lines, ExampleProblems& problems, const ExampleSink& sink)
      : layout_(layout),
        rules_(rules),
        lines_(std::move(lines)),
        problems_(problems),
        sink_(sink),
        language_(file.language) {}

  Status Read() {
    if (layout_.prefixed) {
      prefix_ = FindPrefix(lines_.Ahead(1 << 16));
      if (language_.empty() && !prefix_.empty()) language_ = prefix_.substr(0, prefix_.size() - 1);
    }
    while (const auto line = lines_.Next(problems_)) {
      if (line->faulty) {
        ++words_;  // its place in the sentence is taken
      } else if (IsBlankLine(line->text)) {
        REPRO_RETURN_IF_ERROR(EndSentence());
      } else if (layout_.documents && line->text.starts_with("-DOCSTART-")) {
        REPRO_RETURN_IF_ERROR(EndSentence());
        sentence_.begins_document = true;
      } else {
        AddWord(*line);
      }
    }
    return EndSentence();
  }

 private:
  void Fault(std::string_view reason, const CheckedLines::Line& line, std::string_view what,
             std::string_view found, std::string_view expected) {
    problems_.Add(reason, lines_.Where(line.number), what, found, expected);
  }

  void AddWord(const CheckedLines::Line& line) {
    const std::int64_t number = words_++;
    if (layout_.tabs) {
      SplitAtTabs(line.text, fields_);
    } else {
      SplitAtBlanks(line.text, fields_);
    }
    const std::size_t count = fields_.size();
    const bool fits =
        columns_ == 0 ? count >= layout_.fewest && count <= layout_.most : count == columns_;
    if (!fits) {
      Fault("columns", line, Plural(count, "column"), line.text,
            columns_ == 0 ? std::string(layout_.line)
                          : fmt::format("{}: {}", columns_, layout_.line));
      return;
    }
    columns_ = count;
    if (layout_.numbered && fields_[0] != std::to_string(number)) {
      Fault("word-number", line, "number of the word in its sentence", fields_[0],
            fmt::format("{}, or a blank line before a new sentence", number));
    }
    std::string_view word = fields_[layout_.numbered ? 1 : 0];
    if (!word.starts_with(prefix_)) {
      Fault("language-prefix", line, "a word without its language", word,
            fmt::format("`{}` before it, as before the words above", prefix_));
    } else {
      word.remove_prefix(prefix_.size());
      if (IsBlankLine(word)) Fault("empty-field", line, "no word", line.text, layout_.line);
    }
    const std::string_view tag = fields_.back();
    const std::string_view type = tag.size() > 2 ? tag.substr(2) : std::string_view();
    const bool phrase =
        (tag.starts_with("B-") || tag.starts_with("I-")) &&
        std::find(layout_.types.begin(), layout_.types.end(), type) != layout_.types.end();
    if (tag != "O" && !phrase) {
      Fault("unknown-tag", line, "unknown tag", tag,
            fmt::format("`O`, or `B-` or `I-` with {}", OneOfText(layout_.types)));
    }
    sentence_.words.emplace_back(word);
    sentence_.tags.emplace_back(tag);
  }

  Status EndSentence() {
    if (words_ == 0) return {};
    words_ = 0;
    TaggedSentence done = std::exchange(sentence_, {});
    done.id = std::to_string(++sentences_);
    if (!problems_.EndExample()) return {};
    done.language = language_;
    if (rules_.to_iob2) ToIob2(done.tags);
    return sink_(std::move(done));
  }

  const TaggedLayout& layout_;
  const ReadRules& rules_;
  CheckedLines lines_;
  ExampleProblems& problems_;
  const ExampleSink& sink_;
  std::string language_;
  std::string prefix_;
  std::size_t columns_ = 0;  // of the first line; 0 before it
  std::int64_t words_ = 0;   // lines of the sentence, the faulty ones too
  std::int64_t sentences_ = 0;
  TaggedSentence sentence_;
  std::vector<std::string_view> fields_;
};

}  // namespace

const TaggedLayout* FindTaggedLayout(std::string_view name) {
  for (const TaggedLayout& layout : Layouts()) {
    if (layout.name == name) return &layout;
  }
  return nullptr;
}

std::vector<std::string> TaggedLayoutNames() {
  std::vector<std::string> names;
  for (const TaggedLayout& layout : Layouts()) names.emplace_back(layout.name);
  return names;
}

Status ReadTagged(const TaggedLayout& layout, const LayoutFile& file, const ReadRules& rules,
                  ExampleProblems& problems, const ExampleSink& sink) {
  REPRO_ASSIGN_OR_RETURN(CheckedLines lines, CheckedLines::Open(file.path, file.encoding));
  return TaggedReader(layout, file, rules, std::move(lines), problems, sink).Read();
}

}  // namespace repro
