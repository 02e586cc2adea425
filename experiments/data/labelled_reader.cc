#include "experiments/data/labelled_reader.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/manifest/diagnostics.h"
#include "experiments/data/corpus_files.h"
#include "experiments/data/json_line.h"

namespace repro {
namespace {

constexpr std::size_t kMostErrorsShown = 20;

// Everything that is wrong with a file.
class Complaints {
 public:
  void Add(const std::string& message) {
    if (++count_ <= kMostErrorsShown) text_ += (text_.empty() ? "" : "\n") + message;
  }
  Status ToStatus() const {
    if (count_ == 0) return {};
    const std::size_t more = count_ - std::min(count_, kMostErrorsShown);
    return Fail(ErrorCode::kCorrupt, "{}{}", text_,
                more == 0 ? std::string() : fmt::format("\n... and {} more", more));
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

// The fields of one line. What is wrong with them goes to the complaints, with its column.
class Line {
 public:
  Line(std::string_view text, const Json& object, std::string where, Complaints& complaints)
      : text_(text), object_(object), where_(std::move(where)), complaints_(complaints) {}

  const Json* Find(const std::string& key, const char* expected,
                   bool (Json::*is)() const noexcept) {
    const auto found = object_.find(key);
    if (found == object_.end()) {
      std::vector<std::string> keys;
      for (const auto& [name, value] : object_.items()) keys.push_back(name);
      const std::string near = Suggest(key, keys);
      Complain(
          near.empty() ? 0 : FindMember(text_, near).key,
          fmt::format("no key `{}`, expected {}{}", key, expected,
                      near.empty() ? "" : fmt::format("; is `{}` a misspelling of it?", near)));
      return nullptr;
    }
    if (!((*found).*is)()) {
      ComplainOf(key, fmt::format("`{}` is {}, expected {}", key, found->type_name(), expected));
      return nullptr;
    }
    return &*found;
  }

  std::string Text(const std::string& key) {
    const Json* value = Find(key, "a string", &Json::is_string);
    if (value == nullptr) return {};
    if (value->get_ref<const std::string&>().empty()) {
      ComplainOf(key, fmt::format("`{}` is empty, expected text", key));
    }
    return value->get<std::string>();
  }

  std::int64_t Label(const std::vector<std::string>& labels) {
    const Json* value = Find("label", "an integer", &Json::is_number_integer);
    if (value == nullptr) return -1;
    const auto label = value->get<std::int64_t>();
    if (label < 0 || label >= static_cast<std::int64_t>(labels.size())) {
      ComplainOf("label",
                 fmt::format("`label` is {}, expected 0 to {}", value->dump(), labels.size() - 1));
    }
    return label;
  }

  void WordsAndTags(const std::vector<std::string>& labels, LabelledExample& example) {
    const Json* words = Find("words", "an array", &Json::is_array);
    const Json* tags = Find("tags", "an array", &Json::is_array);
    if (words == nullptr || tags == nullptr) return;
    if (words->empty() || words->size() != tags->size()) {
      ComplainOf("tags", fmt::format("{} words and {} tags, expected as many of each and at least "
                                     "one",
                                     words->size(), tags->size()));
      return;
    }
    for (std::size_t i = 0; i < words->size(); ++i) {
      if (!IsString("words", *words, i) || !IsString("tags", *tags, i)) return;
      const auto name = (*tags)[i].get<std::string>();
      const auto found = std::find(labels.begin(), labels.end(), name);
      if (found == labels.end()) {
        Complain(PlaceOf("tags", i),
                 fmt::format("`tags`, entry {}: unknown tag `{}`, expected {}{}", i + 1, name,
                             OneOfText(labels), DidYouMean(name, labels)));
        return;
      }
      example.words.push_back((*words)[i].get<std::string>());
      example.tags.push_back(found - labels.begin());
    }
  }

 private:
  bool IsString(const char* key, const Json& array, std::size_t i) {
    if (array[i].is_string()) return true;
    Complain(PlaceOf(key, i), fmt::format("`{}`, entry {} is {}, expected a string", key, i + 1,
                                          array[i].type_name()));
    return false;
  }
  std::size_t PlaceOf(std::string_view key, std::size_t entry) const {
    return FindEntry(text_, FindMember(text_, key).value, entry);
  }
  void ComplainOf(std::string_view key, const std::string& message) {
    Complain(FindMember(text_, key).value, message);
  }
  void Complain(std::size_t byte, const std::string& message) {
    complaints_.Add(fmt::format("{}:{}: {}", where_, ColumnAt(text_, byte), Printable(message)));
  }

  std::string_view text_;
  const Json& object_;
  std::string where_;  // file:line
  Complaints& complaints_;
};

// Reads a jsonl file; `read` takes each line's object.
Status ReadLines(const std::filesystem::path& path, const std::function<void(Line&)>& read) {
  Complaints complaints;
  std::int64_t number = 0;
  REPRO_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view text) -> Status {
    const std::string where = fmt::format("{}:{}", path.string(), ++number);
    const auto object = ParseJsonLine(text, where);
    if (!object) {
      complaints.Add(object.error().message);
    } else if (!object->is_object()) {
      complaints.Add(
          fmt::format("{}:1: found {}, expected a JSON object", where, object->type_name()));
    } else {
      Line line(text, *object, where, complaints);
      read(line);
    }
    return {};
  }));
  REPRO_RETURN_IF_ERROR(complaints.ToStatus());
  if (number == 0) {
    return Fail(ErrorCode::kCorrupt, "{}: no example, expected at least one", path.string());
  }
  return {};
}

}  // namespace

