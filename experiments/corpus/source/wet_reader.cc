#include "experiments/corpus/source/wet_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::string_view kVersion = "WARC/";
constexpr std::string_view kLineAndVersion = "\nWARC/1.";
constexpr std::size_t kLongestHeaderLine = 64 << 10;
constexpr std::size_t kShown = 80;  // bytes of what was found, in a note

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool IsField(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

}  // namespace

struct WetReader::Header {
  std::uint64_t offset = 0;
  std::string type;
  std::string url;
  std::string language;
  std::string length;  // as written
};

Result<std::unique_ptr<WetReader>> WetReader::Open(const std::filesystem::path& path,
                                                   ReadNotes& notes, Extent extent) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path, extent));
  return std::unique_ptr<WetReader>(new WetReader(TextWindow(std::move(source)), notes));
}

Status WetReader::Note(std::string_view reason, std::uint64_t offset, std::string_view detail) {
  return notes_.Add(reason, window_.source().path(), offset, detail);
}

void WetReader::SkipToRecord() {
  if (window_.SkipTo(kLineAndVersion)) window_.Consume(1);
}

std::size_t WetReader::FindRecord() {
  const std::size_t found = window_.Find(kLineAndVersion, kLongestRecord);
  return found == std::string_view::npos ? window_.buffered().size() : found + 1;
}

Result<bool> WetReader::GoOnAfterDamage() {
  const Error damage = *window_.damage();
  if (damage.code != ErrorCode::kCorrupt) return tl::unexpected(damage);
  REPRO_RETURN_IF_ERROR(Note("damaged", window_.offset(), damage.message));
  return window_.Recover();
}

Status WetReader::SetText(std::string_view page, std::uint64_t offset, TextDocument& document) {
  document.title.clear();
  document.text.clear();
  const bool sound = IsUtf8(page) && page.find('\0') == std::string_view::npos;
  bool first = true;
  for (std::size_t end = 0; !page.empty(); page.remove_prefix(end), offset += end) {
    end = page.find('\n');
    end = end == std::string_view::npos ? page.size() : end + 1;
    const std::string_view line = Trimmed(page.substr(0, end));
    const bool nul = !sound && line.find('\0') != std::string_view::npos;
    if (nul || (!sound && !IsUtf8(line))) {
      REPRO_RETURN_IF_ERROR(
          Note(nul ? "nul" : "utf-8", offset, fmt::format("`{}`", Prefix(line, kShown))));
    } else if (first) {
      document.title = line;
      ++titles_;
    } else {
      document.text += line;
      document.text += '\n';
    }
    first = false;
  }
  while (document.text.ends_with('\n')) document.text.pop_back();
  return {};
}

std::map<std::string, std::int64_t> WetReader::passed_over() const {
  std::map<std::string, std::int64_t> counts;
  if (records_ > pages_) counts["record of another type"] = records_ - pages_;
  if (titles_ > 0) counts["first line of a page, its title to CC-Net"] = titles_;
  return counts;
}

Result<std::optional<WetReader::Header>> WetReader::NextHeader() {
  Header header;
  // Blank lines end a record.
  for (;;) {
    const std::string_view held = window_.Fill(1);
    if (held.empty()) return std::nullopt;
    const std::size_t text = std::min(held.find_first_not_of("\r\n"), held.size());
    window_.Consume(text);
    if (text < held.size()) break;
  }
  header.offset = window_.offset();
  if (!window_.Fill(kVersion.size()).starts_with(kVersion)) {
    const std::string_view held = window_.Fill(kShown);
    const bool prefix = window_.source().extent() == Extent::kPrefix;
    if (prefix && !window_.damage() && kVersion.starts_with(held)) return std::nullopt;
    REPRO_RETURN_IF_ERROR(
        Note("not-a-record", header.offset,
             fmt::format("expected `WARC/1.0`, found `{}`", Prefix(held, kShown))));
    SkipToRecord();
    header.offset = window_.offset();
    if (window_.Fill(1).empty()) return std::nullopt;
  }
  for (bool first = true;; first = false) {
    const auto line = window_.NextLine(kLongestHeaderLine);
    if (!line) {
      if (!window_.damage() && window_.source().extent() == Extent::kWhole) {
        REPRO_RETURN_IF_ERROR(Note("cut-record", header.offset, "the file ends within its header"));
      }
      return std::nullopt;
    }
    if (line->text.empty()) return header;
    if (first) continue;  // the version
    const auto value = [&](std::string_view name) {
      return Trimmed(line->text.substr(name.size() + 1));
    };
    if (IsField(line->text, "warc-type")) header.type = value("warc-type");
    if (IsField(line->text, "warc-target-uri")) header.url = value("warc-target-uri");
    if (IsField(line->text, "content-length")) header.length = value("content-length");
    if (IsField(line->text, "warc-identified-content-language")) {
      header.language = value("warc-identified-content-language");
    }
  }
}

