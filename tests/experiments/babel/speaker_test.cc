#include "experiments/corpus/babel/speaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/corpus/babel/gloss.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kSeed = 9001;

std::vector<std::string> Glosses(const char* code, const Proposition& proposition) {
  const World world(kSeed);
  const Anchors anchors(kSeed);
  const Speaker speaker(world, anchors, FindBabelLanguage(code).value());
  Sentence sentence;
  speaker.Say(proposition, sentence);
  std::vector<std::string> glosses;
  for (std::size_t i = 0; i < sentence.size(); ++i) glosses.push_back(Gloss(sentence[i].sense));
  return glosses;
}

// "some big cooks heated bread in the kitchen (today)"
Proposition Event() {
  Proposition p;
  p.topic = 3;
  p.past = true;
  p.subject = {.noun = 0, .quantifier = 1, .adjective = {.dim = 0, .pole = 0, .synonym = 0}};
  p.verb = {.dim = 0, .pole = 0, .synonym = 1};
  p.object = {.noun = 0};
  p.place = 0;
  p.time = 0;
  return p;
}

TEST(SpeakerTest, EachFamilyHasItsWordOrderAndMarking) {
  EXPECT_THAT(Glosses("en", Event()), ElementsAre("today", "some", "big", "cook.PL", "heat(2).PST",
                                                  "bread", "in", "kitchen"));
  EXPECT_THAT(Glosses("fr", Event()), ElementsAre("today", "some", "cook.PL", "big", "heat(2).PST",
                                                  "bread", "in", "kitchen"));
  EXPECT_THAT(Glosses("hi", Event()), ElementsAre("today", "some", "big", "cook.PL", "kitchen",
                                                  "in", "bread.OBJ", "heat(2).PST"));
  EXPECT_THAT(Glosses("ar", Event()), ElementsAre("today", "heat(2).PST", "some", "cook.PL", "big",
                                                  "bread", "in", "kitchen"));
  EXPECT_THAT(Glosses("zh", Event()), ElementsAre("today", "some", "big", "cook.PL", "PL",
                                                  "heat(2).PST", "PST", "bread", "in", "kitchen"));
}

TEST(SpeakerTest, MarkersAreTransparent) {
  const World world(kSeed);
  const Anchors anchors(kSeed);
  for (const char* code : {"en", "sw"}) {  // suffixes, prefixes
    const Speaker speaker(world, anchors, FindBabelLanguage(code).value());
    Sentence sentence;
    speaker.Say(Event(), sentence);
    const std::string& stem = speaker.lexicon().Item(world.VerbItem(3, 0, 0, 1));
    const std::string& past = speaker.lexicon().Grammar(GrammarWord::kPast);
    std::string verb;
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      if (sentence[i].sense.word_class == WordClass::kVerb) verb = TextOf(sentence[i]);
    }
    EXPECT_EQ(verb, std::string(code) == "en" ? stem + past : past + stem);
  }
}

TEST(SpeakerTest, OppositesAndSynonymsMeetInTheText) {
  Proposition p = Event();
  p.kind = PropositionKind::kOppositeVerbs;
  p.subject = {.noun = 0};
  p.time = -1;
  EXPECT_THAT(Glosses("en", p), ElementsAre("cook", "not", "cool(2).PST", "but", "heat(2).PST",
                                            "bread", "in", "kitchen"));
  p.kind = PropositionKind::kSameAdjectives;
  p.object.adjective = {.dim = 1, .pole = 1, .synonym = 0};
  EXPECT_THAT(Glosses("en", p),
              ElementsAre("bread", "be.PST", "new", "also", "new(2)", "in", "kitchen"));
}

TEST(SpeakerTest, NamesCarryTagsAndAreWrittenAlikeEverywhere) {
  const World world(kSeed);
  const Anchors anchors(kSeed);
  Proposition p = Event();
  int place = 0;
  while (anchors.Name(world.EntityAt(EntityType::kPlace, 3, place)).size() != 2) ++place;
  p.place = -1;
  p.place_entity = static_cast<std::int16_t>(world.EntityAt(EntityType::kPlace, 3, place));
  for (const char* code : {"en", "zh", "ur"}) {
    const Speaker speaker(world, anchors, FindBabelLanguage(code).value());
    Sentence sentence;
    speaker.Say(p, sentence);
    std::vector<std::string> words, tags;
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      if (sentence[i].tag == 0) continue;
      words.push_back(TextOf(sentence[i]));
      tags.push_back(TagNames()[sentence[i].tag]);
    }
    EXPECT_EQ(words, anchors.Name(p.place_entity)) << code;
    EXPECT_THAT(tags, ElementsAre("B-LOC", "I-LOC")) << code;
  }
}

TEST(DescribeTest, SaysThePropositionInEnglish) {
  const World world(kSeed);
  EXPECT_EQ(Describe(Event(), world, Anchors(kSeed)),
            "[kitchen] some big cook PAST heat bread in the kitchen (today)");
}

}  // namespace
}  // namespace repro
