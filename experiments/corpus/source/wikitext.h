#pragma once
/// The prose of a Wikipedia article: MediaWiki markup taken away, paragraphs kept.
///
/// What goes: templates (but for a few that stand for words, prose_templates.h), tables,
/// references, comments, files, categories, links to other languages, galleries, formulas, code,
/// bare URLs, magic words, headings and items of lists. Lists go because in an encyclopedia they
/// are mostly names, titles and sources: of 41 items among 200 lines drawn at random three were
/// sentences (tests/testdata/wikitext_hand.md). What stays of a link is its label. A line is a
/// paragraph, as it is for the stages behind this one.
///
/// What is not closed costs no more than its line (wikitext_markup.h). Time and memory are linear
/// in the text, whatever its nesting.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

struct WikitextOptions {
  /// Names before ":" in a link, case folded (FoldedPrefix), whose links show no text where they
  /// stand: files and categories. A dump names its own in its head; English is understood
  /// everywhere, and so is a file by the ending of its name.
  std::set<std::string, std::less<>> hidden_prefixes = {"file", "image", "media", "category"};
  bool headings = false;
  bool list_items = false;
};

struct WikitextParagraph {
  std::size_t line = 0;  ///< of the page's text, from 1: where it begins
  std::string text;      ///< never empty, without line ends
};

/// `wikitext` is the text of a page as XML gives it, shorter than 4 GiB.
std::vector<WikitextParagraph> WikitextParagraphs(std::string_view wikitext,
                                                  const WikitextOptions& options = {});
/// The same, one paragraph a line, the last without "\n".
std::string WikitextProse(std::string_view wikitext, const WikitextOptions& options = {});

/// "Файл" and "файл" are one, as are "a_b" and "a b".
std::string FoldedPrefix(std::string_view prefix);

/// "#REDIRECT [[...]]", in English. Dumps since 2012 mark redirects by an element, too.
bool IsRedirect(std::string_view wikitext);

}  // namespace repro
