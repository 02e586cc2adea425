#include "experiments/corpus/babel/world.h"

#include <numeric>
#include <string>

#include "experiments/corpus/babel/dice.h"

namespace repro {
namespace {

using namespace world_table;
using namespace items;

std::uint32_t SquareRoot(std::uint32_t value) {
  std::uint32_t root = 0;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

// Shuffles item_of_role[first, first + count): the roles there share class and frequency.
void Permute(std::vector<std::int16_t>& item_of_role, int first, int count, int stride,
             Dice& dice) {
  std::vector<std::int16_t> slots;
  for (int i = 0; i < count; ++i) slots.push_back(static_cast<std::int16_t>(first + i * stride));
  dice.Shuffle(slots);
  for (int i = 0; i < count; ++i) {
    item_of_role[static_cast<std::size_t>(first + i * stride)] = slots[static_cast<std::size_t>(i)];
  }
}

template <std::size_t N>
std::array<std::uint8_t, N> DrawDistinct(int from, Dice& dice) {
  std::vector<std::uint8_t> all(static_cast<std::size_t>(from));
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  dice.Shuffle(all);
  std::array<std::uint8_t, N> drawn{};
  std::copy_n(all.begin(), N, drawn.begin());
  return drawn;
}

std::size_t Index(int value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

World::World(std::uint64_t seed) : seed_(seed), name_("shared") {
  Draw();
}

World::World(std::uint64_t seed, std::string_view null_language)
    : seed_(seed), name_("null-" + std::string(null_language)) {
  Draw();
}

void World::Draw() {
  Dice dice(seed_, "babel.world." + name_);

  // Which item plays which role. Within a class the frequency rank varies fastest or is a stride,
  // so that each permutation runs over roles of equal frequency.
  item_of_role_.resize(Index(kContentItems));
  std::iota(item_of_role_.begin(), item_of_role_.end(), std::int16_t{0});
  const auto by_rank = [&](const ItemRange& range, int ranks) {
    for (int rank = 0; rank < ranks; ++rank) {
      Permute(item_of_role_, range.first + rank, range.count / ranks, ranks, dice);
    }
  };
  by_rank(kPersonItems, kPersons);
  by_rank(kThingItems, kThings);
  by_rank(kPlaceItems, kPlaces);
  by_rank(kHypernymItems, 2);
  by_rank(kVerbItems, kSynonyms);
  by_rank(kAdjectiveItems, kSynonyms);
  by_rank(kTimeItems, 1);
  by_rank(kQuantifierItems, 1);

  std::iota(topic_order_.begin(), topic_order_.end(), 0);
  dice.Shuffle(topic_order_);

  for (int i = 0; i < kTopics * kPersons; ++i) {
    person_dims_.push_back(DrawDistinct<kNounDims>(kAdjectiveDims, dice));
  }
  for (int i = 0; i < kTopics * kThings; ++i) {
    thing_dims_.push_back(DrawDistinct<kNounDims>(kAdjectiveDims, dice));
    thing_verbs_.push_back(DrawDistinct<kVerbDims>(kVerbDims, dice));
    typical_number_.push_back(DrawDistinct<kPoles>(kNumbers, dice));
    typical_quantifier_.push_back(static_cast<std::uint8_t>(dice.Pick(kQuantifiers)));
  }

  // Names: a rank has one entity of every type and topic, in an order of its own.
  const int per_rank = kEntityTypes * kTopics;
  entities_.resize(Index(kNameRanks * per_rank));
  entity_at_.resize(entities_.size());
  std::uint32_t cumulative = 0;
  for (int rank = 0; rank < kNameRanks; ++rank) {
    std::vector<int> order(Index(per_rank));
    std::iota(order.begin(), order.end(), 0);
    dice.Shuffle(order);
    for (int role = 0; role < per_rank; ++role) {
      const int id = rank * per_rank + order[Index(role)];
      Entity& entity = entities_[Index(id)];
      entity.type = static_cast<EntityType>(role / kTopics);
      entity.topic = static_cast<std::uint8_t>(role % kTopics);
      entity.rank = static_cast<std::uint8_t>(rank);
      entity_at_[Index(rank * per_rank + role)] = static_cast<std::int16_t>(id);
    }
    // Zipf-Mandelbrot with exponent 1.5, by integers: 10^6 / (r * sqrt(r)).
    const auto r = static_cast<std::uint32_t>(rank + 1);
    cumulative += 100'000'000 / (r * SquareRoot(r * 10'000));
    rank_weights_.push_back(cumulative);
  }
  for (Entity& entity : entities_) {
    entity.person = static_cast<std::uint8_t>(dice.Pick(kPersons));
    entity.thing = static_cast<std::uint8_t>(dice.Pick(kThings));
    entity.verb_dim = static_cast<std::uint8_t>(dice.Pick(kVerbDims));
    entity.pole = static_cast<std::uint8_t>(dice.Pick(kPoles));
    entity.adjective_dim = static_cast<std::uint8_t>(dice.Pick(kAdjectiveDims));
    entity.time = static_cast<std::uint8_t>(dice.Pick(kTimes));
    // Home and employer are of like frequency: famous people live in famous places.
    const int near = entity.rank / 4;
    entity.place = static_cast<std::int16_t>(
        EntityAt(EntityType::kPlace, entity.topic, near + dice.Pick(entity.rank - near + 1)));
    entity.organisation = static_cast<std::int16_t>(EntityAt(
        EntityType::kOrganisation, entity.topic, near + dice.Pick(entity.rank - near + 1)));
  }
}

int World::PersonItem(int topic, int person) const {
  return item_of_role_[Index(kPersonItems.first + topic * kPersons + person)];
}
int World::ThingItem(int topic, int thing) const {
  return item_of_role_[Index(kThingItems.first + topic * kThings + thing)];
}
int World::PlaceItem(int topic, int place) const {
  return item_of_role_[Index(kPlaceItems.first + topic * kPlaces + place)];
}
int World::HypernymItem(int topic, bool of_persons) const {
  return item_of_role_[Index(kHypernymItems.first + topic * 2 + (of_persons ? 1 : 0))];
}
int World::VerbItem(int topic, int dim, int pole, int synonym) const {
  const int role = ((topic * kVerbDims + dim) * kPoles + pole) * kSynonyms + synonym;
  return item_of_role_[Index(kVerbItems.first + role)];
}
int World::AdjectiveItem(int dim, int pole, int synonym) const {
  return item_of_role_[Index(kAdjectiveItems.first + (dim * kPoles + pole) * kSynonyms + synonym)];
}
int World::TimeItem(int time) const {
  return item_of_role_[Index(kTimeItems.first + time)];
}
int World::QuantifierItem(int quantifier) const {
  return item_of_role_[Index(kQuantifierItems.first + quantifier)];
}

int World::EntityAt(EntityType type, int topic, int rank) const {
  return entity_at_[Index((rank * kEntityTypes + static_cast<int>(type)) * kTopics + topic)];
}

const std::array<std::uint8_t, kNounDims>& World::PersonDims(int topic, int person) const {
  return person_dims_[Index(topic * kPersons + person)];
}
const std::array<std::uint8_t, kNounDims>& World::ThingDims(int topic, int thing) const {
  return thing_dims_[Index(topic * kThings + thing)];
}
const std::array<std::uint8_t, kVerbDims>& World::ThingVerbs(int topic, int thing) const {
  return thing_verbs_[Index(topic * kThings + thing)];
}
int World::TypicalNumber(int topic, int thing, int pole) const {
  return typical_number_[Index(topic * kThings + thing)][Index(pole)];
}
int World::TypicalQuantifier(int topic, int thing) const {
  return typical_quantifier_[Index(topic * kThings + thing)];
}

}  // namespace repro
