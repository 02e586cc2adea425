#include "experiments/datasets/layouts/squad_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/io/json_io.h"
#include "core/io/text_window.h"
#include "experiments/datasets/layouts/checked_lines.h"

namespace repro {
namespace {

/// The characters of a file, one after the other, and where they stand.
class Characters {
 public:
  explicit Characters(TextWindow window) : window_(std::move(window)) {}

  bool AtEnd() {
    if (at_ == held_.size()) {
      window_.Consume(held_.size());
      held_ = window_.Fill(1);
      at_ = 0;
    }
    return held_.empty();
  }
  char Current() const { return held_[at_]; }
  void Advance() {
    const char c = held_[at_++];
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) return;
    before_ = last_;
    last_ =
        last_character_ == '\n' ? Place{last_.line + 1, 1} : Place{last_.line, last_.column + 1};
    last_character_ = c;
  }
  bool NoneTaken() const { return last_.column == 0; }
  /// "FILE:LINE:COLUMN" of the character taken last.
  std::string Where() const { return WhereIs(last_); }
  /// The same of a number's last digit: the parser takes one character more to see its end, if
  /// there is one.
  std::string WhereNumberEnds() const {
    return WhereIs(last_character_ >= '0' && last_character_ <= '9' ? last_ : before_);
  }
  std::string path() const { return window_.source().path().string(); }
  const std::optional<Error>& damage() const { return window_.damage(); }

 private:
  struct Place {
    std::int64_t line = 1;
    std::int64_t column = 0;
  };
  std::string WhereIs(const Place& place) const {
    return fmt::format("{}:{}:{}", path(), place.line, place.column);
  }

  TextWindow window_;
  std::string_view held_;
  std::size_t at_ = 0;
  Place before_;  // the last but one
  Place last_;
  char last_character_ = '\0';
};

/// For the parser, which takes nothing but iterators.
class CharacterIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  explicit CharacterIterator(Characters* characters = nullptr) : characters_(characters) {}
  char operator*() const { return characters_->Current(); }
  CharacterIterator& operator++() {
    characters_->Advance();
    return *this;
  }
  CharacterIterator operator++(int) {
    CharacterIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CharacterIterator& a, const CharacterIterator& b) {
    return a.Ended() == b.Ended();
  }

 private:
  bool Ended() const { return characters_ == nullptr || characters_->AtEnd(); }

  Characters* characters_;
};

enum class Kind { kObject, kArray, kText, kNumber, kFraction, kTruth, kOther };

/// Of those that the layout has.
std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kObject:
      return "an object";
    case Kind::kArray:
      return "an array";
    case Kind::kText:
      return "text";
    case Kind::kNumber:
      return "a whole number";
    case Kind::kTruth:
      return "true or false";
    case Kind::kFraction:
    case Kind::kOther:
      break;
  }
  return "another value";
}

/// What a value is to the layout: the containers by what they hold, and the values that are kept.
enum class Part {
  kNone,  ///< passed over, with all that is in it
  kFile,
  kArticles,
  kArticle,
  kTitle,
  kParagraphs,
  kParagraph,
  kContext,
  kQuestions,
  kQuestion,
  kId,
  kQuestionText,
  kImpossible,
  kAnswers,
  kAnswer,
  kAnswerText,
  kAnswerStart
};

struct Rule {
  Part in;
  std::string_view name;  ///< empty: an entry of an array
  Kind kind;
  Part part;
};

constexpr Rule kRules[] = {
    {Part::kNone, "", Kind::kObject, Part::kFile},
    {Part::kFile, "data", Kind::kArray, Part::kArticles},
    {Part::kArticles, "", Kind::kObject, Part::kArticle},
    {Part::kArticle, "title", Kind::kText, Part::kTitle},
    {Part::kArticle, "paragraphs", Kind::kArray, Part::kParagraphs},
    {Part::kParagraphs, "", Kind::kObject, Part::kParagraph},
    {Part::kParagraph, "context", Kind::kText, Part::kContext},
    {Part::kParagraph, "qas", Kind::kArray, Part::kQuestions},
    {Part::kQuestions, "", Kind::kObject, Part::kQuestion},
    {Part::kQuestion, "id", Kind::kText, Part::kId},
    {Part::kQuestion, "question", Kind::kText, Part::kQuestionText},
    {Part::kQuestion, "is_impossible", Kind::kTruth, Part::kImpossible},
    {Part::kQuestion, "answers", Kind::kArray, Part::kAnswers},
    {Part::kAnswers, "", Kind::kObject, Part::kAnswer},
    {Part::kAnswer, "text", Kind::kText, Part::kAnswerText},
    {Part::kAnswer, "answer_start", Kind::kNumber, Part::kAnswerStart},
};

