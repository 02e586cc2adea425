#pragma once
/// Files of every layout of a corpus, made of the texts of their documents.

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "experiments/corpus/source/open_documents.h"

namespace repro::testing {

inline constexpr std::array<const char*, 5> kMadeLayouts = {"text", "jsonl", "tsv", "wet",
                                                            "wikipedia"};

class MadeFile {
 public:
  explicit MadeFile(std::string layout) : layout_(std::move(layout)) {}

  const std::string& layout() const { return layout_; }
  CorpusFile At(const std::filesystem::path& path) const {
    CorpusFile file;
    file.path = path;
    file.name = path.filename().string();
    file.set = "made";
    file.layout = layout_;
    if (layout_ == "tsv") file.field = "text";
    if (layout_ == "jsonl") file.field = "text";
    return file;
  }

  std::string Head() const {
    if (layout_ == "tsv") return "id\ttext\n";
    if (layout_ == "wikipedia") return "<mediawiki>\n";
    return "";
  }
  std::string Tail() const { return layout_ == "wikipedia" ? "</mediawiki>\n" : ""; }

  /// A document of one line, as it stands in the file.
  std::string Document(std::string_view text) const {
    return Before(text.size()).append(text).append(After());
  }
  /// Its parts, for a text of so many bytes.
  std::string Before(std::size_t bytes) const {
    if (layout_ == "jsonl") return "{\"id\": 1, \"text\": \"";
    if (layout_ == "tsv") return "1\t";
    if (layout_ == "wet") {
      constexpr std::string_view kTitle = "Title\n";
      return fmt::format(
          "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://made/\r\n"
          "Content-Length: {}\r\n\r\n{}",
          kTitle.size() + bytes, kTitle);
    }
    if (layout_ == "wikipedia") return "<page><title>T</title><ns>0</ns><revision><text>";
    return "";
  }
  std::string After() const {
    if (layout_ == "jsonl") return "\"}\n";
    if (layout_ == "tsv") return "\n";
    if (layout_ == "wet") return "\r\n\r\n";
    if (layout_ == "wikipedia") return "</text></revision></page>\n";
    return "\n\n";
  }

  /// Where in `document` a reader says that its text is bad, which begins with `text`: at its line;
  /// in a dump at its page.
  std::size_t FaultOffset(std::string_view document, std::string_view text) const {
    return layout_ == "wet" ? document.find(text) : 0;
  }

 private:
  std::string layout_;
};

}  // namespace repro::testing
