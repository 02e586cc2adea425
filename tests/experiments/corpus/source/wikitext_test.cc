#include "experiments/corpus/source/wikitext.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/corpus/source/html_entities.h"
#include "experiments/corpus/source/prose_tidy.h"
#include "experiments/corpus/source/wikitext_markup.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(WikitextTest, ParagraphsStayAndMarkupGoes) {
  EXPECT_EQ(WikitextProse("The '''grebble''' is a [[small bird]] of\n\n"
                          "== Habits ==\n"
                          "''Shy'' [[bird flock|flocks]], [[pond]]side.\n"
                          "----\n"),
            "The grebble is a small bird of\nShy flocks, pondside.");
}

TEST(WikitextTest, TemplatesTablesReferencesAndCommentsGoHoweverNested) {
  EXPECT_EQ(WikitextProse(
                "{{Infobox|a={{b|c={{{d}}}}}|e=[[f]]}}Text{{cn}} goes<ref>{{cite|x}}</ref> on"
                "<ref name=\"b\"/>.<!-- {{ not -->\n"
                "{| class=\"wikitable\"\n| a || {{x}}\n{|\n| inner\n|}\n|}\nAfter.<references/>"),
            "Text goes on.\nAfter.");
  EXPECT_EQ(WikitextProse("<ref>one</ref>a<REF group=n>two\nlines</Ref>b<ref name=x />c"), "abc");
  EXPECT_EQ(WikitextProse("a<math>x < y</math>b<gallery>\nFile:a.jpg|x\n</gallery>c"), "abc");
  EXPECT_EQ(WikitextProse("{{col|\n:{|\n|a\n|}}}after {{x|\n|}}this {{{arg|{{d}}}}}."),
            "after this.");
}

TEST(WikitextTest, OtherTagsGoAndTheirContentStays) {
  EXPECT_EQ(WikitextProse("H<sub>2</sub>O is <small>very</small> <b class=\"x\">wet</b>.<br />Next"
                          "<p>last</p> 1 < 2 and 3 > 2"),
            "H2O is very wet.\nNext\nlast\n1 < 2 and 3 > 2");
  EXPECT_EQ(WikitextProse("a\n<ul><li>item</li></ul>b"), "a\nb");
  EXPECT_EQ(WikitextProse("<nowiki>[[not a link]] ''not''</nowiki>"), "[[not a link]] ''not''");
}

TEST(WikitextTest, LinksShowTheirLabel) {
  EXPECT_EQ(WikitextProse("[[a|b]]s, [[c]]d, [[#e|f]], [[g (h)|]], [[I:J, K|]], [[wikt:l|l]]."),
            "bs, cd, f, g, J, l.");
  EXPECT_EQ(WikitextProse("[[a|''b'' {{cn}}[[c|d]]]]"), "b d");
  EXPECT_EQ(WikitextProse("a [[|]]b [[]]c [[d:|]]e [[(f)|]]g"), "a b c e g");
}

TEST(WikitextTest, FilesCategoriesAndOtherLanguagesShowNothing) {
  EXPECT_EQ(WikitextProse("[[File:a.jpg|thumb|A [[caption]] with [[links|more]].]]Text.\n"
                          "[[Category:Things]]\n[[de:Ding]][[zh-min-nan:x]]\n"
                          "[[image:B.png]] and [[:Category:Shown]]"),
            "Text.\nand Category:Shown");
  WikitextOptions options;
  options.hidden_prefixes.insert(FoldedPrefix("ФАЙЛ"));
  EXPECT_EQ(WikitextProse("[[Файл:x|мини|Нет]][[файл: x]]Да", options), "Да");
  EXPECT_EQ(WikitextProse("[[Файл:x|мини]] Да"), "мини Да");
  EXPECT_EQ(WikitextProse("[[Bild:x.JPG|mini|Nein]]Ja"), "Ja");  // an alias no dump names
}

TEST(WikitextTest, ExternalLinksShowTheirLabelAndUrlsGo) {
  EXPECT_EQ(WikitextProse(
                "See [http://a.example/b?c The '''site'''] and [https://x.example], [not one]."),
            "See The site and, [not one].");
  EXPECT_EQ(WikitextProse("At https://x.example/y(z)?q=1 or [//y.example [[b]] c], ratio 1:2://"),
            "At or b c, ratio 1:2://");
}