Result<LabelledTask> ParseLabelledTask(const std::string& name) {
  if (name == "xnli") return LabelledTask::kPair;
  if (name == "topic") return LabelledTask::kSentence;
  if (name == "tags") return LabelledTask::kTags;
  return Fail(ErrorCode::kInvalidArgument, "unknown task `{}`, expected {}", name,
              OneOfText({"xnli", "topic", "tags"}));
}

Result<std::vector<std::string>> ReadLabelNames(const std::filesystem::path& folder,
                                                const std::string& task) {
  const std::filesystem::path path = folder / "labels.json";
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
  const auto found = json.find(task);
  if (found != json.end() && found->is_array() && found->size() >= 2 &&
      std::all_of(found->begin(), found->end(), [](const Json& n) { return n.is_string(); })) {
    return found->get<std::vector<std::string>>();
  }
  return Fail(ErrorCode::kCorrupt, "{}: `{}`: expected an array of at least two names",
              path.string(), task);
}

Result<std::vector<LabelledExample>> ReadLabelled(const std::filesystem::path& folder,
                                                  const std::string& task, const std::string& split,
                                                  const std::vector<std::string>& labels) {
  REPRO_ASSIGN_OR_RETURN(const LabelledTask kind, ParseLabelledTask(task));
  std::vector<LabelledExample> examples;
  REPRO_RETURN_IF_ERROR(ReadLines(folder / (task + "." + split + ".jsonl"), [&](Line& line) {
    LabelledExample example;
    example.id = line.Text("id");
    if (kind == LabelledTask::kTags) {
      line.WordsAndTags(labels, example);
    } else {
      example.text = line.Text(kind == LabelledTask::kPair ? "premise" : "text");
      if (kind == LabelledTask::kPair) example.second = line.Text("hypothesis");
      example.label = line.Label(labels);
    }
    examples.push_back(std::move(example));
  }));
  return examples;
}

Result<std::vector<SentencePair>> ReadSentencePairs(const std::filesystem::path& folder) {
  std::vector<SentencePair> pairs;
  const std::filesystem::path path = folder / "pairs.jsonl";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return pairs;
  REPRO_RETURN_IF_ERROR(ReadLines(path, [&](Line& line) {
    SentencePair pair;
    pair.id = line.Text("id");
    pair.text = line.Text("text");
    pair.source_text = line.Text("source_text");
    pairs.push_back(std::move(pair));
  }));
  return pairs;
}

Result<std::vector<ParallelSentence>> ReadParallel(const std::filesystem::path& folder) {
  std::vector<ParallelSentence> sentences;
  REPRO_RETURN_IF_ERROR(ReadLines(folder / "parallel.jsonl", [&](Line& line) {
    ParallelSentence sentence;
    sentence.id = line.Text("id");
    sentence.text = line.Text("text");
    sentences.push_back(std::move(sentence));
  }));
  return sentences;
}

}  // namespace repro