/// From code point `start` on; nothing where the text is shorter.
std::optional<std::string_view> TextFrom(std::string_view text, std::int64_t start) {
  if (start < 0) return std::nullopt;
  std::size_t at = 0;
  for (; start > 0 && at < text.size(); --start) {
    do {
      ++at;
    } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  }
  if (start > 0 || at == text.size()) return std::nullopt;
  return text.substr(at);
}

struct Fault {
  std::string_view reason;
  std::string where;
  std::string what;
  std::string found;
  std::string expected;
};

struct ReadAnswer {
  std::string where;
  std::optional<std::string> text;
  std::optional<std::int64_t> start;
};

struct ReadQuestion {
  std::string where;
  std::optional<std::string> id;
  std::optional<std::string> question;
  bool impossible = false;
  std::vector<ReadAnswer> answers;
  std::vector<Fault> faults;
};

struct ReadParagraph {
  std::optional<std::string> context;
  std::vector<ReadQuestion> questions;
};

/// Takes the parser's events; builds one article and gives its questions at its end, since a title
/// and a context may stand behind them.
class SquadHandler {
 public:
  SquadHandler(Characters& characters, std::string language, std::string question_language,
               ExampleProblems& problems, const ExampleSink& sink)
      : characters_(characters),
        language_(std::move(language)),
        question_language_(std::move(question_language)),
        problems_(problems),
        sink_(sink) {}

  // The parser's names.
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  bool null() {
    Value(Kind::kOther, "null");
    return true;
  }
  bool boolean(bool value) {
    if (Value(Kind::kTruth, value ? "true" : "false") == Part::kImpossible) {
      Question().impossible = value;
    }
    return true;
  }
  bool number_integer(number_integer_t value) {
    if (Value(Kind::kNumber, std::to_string(value)) == Part::kAnswerStart) Answer().start = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) {
    constexpr number_unsigned_t kMost = std::numeric_limits<std::int64_t>::max();
    return number_integer(static_cast<number_integer_t>(std::min(value, kMost)));
  }
  bool number_float(number_float_t, const string_t& written) {
    Value(Kind::kFraction, written);
    return true;
  }
  bool binary(binary_t&) { return null(); }
  bool string(string_t& value) {
    switch (Value(Kind::kText, value)) {
      case Part::kTitle:
        title_ = std::move(value);
        break;
      case Part::kContext:
        paragraphs_.back().context = std::move(value);
        break;
      case Part::kId:
        Question().id = std::move(value);
        break;
      case Part::kQuestionText:
        Question().question = std::move(value);
        break;
      case Part::kAnswerText:
        Answer().text = std::move(value);
        break;
      default:
        break;
    }
    return true;
  }
  bool start_object(std::size_t) {
    const Part part = Value(Kind::kObject);
    if (part == Part::kArticle) title_.clear();
    if (part == Part::kParagraph) paragraphs_.emplace_back();
    if (part == Part::kQuestion) {
      paragraphs_.back().questions.emplace_back().where = characters_.Where();
    }
    if (part == Part::kAnswer) Question().answers.emplace_back().where = characters_.Where();
    open_.push_back(part);
    return true;
  }
  bool key(string_t& value) {
    key_ = std::move(value);
    return true;
  }
  bool end_object() {
    const Part part = open_.back();
    open_.pop_back();
    if (part != Part::kArticle) return true;
    status_ = GiveArticle();
    return status_.has_value();
  }
  bool start_array(std::size_t) {
    open_.push_back(Value(Kind::kArray));
    key_.clear();
    return true;
  }
  bool end_array() {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) {
    problems_.AddFile(
        characters_.damage() ? characters_.damage()->message
        : characters_.NoneTaken()
            ? fmt::format("{}: is empty, expected JSON", characters_.path())
            : fmt::format("{}: not valid JSON: {}", characters_.Where(), JsonProblem(error)));
    return false;
  }