TEST(WikitextTest, TemplatesThatStandForWordsShowThem) {
  EXPECT_EQ(WikitextProse("{{lang|fr|''mot'' [[a|b]]}}, {{lang-ru|слово}}, {{nowrap|1=5 {{x}}km}}, "
                          "{{transl|ar|ALA|kitāb}}"),
            "mot b, слово, 5 km, kitāb");
  EXPECT_EQ(WikitextProse("{{convert|5|km|mi|abbr=on}}, {{Convert|2|to|10|in|mm}}, {{cvt|3|-|4|m}},"
                          " {{convert|7}}, {{convert|{{x}}|km}}."),
            "5 km, 2 to 10 in, 3–4 m.");
  EXPECT_EQ(WikitextProse("{{As of|2012}} and {{as of|2013|lc=y}}, ''a''{{'s}} b{{snd}}c"),
            "As of 2012 and as of 2013, a's b – c");
}

TEST(WikitextTest, QuotesAreCountedAndEntitiesResolvedLast) {
  EXPECT_EQ(WikitextProse("L'''arc''' d'or, ''it's'' '''''both''''' '[[a|''b'']]'"),
            "Larc d'or, it's both 'b'");
  EXPECT_EQ(WikitextProse("a&nbsp;b\u3000c &amp;lt; &#8211; &#x2014; &bogus; &lt;b&gt;"),
            "a b c &lt; \u2013 \u2014 &bogus; <b>");
}

TEST(WikitextTest, WhatWasTakenOutLeavesNoTrace) {
  EXPECT_EQ(WikitextProse("Paris ({{IPA|x}}; {{IPA|y}}) is  a city{{cn}} , large{{cn}} ."),
            "Paris is a city, large.");
  EXPECT_EQ(WikitextProse("Ann, {{IPA|x}}; her house: {{x}}."), "Ann; her house.");
  EXPECT_EQ(WikitextProse("A ({{IPA|x}}, born 5; {{x}}) 東京（{{x}}、{{x}}）は"),
            "A (born 5) 東京は");
  // As written: French, and a slip of the author's.
  EXPECT_EQ(WikitextProse("Oui ; non : () « a » , b"), "Oui ; non : () « a » , b");
  EXPECT_EQ(WikitextProse("__NOTOC__A__b__ __БЕЗ_ОГЛ__ __НОВ__c"), "A__b__ c");
}

TEST(WikitextTest, ListItemsAndHeadingsAreAChoice) {
  const std::string text = "Intro.\n== ''Part'' ==\n* One [[two]]\n# three\n; term\n: indented";
  EXPECT_EQ(WikitextProse(text), "Intro.");
  WikitextOptions options;
  options.list_items = true;
  options.headings = true;
  EXPECT_EQ(WikitextProse(text, options), "Intro.\nPart\nOne two\nthree\nterm\nindented");
}

TEST(WikitextTest, WhatIsNotClosedEndsWithItsLineAndItsSection) {
  EXPECT_EQ(WikitextProse("a {{ b\nc\n== d ==\ne }} f"), "a\nc\ne f");
  EXPECT_EQ(WikitextProse("a [[File:b|c\n\nd ]] e\nf [[g|h"), "a\nd e\nf h");
  EXPECT_EQ(WikitextProse("a<ref>b<ref>c</ref>d<ref>e\nf"), "ad\nf");
  EXPECT_EQ(WikitextProse("a [http://x y\nb] c"), "a y\nb] c");
  EXPECT_EQ(WikitextProse("{|\n| a\n|-\nb"), "b");
  EXPECT_EQ(WikitextProse("[[a|b {{c]] d"), "b d");
  EXPECT_EQ(WikitextProse("<nowiki>''a''\n<!-- never closed\nb <math> c\nd ]] }} </ref> <x e"),
            "a\nb\nd <x e");
  EXPECT_EQ(WikitextProse("{{lang|<nowiki></nowiki>a}}<nowiki></nowiki>{{{lang|b}}}"), "a");
  EXPECT_EQ(WikitextProse(""), "");
}

TEST(WikitextTest, ParagraphsKnowTheirLines) {
  const auto paragraphs = WikitextParagraphs(
      "{{a\n|b}}\n\nOne<ref>\n\n</ref> two<br>three\n<!--\n-->\n==x==\n  Four [[a|f\ng]]");
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const auto& [line, text] : paragraphs) found.emplace_back(line, text);
  EXPECT_THAT(found,
              ElementsAre(Pair(4, "One two"), Pair(6, "three"), Pair(10, "Four f"), Pair(11, "g")));
}

