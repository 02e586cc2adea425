#include "experiments/corpus/source/plain_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/io/json_io.h"

namespace repro {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kShown = 80;

/// Column `index` of a line; nothing when it has fewer.
std::optional<std::string_view> Column(std::string_view line, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

/// Two texts of a JSON object. Nothing else of it is kept, however much there is and however deep:
/// as values, a line of "[[[[" would take a hundred times its size.
class TwoTexts : public nlohmann::json_sax<Json> {
 public:
  TwoTexts(std::string_view first, std::string_view second) : names_{first, second} {}

  /// False where `line` is no JSON object.
  bool Parse(std::string_view line) { return Json::sax_parse(line, this) && is_object_; }
  /// Null where there is none of that name, or it is no text. Of several the last one counts.
  const std::string* first() const { return texts_[0] ? &*texts_[0] : nullptr; }
  const std::string* second() const { return texts_[1] ? &*texts_[1] : nullptr; }

  bool key(std::string& name) override {
    if (depth_ != 1) return true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      wanted_[i] = name == names_[i];
      if (wanted_[i]) texts_[i].reset();
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 1) return true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (wanted_[i]) texts_[i] = text;
    }
    return true;
  }
  bool start_object(std::size_t /*elements*/) override {
    if (depth_ == 0) is_object_ = true;
    return Deeper();
  }
  bool start_array(std::size_t /*elements*/) override { return Deeper(); }
  bool end_object() override { return Shallower(); }
  bool end_array() override { return Shallower(); }
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const std::string& /*text*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const Json::exception& /*error*/) override {
    return false;
  }

 private:
  bool Deeper() {
    ++depth_;
    return true;
  }
  bool Shallower() {
    --depth_;
    return true;
  }

  std::array<std::string_view, 2> names_;
  std::array<bool, 2> wanted_{};  // whether the value that comes is of that name
  std::array<std::optional<std::string>, 2> texts_;
  std::size_t depth_ = 0;
  bool is_object_ = false;
};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<PlainReader>> PlainReader::Open(const std::filesystem::path& path,
                                                       PlainLayout layout, ReadNotes& notes,
                                                       Extent extent) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path, extent));
  std::unique_ptr<PlainReader> reader(
      new PlainReader(TextWindow(std::move(source)), std::move(layout), notes));
  if (reader->window_.Fill(kByteOrderMark.size()).starts_with(kByteOrderMark)) {
    reader->window_.Consume(kByteOrderMark.size());
  }
  const std::string_view head = reader->window_.Fill(2).substr(0, 2);
  if (head == "\xFF\xFE" || head == "\xFE\xFF") {  // nothing of it would be UTF-8
    reader->ended_ = true;
    REPRO_RETURN_IF_ERROR(
        reader->Note("utf-16", 0, "UTF-16; `iconv -f utf-16 -t utf-8` turns it into what is read"));
    return reader;
  }
  if (reader->layout_.kind == PlainLayout::Kind::kTsv) REPRO_RETURN_IF_ERROR(reader->FindColumns());
  return reader;
}

Status PlainReader::Note(std::string_view reason, std::uint64_t offset, std::string_view detail) {
  return notes_.Add(reason, window_.source().path(), offset, detail);
}

