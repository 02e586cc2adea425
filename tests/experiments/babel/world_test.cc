#include "experiments/corpus/babel/world.h"

#include <set>

#include <gtest/gtest.h>

namespace repro {
namespace {

using namespace world_table;

constexpr std::uint64_t kSeed = 9001;

std::vector<int> AllItems(const World& world) {
  std::vector<int> all;
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int i = 0; i < kPersons; ++i) all.push_back(world.PersonItem(topic, i));
    for (int i = 0; i < kThings; ++i) all.push_back(world.ThingItem(topic, i));
    for (int i = 0; i < kPlaces; ++i) all.push_back(world.PlaceItem(topic, i));
    for (const bool persons : {false, true}) all.push_back(world.HypernymItem(topic, persons));
    for (int dim = 0; dim < kVerbDims; ++dim) {
      for (int word = 0; word < kPoles * kSynonyms; ++word) {
        all.push_back(world.VerbItem(topic, dim, word / kSynonyms, word % kSynonyms));
      }
    }
  }
  for (int dim = 0; dim < kAdjectiveDims; ++dim) {
    for (int word = 0; word < kPoles * kSynonyms; ++word) {
      all.push_back(world.AdjectiveItem(dim, word / kSynonyms, word % kSynonyms));
    }
  }
  for (int i = 0; i < kTimes; ++i) all.push_back(world.TimeItem(i));
  for (int i = 0; i < kQuantifiers; ++i) all.push_back(world.QuantifierItem(i));
  return all;
}

TEST(WorldTest, EveryRoleHasAnItemOfItsOwn) {
  for (const World& world : {World(kSeed), World(kSeed, "sw")}) {
    const std::vector<int> all = AllItems(world);
    EXPECT_EQ(all.size(), static_cast<std::size_t>(items::kContentItems));
    EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), all.size());
  }
}

TEST(WorldTest, EachRankHasOneNameOfEveryTypeAndTopic) {
  const World world(kSeed);
  std::set<int> ids;
  for (int rank = 0; rank < kNameRanks; ++rank) {
    for (int type = 0; type < kEntityTypes; ++type) {
      for (int topic = 0; topic < kTopics; ++topic) {
        const int id = world.EntityAt(static_cast<EntityType>(type), topic, rank);
        const Entity& entity = world.entity(id);
        EXPECT_EQ(static_cast<int>(entity.type), type);
        EXPECT_EQ(entity.topic, topic);
        EXPECT_EQ(entity.rank, rank);
        EXPECT_EQ(world.entity(entity.place).type, EntityType::kPlace);
        EXPECT_EQ(world.entity(entity.organisation).type, EntityType::kOrganisation);
        ids.insert(id);
      }
    }
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(world.entity_count()));
}

// A shared form (name, cognate) must mean something else in each language of the null world, at
// the rate of chance; its frequency rank stays.
TEST(NullWorldTest, SharedFormsAgreeInMeaningOnlyByChance) {
  const World left(kSeed, "en");
  const World right(kSeed, "sw");
  int same_type = 0, same_topic = 0;
  for (int id = 0; id < left.entity_count(); ++id) {
    EXPECT_EQ(left.entity(id).rank, right.entity(id).rank);
    same_type += left.entity(id).type == right.entity(id).type ? 1 : 0;
    same_topic += left.entity(id).topic == right.entity(id).topic ? 1 : 0;
  }
  const double count = left.entity_count();
  EXPECT_NEAR(same_type / count, 1.0 / kEntityTypes, 0.03);
  EXPECT_NEAR(same_topic / count, 1.0 / kTopics, 0.03);

  int same_verbs = 0;
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int dim = 0; dim < kVerbDims; ++dim) {
      same_verbs += left.VerbItem(topic, dim, 0, 0) == right.VerbItem(topic, dim, 0, 0) ? 1 : 0;
    }
  }
  EXPECT_LE(same_verbs, 4);  // of 24; expected 0.5
}

TEST(NullWorldTest, WordsKeepTheirClassAndFrequencyRank) {
  const World shared(kSeed);
  const World null(kSeed, "sw");
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int i = 0; i < kThings; ++i) {
      EXPECT_EQ((null.ThingItem(topic, i) - items::kThingItems.first) % kThings,
                (shared.ThingItem(topic, i) - items::kThingItems.first) % kThings);
    }
  }
}

TEST(WorldTest, OppositePolesOfAThingHaveDifferentNumbers) {
  const World world(kSeed);
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int thing = 0; thing < kThings; ++thing) {
      EXPECT_NE(world.TypicalNumber(topic, thing, 0), world.TypicalNumber(topic, thing, 1));
    }
  }
}

}  // namespace
}  // namespace repro