// Each of these is quadratic or deep where the extraction is naive.
TEST(WikitextTest, HostileNestingTakesLinearTime) {
  for (const char* piece : {"{{",
                            "{{{",
                            "[[",
                            "[[a|",
                            "<ref>",
                            "<ref",
                            "{|\n",
                            "'''",
                            "''",
                            "&",
                            "<!--",
                            "[http://",
                            "{{a|[[b|",
                            "</ref",
                            "</ref>",
                            "<nowiki>",
                            "(",
                            "__A",
                            "|}\n",
                            "]]}}",
                            "{{lang|a|",
                            "{{convert|",
                            "{{nowrap|[[File:",
                            "<math></ref>",
                            "http://",
                            "[[a:",
                            "==\n",
                            "== {{\n",
                            "({{x}}",
                            ",\x01)",
                            "<br>",
                            "[[a|b {{\n",
                            "\xE3\x80\x80"}) {
    SCOPED_TRACE(piece);
    std::string text;
    while (text.size() < (1 << 19)) text += piece;
    WikitextProse(text);
    WikitextProse(text + std::string(text.size(), ']') + std::string(text.size(), '}'));
    EXPECT_LE(FindMarkup(text).size(), text.size() / 2);
  }
}

// Half constructs in every order: it ends, spans nest, and paragraphs are tidy lines in their
// order.
TEST(WikitextTest, AnyMixOfMarksGivesTidyParagraphs) {
  constexpr const char* kPieces[] = {
      "{{",     "}}",        "{{{",     "}}}",    "[[",    "]]",         "[",     "]",
      "|",      "\n",        "\n\n",    "==",     "{|",    "|}",         "|}}",   "<ref>",
      "</ref>", "<ref/>",    "<!--",    "-->",    "<br>",  "<nowiki>",   "<li>",  "</nowiki>",
      "'''",    "''",        "http://", "[http:", "lang|", "convert|5|", "File:", "a",
      "*",      ":",         " ",       "&#39;",  "(",     ")",          ",",     "\xE2\x80\x93",
      "\xFF",   "__NOTOC__", "</",      "<",      ">",     "----",       "://",   "\x01"};
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i) text += kPieces[random() % std::size(kPieces)];
    text += "\n==a==\nend";
    SCOPED_TRACE(text);
    std::vector<std::size_t> ends = {text.size()};
    std::size_t begin = 0;
    for (const MarkupSpan& span : FindMarkup(text)) {
      EXPECT_LE(begin, span.begin);
      begin = span.begin;
      if (!span.closed()) continue;
      while (ends.back() <= span.begin) ends.pop_back();
      EXPECT_LT(span.begin, span.end);
      EXPECT_LE(span.end, ends.back());
      ends.push_back(span.end);
    }
    std::size_t line = 1;
    const auto paragraphs = WikitextParagraphs(text);
    ASSERT_FALSE(paragraphs.empty());
    EXPECT_EQ(paragraphs.back().text, "end");
    for (const WikitextParagraph& paragraph : paragraphs) {
      EXPECT_LE(line, paragraph.line);
      line = paragraph.line;
      EXPECT_EQ(TidyProse(paragraph.text), paragraph.text);
      EXPECT_FALSE(paragraph.text.empty());
    }
    EXPECT_LE(line, static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    if (HasFailure()) break;
  }
}

TEST(WikitextTest, RedirectsAreKnown) {
  EXPECT_TRUE(IsRedirect("#REDIRECT [[x]]"));
  EXPECT_TRUE(IsRedirect("\n #redirect[[x]]"));
  EXPECT_FALSE(IsRedirect("Not #REDIRECT"));
}

TEST(HtmlEntitiesTest, NumbersThatAreNoCharactersStay) {
  EXPECT_EQ(DecodeEntities("&#0;&#xD800;&#x110000;&#99999999999;&#;&;&amp"),
            "&#0;&#xD800;&#x110000;&#99999999999;&#;&;&amp");
  EXPECT_EQ(DecodeEntities("&#65;&#x41;&Aring;&aring;&thetasym;"), "AA\u00C5\u00E5\u03D1");
}

}  // namespace
}  // namespace repro
