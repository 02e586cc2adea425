#include "experiments/programs/babel_view.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <unordered_set>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/text.h"
#include "core/io/json_io.h"
#include "experiments/corpus/babel/benchmark.h"
#include "experiments/corpus/babel/controls.h"
#include "experiments/corpus/babel/corpus_text.h"
#include "experiments/corpus/babel/gloss.h"

namespace repro {
namespace {

constexpr const char* kGroup = "Synthetic world (babel)";

// Everything one language needs to speak; members borrow from those before them.
struct Voice {
  Voice(const BabelSettings& settings, const BabelLanguage& language, bool null_world)
      : world(MakeWorld(settings, language.code, null_world)),
        anchors(world.seed()),
        speaker(world, anchors, language),
        benchmark(world) {}

  std::string Text(const Proposition& proposition) const {
    Sentence sentence;
    speaker.Say(proposition, sentence);
    std::string text;
    AppendText(sentence, text);
    return text;
  }

  World world;
  Anchors anchors;
  Speaker speaker;
  Benchmark benchmark;
};

/// A sentence to show: what kind of example it is, and what it says.
struct Shown {
  std::string note;
  Proposition proposition;
};

Result<std::vector<Shown>> Choose(const BabelOptions& options, const Voice& voice) {
  const auto count = static_cast<int>(options.count);
  std::vector<Shown> shown;
  if (options.task.empty()) {
    REPRO_ASSIGN_OR_RETURN(const auto* style, FindRegister("babel-" + options.source));
    const CorpusText text(voice.speaker, *style);
    for (std::uint64_t i = 0; shown.size() < static_cast<std::size_t>(count); ++i) {
      for (const Proposition& proposition : text.Propositions(Split::kText, i)) {
        if (shown.size() < static_cast<std::size_t>(count)) shown.push_back({"", proposition});
      }
    }
  } else if (options.task == "xnli") {
    for (const NliExample& example : voice.benchmark.Nli(Split::kTest, 3 * count)) {
      shown.push_back({"premise", example.premise});
      shown.push_back(
          {NliLabelNames()[static_cast<std::size_t>(example.label)], example.hypothesis});
    }
  } else if (options.task == "topic") {
    for (const TopicExample& example : voice.benchmark.Topics(Split::kTest, count)) {
      shown.push_back({TopicName(example.label), example.proposition});
    }
  } else if (options.task == "tags") {
    for (const Proposition& proposition : voice.benchmark.Tags(Split::kTest, count)) {
      shown.push_back({"tags", proposition});
    }
  } else {
    for (const Proposition& proposition : voice.benchmark.Parallel(count))
      shown.push_back({"", proposition});
  }
  return shown;
}

Result<int> ShowSentences(const BabelOptions& options, const CommandContext& context) {
  REPRO_ASSIGN_OR_RETURN(const BabelLanguage language, FindBabelLanguage(options.language));
  BabelSettings settings;
  settings.seed = options.seed;
  const Voice voice(settings, language, options.null_world);
  REPRO_ASSIGN_OR_RETURN(const auto shown, Choose(options, voice));

  Json list = Json::array();
  for (const auto& [note, proposition] : shown) {
    Sentence sentence;
    voice.speaker.Say(proposition, sentence);
    std::string words, glosses, tags;
    Json json_words = Json::array(), json_glosses = Json::array(), json_tags = Json::array();
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      const std::string word = TextOf(sentence[i]);
      const std::string gloss = Gloss(sentence[i].sense);
      const std::string& tag = TagNames()[sentence[i].tag];
      const std::size_t width = 2 + std::max({DisplayWidth(word), gloss.size(), tag.size()});
      words += Padded(word, width);
      glosses += Padded(gloss, width);
      tags += Padded(tag, width);
      json_words.push_back(word);
      json_glosses.push_back(gloss);
      json_tags.push_back(tag);
    }
    const std::string meaning = Describe(proposition, voice.world, voice.anchors);
    if (context.options.json) {
      list.push_back({{"note", note},
                      {"text", voice.Text(proposition)},
                      {"words", std::move(json_words)},
                      {"gloss", std::move(json_glosses)},
                      {"tags", std::move(json_tags)},
                      {"proposition", meaning}});
      continue;
    }
    if (!note.empty()) context.out << fmt::format("({})\n", note);
    context.out << "  " << words << "\n  " << glosses << '\n';
    if (note == "tags") context.out << "  " << tags << '\n';
    context.out << "  " << meaning << "\n\n";
  }
  if (context.options.json) {
    const Json report = {{"language", "syn-" + std::string(language.code)},
                         {"script", language.script},
                         {"family", language.family},
                         {"seed", options.seed},
                         {"null_world", options.null_world},
                         {"sentences", std::move(list)}};
    context.out << report.dump(2) << '\n';
  } else {
    context.out << fmt::format("syn-{}: script {}, family {}, world {}{}\n", language.code,
                               language.script, language.family, options.seed,
                               options.null_world
                                   ? "; null world: the glosses are roles of this language's own "
                                     "concept system, no meanings it shares"
                                   : "");
  }
  return 0;
}

std::vector<TextPair> Pairs(const Voice& voice, Split split, std::int64_t count) {
  std::vector<TextPair> pairs;
  for (const NliExample& example : voice.benchmark.Nli(split, static_cast<int>(count))) {
    pairs.push_back({.premise = voice.Text(example.premise),
                     .hypothesis = voice.Text(example.hypothesis),
                     .label = static_cast<int>(example.label)});
  }
  return pairs;
}

// How many of the language's labelled and parallel sentences stand in the first sentences of its
// corpora.
std::int64_t EvaluationLinesInCorpora(const Voice& voice, const std::vector<TextPair>& pairs) {
  constexpr std::int64_t kLines = 20'000;
  constexpr int kExamples = 1'000;
  std::unordered_set<std::string> evaluation;
  for (const TextPair& pair : pairs) {
    evaluation.insert(pair.premise);
    evaluation.insert(pair.hypothesis);
  }
  for (const TopicExample& example : voice.benchmark.Topics(Split::kTest, kExamples)) {
    evaluation.insert(voice.Text(example.proposition));
  }
  for (const Proposition& p : voice.benchmark.Tags(Split::kTest, kExamples))
    evaluation.insert(voice.Text(p));
  for (const Proposition& p : voice.benchmark.Parallel(kExamples)) evaluation.insert(voice.Text(p));
  std::int64_t found = 0;
  for (const auto* style : {&world_table::kWiki, &world_table::kCc}) {
    const CorpusText text(voice.speaker, *style);
    std::string document;
    std::int64_t lines = 0;
    for (std::uint64_t i = 0; lines < kLines; ++i) {
      document.clear();
      lines += text.AppendDocument(Split::kText, i, 1'000'000, document);
      for (std::size_t at = 0; at < document.size();) {
        const std::size_t end = document.find('\n', at);
        found += evaluation.contains(document.substr(at, end - at)) ? 1 : 0;
        at = end + 1;
      }
    }
  }
  return found;
}

Result<int> CheckLeaks(const BabelOptions& options, const CommandContext& context) {
  BabelSettings settings;
  settings.seed = options.seed;
  REPRO_ASSIGN_OR_RETURN(const BabelLanguage source, FindBabelLanguage(options.language));
  std::vector<BabelLanguage> languages;
  for (const std::string& code : options.languages) {
    REPRO_ASSIGN_OR_RETURN(const BabelLanguage language, FindBabelLanguage(code));
    languages.push_back(language);
  }
  const Voice source_voice(settings, source, options.null_world);
  const LeakControls controls =
      LeakControls::Fit(Pairs(source_voice, Split::kTrain, options.train));

  Json rows = Json::object();
  bool sound = true;
  if (!context.options.json) {
    context.out << fmt::format(
        "Classifiers that understand nothing, fitted on {} pairs of syn-{}, percent right on {} "
        "test pairs\n"
        "(chance {:.1f}; within {:.0f} points of it passes), and evaluation sentences found in the "
        "corpora.\n\n"
        "{:<12}{:>16}{:>16}{:>20}{:>18}\n",
        options.train, source.code, options.test, 100 * kLeakChance, 100 * kLeakTolerance,
        "language", "hypothesis only", "surface lookup", "surface regression", "found in corpora");
  }
  for (const BabelLanguage& language : languages) {
    const Voice voice(settings, language, options.null_world);
    const std::vector<TextPair> test = Pairs(voice, Split::kTest, options.test);
    const LeakScores scores = controls.Score(test);
    const std::int64_t found = EvaluationLinesInCorpora(voice, test);
    const bool passes = scores.Worst() <= kLeakTolerance && found == 0;
    sound = sound && passes;
    if (context.options.json) {
      rows[std::string(language.code)] = {
          {"hypothesis_only", scores.hypothesis_only},
          {"surface_lookup", scores.surface_lookup},
          {"surface_regression", scores.surface_regression},
          {"hypothesis_word_imbalance", LargestHypothesisImbalance(test)},
          {"evaluation_lines_in_corpora", found},
          {"passes", passes}};
    } else {
      context.out << fmt::format("{:<12}{:>16.1f}{:>16.1f}{:>20.1f}{:>18}{}\n",
                                 "syn-" + std::string(language.code), 100 * scores.hypothesis_only,
                                 100 * scores.surface_lookup, 100 * scores.surface_regression,
                                 found, passes ? "" : "   LEAKS");
    }
  }
  if (context.options.json) {
    const Json report = {{"seed", options.seed},
                         {"null_world", options.null_world},
                         {"chance", kLeakChance},
                         {"tolerance", kLeakTolerance},
                         {"source", source.code},
                         {"train_pairs", options.train},
                         {"test_pairs", options.test},
                         {"languages", std::move(rows)},
                         {"sound", sound}};
    context.out << report.dump(2) << '\n';
  } else {
    context.out << (sound ? "\nNothing leaks.\n"
                          : "\nLabels leak through the surface: the benchmark is worthless.\n");
  }
  return sound ? 0 : 3;
}

}  // namespace

