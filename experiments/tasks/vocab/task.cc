#include "experiments/tasks/vocab/task.h"

#include <string>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "experiments/data/corpus_files.h"
#include "experiments/tasks/vocab/spec.h"
#include "experiments/text/vocab_report.h"
#include "experiments/text/vocab_trainer.h"

namespace repro {

Status RunVocabTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const VocabSpec spec, FromJson<VocabSpec>(context.task.spec));
  std::vector<VocabText> texts;
  std::vector<std::filesystem::path> heldout;
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(const CorpusFiles corpus, CorpusFiles::Load(folder));
    texts.push_back({code, corpus.text, corpus.nominal_units});
    heldout.push_back(corpus.heldout);
  }
  const auto steps = static_cast<std::int64_t>(spec.languages.size()) + 1;
  context.events.Progress(0, steps, "steps", {{"doing", "learning the pieces"}});
  REPRO_ASSIGN_OR_RETURN(
      const TrainedVocab vocab,
      TrainVocabulary(texts, {.size = spec.settings.size,
                              .alpha = spec.settings.alpha,
                              .sample_sentences = spec.settings.sample_sentences,
                              .character_coverage = spec.settings.character_coverage,
                              .threads = spec.threads,
                              .seed = static_cast<std::uint64_t>(spec.seed)}));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "sp.model", vocab.model));
  REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer,
                         Tokenizer::FromBytes(vocab.model, "the model just learnt"));

  Json languages = Json::object();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string& code = texts[i].language;
    context.events.Progress(static_cast<std::int64_t>(i) + 1, steps, "steps",
                            {{"doing", "measuring " + code}});
    if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    VocabFit fit;
    REPRO_RETURN_IF_ERROR(ForEachLine(heldout[i], [&](std::string_view line) -> Status {
      if (!line.empty()) fit.Add(tokenizer, line);
      return {};
    }));
    context.events.Write({"vocab.tokens_per_word", fit.TokensPerWord(), 0, code, "heldout"});
    context.events.Write({"vocab.coverage", fit.Coverage(), 0, code, "heldout"});
    context.events.Write({"vocab.unknown_rate", fit.UnknownRate(), 0, code, "heldout"});
    languages[code] = {{"sentences_available", vocab.sample[i].available},
                       {"sentences_drawn", vocab.sample[i].drawn},
                       {"heldout_sentences", fit.sentences},
                       {"tokens_per_word", fit.TokensPerWord()},
                       {"coverage", fit.Coverage()},
                       {"unknown_rate", fit.UnknownRate()}};
  }
  context.events.Progress(steps, steps, "steps");
  const Json summary = {{"version", 1},
                        {"model", spec.settings.model},
                        {"size", tokenizer.vocab_size()},
                        {"pieces", PieceCount(tokenizer.vocab_size())},
                        {"mask_id", tokenizer.mask_id()},
                        {"languages", std::move(languages)}};
  return WriteFileAtomic(context.out / "vocab.json", CanonicalJson(summary) + "\n");
}

}  // namespace repro
