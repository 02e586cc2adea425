#pragma once
/// What there is to talk about: topics with their persons, things, places and verbs; adjectives;
/// named entities and the facts about them. One world is common to all languages; in the null world
/// each language has one of its own, drawn by the same rules from another stream, so that the
/// surface statistics agree and the meanings of shared forms do not.
///
/// A concept is addressed by its role ("third thing of topic 5"); an item is a slot of every
/// language's lexicon. The world says which item stands for which role, a permutation inside word
/// class and frequency rank. Names and cognates are items too, so in the null world "Kalen" may be
/// a person of one language and a town of the next.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "experiments/corpus/babel/world_table.h"

namespace repro {

enum class EntityType : std::uint8_t { kPerson, kPlace, kOrganisation };

/// A named entity and what is true of it.
struct Entity {
  EntityType type = EntityType::kPerson;
  std::uint8_t topic = 0;
  std::uint8_t rank = 0;           ///< 0: most frequent
  std::uint8_t person = 0;         ///< profession, for persons
  std::uint8_t thing = 0;          ///< favourite thing
  std::uint8_t verb_dim = 0;       ///< what it mostly does with it
  std::uint8_t pole = 0;           ///< pole of the paragraphs about it
  std::uint8_t adjective_dim = 0;  ///< what it is mostly called
  std::uint8_t time = 0;           ///< when it mostly does it
  std::int16_t place = 0;          ///< entity: where it lives
  std::int16_t organisation = 0;   ///< entity: where it belongs
};

/// Lexicon slots of one word class: `count` items from `first`.
struct ItemRange {
  int first = 0;
  int count = 0;
};

/// Layout of a lexicon, the same in every language and world.
namespace items {
using namespace world_table;
inline constexpr ItemRange kPersonItems{0, kPersons* kTopics};
inline constexpr ItemRange kThingItems{kPersonItems.first + kPersonItems.count, kThings* kTopics};
inline constexpr ItemRange kPlaceItems{kThingItems.first + kThingItems.count, kPlaces* kTopics};
inline constexpr ItemRange kHypernymItems{kPlaceItems.first + kPlaceItems.count, 2 * kTopics};
inline constexpr ItemRange kVerbItems{kHypernymItems.first + kHypernymItems.count,
                                      kTopics* kVerbDims* kPoles* kSynonyms};
inline constexpr ItemRange kAdjectiveItems{kVerbItems.first + kVerbItems.count,
                                           kAdjectiveDims* kPoles* kSynonyms};
inline constexpr ItemRange kTimeItems{kAdjectiveItems.first + kAdjectiveItems.count, kTimes};
inline constexpr ItemRange kQuantifierItems{kTimeItems.first + kTimeItems.count, kQuantifiers};
/// Content items come first; grammar words follow and mean the same in every world.
inline constexpr int kContentItems = kQuantifierItems.first + kQuantifierItems.count;
}  // namespace items

class World {
 public:
  /// The common world.
  explicit World(std::uint64_t seed);
  /// The null world's system of one language.
  World(std::uint64_t seed, std::string_view null_language);

  // Items of roles.
  int PersonItem(int topic, int person) const;
  int ThingItem(int topic, int thing) const;
  int PlaceItem(int topic, int place) const;
  int HypernymItem(int topic, bool of_persons) const;
  int VerbItem(int topic, int dim, int pole, int synonym) const;
  int AdjectiveItem(int dim, int pole, int synonym) const;
  int TimeItem(int time) const;
  int QuantifierItem(int quantifier) const;

  const Entity& entity(int id) const { return entities_[static_cast<std::size_t>(id)]; }
  int entity_count() const { return static_cast<int>(entities_.size()); }
  /// The entity of that type, topic and frequency rank.
  int EntityAt(EntityType type, int topic, int rank) const;
  /// Cumulative frequency weights of the name ranks.
  const std::vector<std::uint32_t>& rank_weights() const { return rank_weights_; }

  /// Adjective dimensions that a noun takes, most usual first.
  const std::array<std::uint8_t, world_table::kNounDims>& PersonDims(int topic, int person) const;
  const std::array<std::uint8_t, world_table::kNounDims>& ThingDims(int topic, int thing) const;
  /// Verb dimensions of the topic, most usual with that thing first.
  const std::array<std::uint8_t, world_table::kVerbDims>& ThingVerbs(int topic, int thing) const;
  /// Index of the number that goes with a thing in paragraphs of that pole.
  int TypicalNumber(int topic, int thing, int pole) const;
  /// Index of the quantifier that mostly goes with a thing.
  int TypicalQuantifier(int topic, int thing) const;
  /// Topic in the order of the register's weights.
  int TopicAt(int index) const { return topic_order_[static_cast<std::size_t>(index)]; }

  /// Prefix of every stream that depends on the world: "shared" or the null language's code.
  const std::string& name() const { return name_; }
  std::uint64_t seed() const { return seed_; }

 private:
  void Draw();

  std::uint64_t seed_;
  std::string name_;
  std::vector<std::int16_t> item_of_role_;
  std::vector<Entity> entities_;
  std::vector<std::int16_t> entity_at_;
  std::vector<std::uint32_t> rank_weights_;
  std::array<int, world_table::kTopics> topic_order_{};
  std::vector<std::array<std::uint8_t, world_table::kNounDims>> person_dims_, thing_dims_;
  std::vector<std::array<std::uint8_t, world_table::kVerbDims>> thing_verbs_;
  std::vector<std::array<std::uint8_t, world_table::kPoles>> typical_number_;
  std::vector<std::uint8_t> typical_quantifier_;
};

}  // namespace repro
