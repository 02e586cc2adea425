#pragma once
/// The parameters of the synthetic world, each with its reason. They were settled on the smallest
/// sweep point with seeds that no reported run uses, before any sweep was looked at; what a
/// manifest may vary is in settings.h.
///
/// Shares are out of 1000. Nothing here is a floating-point number: the text must be the same bytes
/// everywhere.

#include <array>
#include <cstdint>

namespace repro::world_table {

// --- concepts ---
/// Labels of topic classification (chance 12.5 %); each topic then has enough text to be learnt in
/// minutes.
inline constexpr int kTopics = 8;
/// Concepts of a topic. Small on purpose: some hundred occurrences of each word fit into the text a
/// desk run reads.
inline constexpr int kPersons = 5;
inline constexpr int kThings = 8;
inline constexpr int kPlaces = 2;
/// Meaning dimensions of a topic's verbs; each has two opposite poles and two synonyms a pole (win,
/// beat / lose, fall).
inline constexpr int kVerbDims = 3;
/// Meaning dimensions of adjectives, common to all topics; a noun takes `kNounDims` of them
/// (selectional restriction).
inline constexpr int kAdjectiveDims = 8;
inline constexpr int kNounDims = 3;
inline constexpr int kPoles = 2;
inline constexpr int kSynonyms = 2;
inline constexpr int kTimes = 6;
inline constexpr int kQuantifiers = 4;
/// Numbers in the text. Each thing has a typical one for each pole of a paragraph: anchors right
/// beside the nouns.
inline constexpr int kNumbers = 24;
/// Names: `kNameRanks` frequency ranks, each with one person, place and organisation of every topic
/// (2,400 names). The first ten ranks carry most mentions and are learnt; the tail is what a larger
/// vocabulary can hold.
inline constexpr int kNameRanks = 100;
inline constexpr int kEntityTypes = 3;
/// Out of 1000 names, those of two words ("Miro Kalen"): I- tags exist, and sharing parts is not
/// knowing the name.
inline constexpr int kTwoWordNames = 400;

// --- frequencies ---
/// Weights of the dimensions a noun takes: unequal, so that frequency tells words of one class
/// apart.
inline constexpr std::array<std::uint32_t, 3> kDimWeights = {4, 2, 1};
/// A synonym pair is used 6 : 4; equal contexts, unequal frequency, as in real text.
inline constexpr std::uint32_t kFirstSynonym = 600;

// --- what languages share ---
/// Content words that a family inherits; the regular sound change of each language leaves about
/// three in four of them unchanged.
inline constexpr std::uint32_t kCognates = 400;
/// Content words written alike in all languages of a script, across families (internationalisms).
inline constexpr std::uint32_t kLoanwords = 60;

// --- coherence ---
/// Words of a paragraph that follow its pole: makes a pole learnable and opposites opposite.
inline constexpr std::uint32_t kPoleCoherence = 900;
/// Sentences that state what is usual of their subject (thing, verb, adjective, time of a name; the
/// quantifier of a thing): what ties names, the shared anchors, to concepts in every language.
inline constexpr std::uint32_t kFavourite = 650;
/// Numbers that are the thing's typical one.
inline constexpr std::uint32_t kTypicalNumber = 750;

// --- registers ---
/// Weights of the kinds of sentences.
struct KindWeights {
  std::uint32_t event;
  std::uint32_t attribute;            ///< of a thing
  std::uint32_t name_attribute;       ///< of a name
  std::uint32_t opposite_adjectives;  ///< with its opposite: where antonyms meet
  std::uint32_t opposite_verbs;
  std::uint32_t same_adjectives;  ///< with its synonym
  std::uint32_t same_verbs;
  std::uint32_t thing_hypernym;
  std::uint32_t person_hypernym;
  std::uint32_t fact;  ///< profession, organisation and home of a person
};

/// What differs between the encyclopedic ("wiki") and the web ("cc") text.
struct Register {
  const char* name;
  std::array<std::uint32_t, kTopics> topic_weights;  ///< cc leans to some topics, as crawls do
  std::uint32_t min_sentences;                       ///< of a document
  std::uint32_t max_sentences;
  KindWeights kinds;
  std::uint32_t named_subject;  ///< events done by a name; the others train nameless sentences
  std::uint32_t affiliation;    ///< subjects with "of ORG"
  std::uint32_t place;          ///< events with a place
  std::uint32_t named_place;    ///< places that are names
  std::uint32_t number;         ///< objects with a number
  std::uint32_t quantifier;     ///< subjects and objects with one
  std::uint32_t adjective;      ///< nouns with one
  std::uint32_t time;           ///< sentences with a time word
  std::uint32_t compound;       ///< things said as a compound: the open class of words
  std::uint32_t off_topic;      ///< sentences from another topic
  std::uint32_t typo;           ///< words whose last letter is doubled
  std::uint32_t dropped;        ///< adjectives and grammar words left out
  std::uint32_t repeated;       ///< sentences said twice
  std::uint32_t boilerplate;    ///< extra lines of web clutter a sentence
};

inline constexpr Register kWiki = {.name = "wiki",
                                   .topic_weights = {1, 1, 1, 1, 1, 1, 1, 1},
                                   .min_sentences = 8,
                                   .max_sentences = 16,
                                   .kinds = {.event = 580,
                                             .attribute = 90,
                                             .name_attribute = 100,
                                             .opposite_adjectives = 50,
                                             .opposite_verbs = 40,
                                             .same_adjectives = 25,
                                             .same_verbs = 25,
                                             .thing_hypernym = 15,
                                             .person_hypernym = 15,
                                             .fact = 60},
                                   .named_subject = 500,
                                   .affiliation = 150,
                                   .place = 450,
                                   .named_place = 500,
                                   .number = 300,
                                   .quantifier = 150,
                                   .adjective = 300,
                                   .time = 250,
                                   .compound = 50,
                                   .off_topic = 30,
                                   .typo = 0,
                                   .dropped = 0,
                                   .repeated = 0,
                                   .boilerplate = 0};

inline constexpr Register kCc = {.name = "cc",
                                 .topic_weights = {3, 3, 2, 2, 2, 1, 1, 1},
                                 .min_sentences = 3,
                                 .max_sentences = 9,
                                 .kinds = {.event = 650,
                                           .attribute = 120,
                                           .name_attribute = 80,
                                           .opposite_adjectives = 40,
                                           .opposite_verbs = 40,
                                           .same_adjectives = 15,
                                           .same_verbs = 15,
                                           .thing_hypernym = 5,
                                           .person_hypernym = 5,
                                           .fact = 30},
                                 .named_subject = 400,
                                 .affiliation = 100,
                                 .place = 350,
                                 .named_place = 500,
                                 .number = 350,
                                 .quantifier = 200,
                                 .adjective = 350,
                                 .time = 200,
                                 .compound = 60,
                                 .off_topic = 80,
                                 .typo = 15,
                                 .dropped = 20,
                                 .repeated = 10,
                                 .boilerplate = 40};

// --- splits, by content id, out of 1000; the same in every language ---
inline constexpr std::uint32_t kSplitText = 800;
inline constexpr std::uint32_t kSplitHeldout = 30;
inline constexpr std::uint32_t kSplitTrain = 80;
inline constexpr std::uint32_t kSplitDev = 30;
inline constexpr std::uint32_t kSplitTest = 30;  ///< the remaining 30 are the parallel sentences
/// Held-out text: one sentence in 64, at least 200, so that its loss has a standard error below
/// 0.02 nats.
inline constexpr std::int64_t kHeldoutShare = 64;
inline constexpr std::int64_t kMinHeldout = 200;

}  // namespace repro::world_table