void BabelView::DefineCommon(CLI::App& app) {
  app_ = &app;
  app.add_option("--seed", options_.seed, "Seed of the world (a manifest's babel.seed)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(kGroup);
  app.add_flag("--null-world", options_.null_world, "Look at the control world")->group(kGroup);
}

void BabelView::DefineShow(CLI::App& app) {
  DefineCommon(app);
  app.add_option("--language", options_.language, "Code of Table 6, with or without syn-")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("-n", options_.count, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--source", options_.source, "Register of the running text")
      ->check(CLI::IsMember({"wiki", "cc"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--task", options_.task,
                 "Show examples of a labelled task, or parallel sentences, instead")
      ->check(CLI::IsMember({"xnli", "topic", "tags", "parallel"}))
      ->group(kGroup);
}

void BabelView::DefineCheck(CLI::App& app) {
  DefineCommon(app);
  app.add_option("--languages", options_.languages, "Codes to score (default: the XNLI languages)")
      ->delimiter(',')
      ->group(kGroup);
  app.add_option("--source-language", options_.language, "Language the controls are fitted on")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--train", options_.train, "Training pairs")
      ->check(CLI::Range(36, 1'000'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--test", options_.test, "Test pairs a language")
      ->check(CLI::Range(36, 1'000'000))
      ->capture_default_str()
      ->group(kGroup);
}

std::string BabelView::GivenFlag() const {
  for (const CLI::Option* option : app_->get_options()) {
    if (option->get_group() == kGroup && option->count() > 0) return option->get_name();
  }
  return {};
}

Result<int> BabelView::Show(const CommandContext& context) const {
  return ShowSentences(options_, context);
}
Result<int> BabelView::Check(const CommandContext& context) const {
  return CheckLeaks(options_, context);
}

}  // namespace repro