Status PlainReader::FindColumns() {
  std::optional<std::string> names;  // the first line, read where a column is named
  bool has_names = true;
  const auto find = [&](const std::string& field, std::size_t& column) -> Status {
    const char* const end = field.data() + field.size();
    std::size_t number = 0;
    const auto parsed = std::from_chars(field.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number > 0) {
      column = number - 1;
      return {};
    }
    if (!names) {
      const auto head = window_.NextLine(kLongestLine);
      if (!head && window_.damage()) {  // noted when the first line is asked for
        columns_known_ = false;
        return {};
      }
      has_names = head.has_value();
      names = head ? std::string(head->text) : std::string();
    }
    for (column = 0;; ++column) {
      const auto name = Column(*names, column);
      if (name == field) return {};
      if (!name) break;
    }
    columns_known_ = false;
    ended_ = true;  // nobody knows what a column of the rest is
    return Note("header", 0,
                names->empty() && !has_names
                    ? "no line, so none that names its columns"
                    : fmt::format("no column `{}` among `{}`; name one of them, or give its number "
                                  "where the file has no line of names",
                                  field, Printable(Prefix(*names, kShown))));
  };
  REPRO_RETURN_IF_ERROR(find(layout_.field, column_));
  if (layout_.id_field.empty() || ended_) return {};
  return find(layout_.id_field, id_column_);
}

Result<bool> PlainReader::NextLine(TextWindow::Line& line) {
  while (!ended_) {
    const auto next = window_.NextLine(kLongestLine);
    if (!next) {
      ended_ = true;
      if (!window_.damage()) return false;
      const Error damage = *window_.damage();
      if (damage.code != ErrorCode::kCorrupt) return tl::unexpected(damage);
      REPRO_RETURN_IF_ERROR(Note("damaged", window_.offset(), damage.message));
      if (!columns_known_) return false;  // nobody knows what a column of the rest is
      REPRO_ASSIGN_OR_RETURN(const bool goes_on, window_.Recover());
      ended_ = !goes_on;
      continue;
    }
    if (next->cut) {
      REPRO_RETURN_IF_ERROR(
          Note("long-line", next->offset,
               fmt::format("a line of {} bytes, at most {} are read", next->bytes, kLongestLine)));
    } else if (next->text.find('\0') != std::string_view::npos) {
      REPRO_RETURN_IF_ERROR(Note("nul", next->offset, "a line with a NUL byte"));
    } else if (!IsUtf8(next->text)) {
      REPRO_RETURN_IF_ERROR(
          Note("utf-8", next->offset, fmt::format("no UTF-8: `{}`", Prefix(next->text, kShown))));
    } else {
      line = *next;
      return true;
    }
  }
  return false;
}

bool PlainReader::TakesMarkup(TextWindow::Line& line) {
  constexpr std::string_view kBlanks = " \t\r";
  constexpr std::string_view kCommentEnd = "-->";
  constexpr std::size_t kLowestHeading = 6;
  std::string_view rest = line.text;
  while (in_comment_ || rest.starts_with("<!--")) {
    if (!in_comment_) comment_offset_ = line.offset;
    const std::size_t end = rest.find(kCommentEnd);
    in_comment_ = end == std::string_view::npos;
    rest.remove_prefix(in_comment_ ? rest.size() : end + kCommentEnd.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    if (!IsBlank(rest)) continue;
    ++markup_;
    return true;
  }
  line.offset += line.text.size() - rest.size();
  line.text = rest;
  const std::size_t signs = std::min(rest.find_first_not_of('#'), rest.size());
  if (signs == 0 || signs > kLowestHeading) return false;
  rest.remove_prefix(signs);
  if (!rest.empty() && kBlanks.find(rest.front()) == std::string_view::npos) return false;
  heading_ = rest;
  heading_.erase(0, heading_.find_first_not_of(kBlanks));
  heading_.erase(heading_.find_last_not_of(kBlanks) + 1);
  ++markup_;
  return true;
}

Result<bool> PlainReader::NextText(TextDocument& document) {
  document.text.clear();
  bool any = false;
  const bool markdown = layout_.kind == PlainLayout::Kind::kMarkdown;
  const auto add = [&](std::string_view line, std::uint64_t offset) {
    if (!any) document.offset = offset;
    if (any) document.text += '\n';
    document.text += line;
    any = true;
  };
  if (has_next_line_) {
    add(next_line_, next_line_offset_);
    if (!heading_.empty()) SetContent(heading_, document);
  }
  has_next_line_ = false;
  TextWindow::Line line;
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const bool more, NextLine(line));
    if (!more) {
      const bool open = std::exchange(in_comment_, false);
      if (open && window_.source().extent() == Extent::kWhole) {
        REPRO_RETURN_IF_ERROR(
            Note("open-comment", comment_offset_, "the file ends before this comment does"));
      }
      return any;
    }
    if (IsBlank(line.text) || (markdown && TakesMarkup(line))) {
      if (any) return true;
      continue;
    }
    if (!any && !heading_.empty()) SetContent(heading_, document);
    if (any && document.text.size() + 1 + line.text.size() > kLongestDocument) {
      next_line_ = line.text;
      next_line_offset_ = line.offset;
      has_next_line_ = true;
      return true;
    }
    add(line.text, line.offset);
  }
}