  Status status() const { return status_; }

 private:
  ReadQuestion& Question() { return paragraphs_.back().questions.back(); }
  ReadAnswer& Answer() { return Question().answers.back(); }

  /// What a value of this kind is, here; reports one of a kind that the layout does not have here.
  /// `written`: the value as text, of what is neither object nor array.
  Part Value(Kind kind, std::string_view written = {}) {
    const bool top = open_.empty();
    const Part in = top ? Part::kNone : open_.back();
    if (in == Part::kNone && !top) return Part::kNone;
    const bool entry = top || in == Part::kArticles || in == Part::kParagraphs ||
                       in == Part::kQuestions || in == Part::kAnswers;
    const std::string_view name = entry ? std::string_view() : key_;
    for (const Rule& rule : kRules) {
      if (rule.in != in || rule.name != name) continue;
      if (rule.kind == kind) return rule.part;
      WrongKind(in, name, kind, written, rule.kind);
    }
    return Part::kNone;
  }

  void WrongKind(Part in, std::string_view name, Kind kind, std::string_view written,
                 Kind expected) {
    const std::string what = name.empty() ? std::string("a value of the wrong kind")
                                          : fmt::format("`{}` is of the wrong kind", name);
    const bool number = kind == Kind::kNumber || kind == Kind::kFraction;
    std::string where = number ? characters_.WhereNumberEnds() : characters_.Where();
    const bool in_question = in == Part::kQuestion || in == Part::kAnswers || in == Part::kAnswer;
    if (in_question) {
      std::string found = kind == Kind::kObject  ? "{...}"
                          : kind == Kind::kArray ? "[...]"
                          : kind == Kind::kText  ? fmt::format("\"{}\"", written)
                                                 : std::string(written);
      Question().faults.push_back(
          {"field", std::move(where), what, std::move(found), std::string(KindName(expected))});
    } else {
      const bool holds = kind == Kind::kObject || kind == Kind::kArray || kind == Kind::kText;
      problems_.AddFile(fmt::format("{}: {} ({}), expected {}", where, what,
                                    holds ? KindName(kind) : written, KindName(expected)));
    }
  }

  void Missing(const ReadQuestion& question, const std::string& where, std::string_view name) {
    if (!question.faults.empty()) return;  // there was one, of the wrong kind
    problems_.Add("field", where, fmt::format("no `{}`", name), question.id.value_or(""), "one");
  }

