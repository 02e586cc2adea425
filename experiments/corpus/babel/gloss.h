#pragma once
/// Propositions for people: an interlinear gloss of a sentence and the proposition in English. For
/// display only; in the null world the glosses name roles, not meanings that two languages share.

#include <string>

#include "experiments/corpus/babel/speaker.h"

namespace repro {

/// English label of what a word stands for, Leipzig style: "goalkeeper.PL", "not", "lose(2).PST".
std::string Gloss(const WordSense& sense);
/// "[sport] Kalen (goalkeeper) lost two ball".
std::string Describe(const Proposition& proposition, const World& world, const Anchors& anchors);
std::string TopicName(int topic);
/// Names of all topics, in order: the label names of topic classification.
std::vector<std::string> TopicNames();

}  // namespace repro
