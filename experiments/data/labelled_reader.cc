#include "experiments/data/labelled_reader.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include <fmt/format.h>

#include "core/io/json_io.h"
#include "core/manifest/diagnostics.h"
#include "experiments/data/corpus_files.h"

namespace repro {
namespace {

constexpr std::size_t kMostErrorsShown = 20;

// The fields of one line, and what is wrong with them.
class Line {
 public:
  explicit Line(const Json& object) : object_(object) {}

  const Json* Find(const std::string& key, const char* expected,
                   bool (Json::*is)() const noexcept) {
    const auto found = object_.find(key);
    if (found == object_.end()) {
      std::vector<std::string> keys;
      for (const auto& [name, value] : object_.items()) keys.push_back(name);
      const std::string near = Suggest(key, keys);
      Complain(
          fmt::format("no key `{}`{}", key,
                      near.empty() ? "" : fmt::format("; is `{}` a misspelling of it?", near)));
      return nullptr;
    }
    if (!((*found).*is)()) {
      Complain(fmt::format("`{}`: expected {}, found {}", key, expected, found->type_name()));
      return nullptr;
    }
    return &*found;
  }

  std::string Text(const std::string& key) {
    const Json* value = Find(key, "a string", &Json::is_string);
    if (value == nullptr) return {};
    if (value->get_ref<const std::string&>().empty()) {
      Complain(fmt::format("`{}` is empty, expected text", key));
    }
    return value->get<std::string>();
  }

  std::int64_t Label(const std::vector<std::string>& labels) {
    const Json* value = Find("label", "an integer", &Json::is_number_integer);
    if (value == nullptr) return -1;
    const auto label = value->get<std::int64_t>();
    if (label < 0 || label >= static_cast<std::int64_t>(labels.size())) {
      Complain(fmt::format("`label` is {}, expected 0 to {}", label, labels.size() - 1));
    }
    return label;
  }

  void WordsAndTags(const std::vector<std::string>& labels, LabelledExample& example) {
    const Json* words = Find("words", "an array", &Json::is_array);
    if (words == nullptr) return;
    const Json* tags = Find("tags", "an array", &Json::is_array);
    if (tags == nullptr) return;
    if (words->empty() || words->size() != tags->size()) {
      Complain(fmt::format("{} words and {} tags, expected as many of each and at least one",
                           words->size(), tags->size()));
      return;
    }
    for (std::size_t i = 0; i < words->size(); ++i) {
      const Json& word = (*words)[i];
      const Json& tag = (*tags)[i];
      if (!word.is_string() || !tag.is_string()) {
        Complain(fmt::format("`words` and `tags`, entry {}: expected strings", i + 1));
        return;
      }
      const auto name = tag.get<std::string>();
      const auto found = std::find(labels.begin(), labels.end(), name);
      if (found == labels.end()) {
        Complain(fmt::format("`tags`, entry {}: unknown tag `{}`, expected {}{}", i + 1, name,
                             OneOfText(labels), DidYouMean(name, labels)));
        return;
      }
      example.words.push_back(word.get<std::string>());
      example.tags.push_back(found - labels.begin());
    }
  }

  const std::string& errors() const { return errors_; }

 private:
  void Complain(const std::string& message) { errors_ += (errors_.empty() ? "" : "; ") + message; }

  const Json& object_;
  std::string errors_;
};

// Reads a jsonl file; `read` takes each line's object and leaves its complaints in it.
Status ReadLines(const std::filesystem::path& path, const std::function<void(Line&)>& read) {
  std::string errors;
  std::size_t count = 0;
  std::int64_t number = 0;
  std::int64_t examples = 0;
  const auto complain = [&](const std::string& message) {
    if (++count <= kMostErrorsShown) errors += (errors.empty() ? "" : "\n") + message;
  };
  REPRO_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view text) -> Status {
    const std::string where = fmt::format("{}:{}", path.string(), ++number);
    const auto object = ParseJson(text, where);
    if (!object) {
      complain(object.error().message);
      return {};
    }
    if (!object->is_object()) {
      complain(fmt::format("{}: expected a JSON object, found {}", where, object->type_name()));
      return {};
    }
    Line line(*object);
    read(line);
    if (!line.errors().empty()) complain(where + ": " + line.errors());
    ++examples;
    return {};
  }));
  if (count > kMostErrorsShown) {
    errors += fmt::format("\n... and {} more", count - kMostErrorsShown);
  }
  if (count > 0) return Fail(ErrorCode::kCorrupt, "{}", errors);
  if (examples == 0) {
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