  void CheckText(const ReadQuestion& question, std::string_view name,
                 const std::optional<std::string>& text, const std::string& where) {
    const std::string_view id = question.id ? std::string_view(*question.id) : "";
    if (!text) {
      Missing(question, where, name);
    } else if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
      problems_.Add("empty-field", where, fmt::format("no text in `{}`", name), id, "some");
    } else if (text->find('\0') != std::string::npos) {
      problems_.Add("nul", where, fmt::format("a NUL in `{}`", name), *text, "text");
    }
  }

  /// Whether the answer stands where it is said to.
  bool CheckStart(const ReadQuestion& question, const ReadAnswer& answer,
                  const std::string& context) {
    const auto there = TextFrom(context, *answer.start);
    if (there && there->starts_with(*answer.text)) return true;
    const std::size_t found = context.find(*answer.text);
    problems_.AddPart(
        "answer-start", answer.where,
        fmt::format("`answer_start` {} of question `{}` is not where its answer begins",
                    *answer.start, Printable(Prefix(*question.id, 80))),
        there ? Prefix(*there, answer.text->size()) : "",
        fmt::format(
            "`{}`, which {}", Printable(Prefix(*answer.text, 80)),
            found == std::string::npos
                ? "is not in the context"
                : fmt::format("begins at {}",
                              CountCodePoints(std::string_view(context).substr(0, found)))));
    return false;
  }

  /// Predictions go by ids. Within an article alone: some publishers number those anew in each.
  void CheckId(const ReadQuestion& question) {
    if (!question.id || ids_.insert(*question.id).second) return;
    problems_.Add("double-id", question.where, "a second question of this `id` in its article",
                  *question.id, "each id once");
  }

  Status GiveArticle() {
    ids_.clear();
    for (ReadParagraph& paragraph : paragraphs_) {
      for (ReadQuestion& question : paragraph.questions) {
        REPRO_RETURN_IF_ERROR(Give(question, paragraph.context));
      }
    }
    paragraphs_.clear();
    return {};
  }

  Status Give(ReadQuestion& read, const std::optional<std::string>& context) {
    for (const Fault& fault : read.faults) {
      problems_.Add(fault.reason, fault.where, fault.what, fault.found, fault.expected);
    }
    CheckText(read, "id", read.id, read.where);
    CheckId(read);
    CheckText(read, "question", read.question, read.where);
    CheckText(read, "context", context, read.where);
    for (const ReadAnswer& answer : read.answers) {
      CheckText(read, "text", answer.text, answer.where);
      if (!answer.start) Missing(read, answer.where, "answer_start");
    }
    if (read.answers.empty() != read.impossible) {
      problems_.Add("no-answer", read.where,
                    read.impossible ? "an impossible question with an answer"
                                    : "a question without an answer",
                    read.id.value_or(""), "`answers`, or `is_impossible` = true");
    }
    if (!problems_.EndExample()) return {};
    QaQuestion question;
    question.id = *read.id;
    question.title = title_;
    question.context = *context;
    question.question = std::move(*read.question);
    question.impossible = read.impossible;
    question.language = language_;
    question.question_language = question_language_;
    for (ReadAnswer& answer : read.answers) {
      if (!CheckStart(read, answer, question.context)) answer.start.reset();
      question.answers.push_back({std::move(*answer.text), answer.start});
    }
    return sink_(std::move(question));
  }

  Characters& characters_;
  std::string language_;
  std::string question_language_;
  ExampleProblems& problems_;
  const ExampleSink& sink_;
  std::vector<Part> open_;
  std::string key_;
  std::string title_;
  std::vector<ReadParagraph> paragraphs_;
  std::set<std::string> ids_;  // of the article's questions so far
  Status status_;
};

/// "de" of "dev-context-de-question-en.json" for "context-"; empty where there is none.
std::string CodeAfter(const std::string& name, std::string_view mark) {
  const std::size_t found = name.find(mark);
  if (found == std::string::npos) return "";
  const std::size_t begin = found + mark.size();
  return name.substr(begin, name.find_first_of("-.", begin) - begin);
}

}  // namespace

Status ReadSquad(const LayoutFile& file, bool languages_by_name, ExampleProblems& problems,
                 const ExampleSink& sink) {
  std::string language = file.language;
  std::string question_language = file.language;
  if (languages_by_name) {
    const std::string name = file.path.filename().string();
    language = CodeAfter(name, "context-");
    question_language = CodeAfter(name, "question-");
    if (language.empty() || question_language.empty()) {
      problems.AddFile(fmt::format(
          "{}: no languages in its name, expected one such as dev-context-de-question-en.json",
          file.path.string()));
      return {};
    }
  }
  if (file.encoding != "utf-8") {
    problems.AddFile(fmt::format("{}: encoding `{}`, expected `utf-8`: JSON has no other",
                                 file.path.string(), Printable(file.encoding)));
    return {};
  }
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(file.path));
  TextWindow window(std::move(source));
  if (auto problem = Utf16Problem(window)) {
    problems.AddFile(std::move(*problem));
    return {};
  }
  Characters characters(std::move(window));
  SquadHandler handler(characters, std::move(language), std::move(question_language), problems,
                       sink);
  Json::sax_parse(CharacterIterator(&characters), CharacterIterator(), &handler);
  return handler.status();
}

}  // namespace repro