Result<std::optional<std::size_t>> WetReader::RecordLength(const Header& header) {
  std::uint64_t length = 0;
  const char* const end = header.length.data() + header.length.size();
  const auto parsed = std::from_chars(header.length.data(), end, length);
  if (!header.length.empty() && parsed.ec == std::errc() && parsed.ptr == end &&
      length <= kLongestRecord) {
    return static_cast<std::size_t>(length);
  }
  REPRO_RETURN_IF_ERROR(Note("content-length", header.offset,
                             fmt::format("Content-Length `{}`, expected 0 to {}",
                                         Prefix(header.length, kShown), kLongestRecord)));
  window_.Consume(FindRecord());
  return std::nullopt;
}

Result<std::optional<std::string_view>> WetReader::RecordBody(const Header& header,
                                                              std::size_t length) {
  // Behind the record: two line ends as WARC has them, or any and then the next one or nothing.
  constexpr std::string_view kRecordEnd = "\r\n\r\n";
  constexpr std::size_t kBehind = kRecordEnd.size() + kVersion.size();
  const std::string_view held = window_.Fill(length + kBehind);
  const bool all = held.size() >= length + kBehind;
  if (length <= held.size()) {
    const std::string_view behind = held.substr(length, kBehind);
    const std::size_t next = std::min(behind.find_first_not_of("\r\n"), behind.size());
    if (behind.starts_with(kRecordEnd) || behind.substr(next).starts_with(kVersion) ||
        (!all && next == behind.size())) {
      return held.substr(0, length);
    }
  }
  if (window_.damage() && !all) {
    // The rest of the record is behind the damage.
    REPRO_RETURN_IF_ERROR(Note("cut-record", header.offset, "the file is damaged within it"));
    window_.Consume(held.size());
    return std::nullopt;
  }
  const std::size_t taken = FindRecord();
  const std::string_view body = window_.buffered().substr(0, taken);
  const bool cut = taken < length && window_.buffered().size() == taken;
  if (!cut || window_.source().extent() == Extent::kWhole) {
    REPRO_RETURN_IF_ERROR(
        Note(cut ? "cut-record" : "wrong-content-length", header.offset,
             fmt::format("Content-Length {}, the next record or the end comes after {} bytes",
                         length, taken)));
  }
  if (!cut) return body;
  window_.Consume(taken);  // nobody knows what of a line, or of a page, is missing
  return std::nullopt;
}

Result<bool> WetReader::Next(TextDocument& document) {
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const std::optional<Header> header, NextHeader());
    if (!header) {
      if (!window_.damage()) return false;
      REPRO_ASSIGN_OR_RETURN(const bool goes_on, GoOnAfterDamage());
      if (!goes_on) return false;
      continue;
    }
    REPRO_ASSIGN_OR_RETURN(const std::optional<std::size_t> length, RecordLength(*header));
    if (!length) continue;
    REPRO_ASSIGN_OR_RETURN(const std::optional<std::string_view> body,
                           RecordBody(*header, *length));
    if (!body) continue;
    ++records_;
    const bool page = header->type == "conversion";
    if (page) {
      ++pages_;
      REPRO_RETURN_IF_ERROR(SetText(*body, window_.offset(), document));
      document.id = header->url;
      document.language = header->language;
      document.offset = header->offset;
    }
    window_.Consume(body->size());
    if (page) return true;
  }
}

}  // namespace repro