Result<bool> PlainReader::Next(TextDocument& document) {
  document.title.clear();
  document.language.clear();
  document.content.clear();
  const auto name = [&] {
    document.id =
        fmt::format("{}#{}", window_.source().path().filename().string(), document.offset);
  };
  if (layout_.kind == PlainLayout::Kind::kText || layout_.kind == PlainLayout::Kind::kMarkdown) {
    REPRO_ASSIGN_OR_RETURN(const bool more, NextText(document));
    name();
    return more;
  }
  TextWindow::Line line;
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const bool more, NextLine(line));
    if (!more) return false;
    if (IsBlank(line.text)) continue;
    document.offset = line.offset;
    name();
    REPRO_ASSIGN_OR_RETURN(const bool whole, layout_.kind == PlainLayout::Kind::kTsv
                                                 ? SetFromColumns(line, document)
                                                 : SetFromJson(line, document));
    if (whole && IsBlank(document.text)) {
      ++blank_;
    } else if (whole) {
      return true;
    }
  }
}

std::map<std::string, std::int64_t> PlainReader::passed_over() const {
  std::map<std::string, std::int64_t> counts;
  if (blank_ > 0) counts["text without a word"] = blank_;
  if (markup_ > 0) counts["line of a heading or a comment"] = markup_;
  return counts;
}

void PlainReader::SetContent(std::string_view id, TextDocument& document) const {
  document.content = fmt::format("{} {}", layout_.content, id);
}

Result<bool> PlainReader::SetFromColumns(const TextWindow::Line& line, TextDocument& document) {
  const auto text = Column(line.text, column_);
  const auto id = Column(line.text, id_column_);
  if (!text || !id) {
    REPRO_RETURN_IF_ERROR(
        Note("column", line.offset,
             fmt::format("no column {} in `{}`", (text ? id_column_ : column_) + 1,
                         Prefix(line.text, kShown))));
    return false;
  }
  document.text = *text;
  if (!layout_.id_field.empty()) SetContent(*id, document);
  return true;
}

Result<bool> PlainReader::SetFromJson(const TextWindow::Line& line, TextDocument& document) {
  TwoTexts texts(layout_.field, layout_.id_field);
  const bool parsed = texts.Parse(line.text);
  const std::string* const text = parsed ? texts.first() : nullptr;
  const std::string* const id = parsed && !layout_.id_field.empty() ? texts.second() : nullptr;
  const bool complete = text != nullptr && (id != nullptr || layout_.id_field.empty());
  if (!complete) {
    REPRO_RETURN_IF_ERROR(Note("json", line.offset,
                               fmt::format("no object with the string `{}`: `{}`",
                                           text == nullptr ? layout_.field : layout_.id_field,
                                           Prefix(line.text, kShown))));
    return false;
  }
  if (text->find('\0') != std::string::npos) {
    REPRO_RETURN_IF_ERROR(Note("nul", line.offset, "a text with a NUL character"));
    return false;
  }
  document.text = *text;
  while (document.text.ends_with('\n')) document.text.pop_back();
  if (id != nullptr) SetContent(*id, document);
  return true;
}

}  // namespace repro
