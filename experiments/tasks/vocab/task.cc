#include "experiments/tasks/vocab/task.h"

#include <string>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "experiments/data/corpus_files.h"
#include "experiments/tasks/vocab/spec.h"
#include "experiments/text/vocab_files.h"
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
    if (!corpus.left_out.empty()) continue;
    texts.push_back({code, corpus.text, corpus.nominal_units});
    heldout.push_back(corpus.heldout);
  }
  const auto steps = static_cast<std::int64_t>(texts.size()) + 1;
  context.events.Progress(0, steps, "steps", {{"doing", "learning the pieces"}});
  REPRO_ASSIGN_OR_RETURN(
      const VocabPlan plan,
      PlanVocabulary(texts, {.model = spec.settings.model,
                             .size = spec.settings.size,
                             .alpha = spec.settings.alpha,
                             .sample_sentences = spec.settings.sample_sentences,
                             .character_coverage = spec.settings.character_coverage,
                             .threads = spec.threads,
                             .seed = static_cast<std::uint64_t>(spec.seed)}));
  context.events.Message("info", plan.Text());
  REPRO_ASSIGN_OR_RETURN(const TrainedVocab vocab, TrainVocabulary(plan));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "sp.model", vocab.model));
  REPRO_ASSIGN_OR_RETURN(
      const VocabFiles files,
      VocabFiles::FromBytes(vocab.model, "the model just learnt", plan.pre_tokenization));

  Json languages = Json::object();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string& code = texts[i].language;
    context.events.Progress(static_cast<std::int64_t>(i) + 1, steps, "steps",
                            {{"doing", "measuring " + code}});
    if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, files.For(code));
    REPRO_ASSIGN_OR_RETURN(VocabMeter meter, VocabMeter::Open(std::move(tokenizer), code));
    REPRO_RETURN_IF_ERROR(ForEachLine(heldout[i], [&](std::string_view line) -> Status {
      if (!line.empty()) meter.Add(line);
      return {};
    }));
    const VocabFit fit = meter.Finish();
    context.events.Write({"vocab.tokens_per_word", fit.TokensPerWord(), 0, code, "heldout"});
    context.events.Write({"vocab.coverage", fit.Coverage(), 0, code, "heldout"});
    context.events.Write({"vocab.unknown_rate", fit.UnknownRate(), 0, code, "heldout"});
    languages[code] = {{"sentences_available", vocab.sample[i].available},
                       {"sentences_drawn", vocab.sample[i].drawn},
                       {"lines_too_long", vocab.sample[i].too_long},
                       {"lines_reserved", vocab.sample[i].reserved},
                       {"heldout_sentences", fit.sentences},
                       {"tokens_per_word", fit.TokensPerWord()},
                       {"coverage", fit.Coverage()},
                       {"unknown_rate", fit.UnknownRate()}};
  }
  context.events.Progress(steps, steps, "steps");
  const std::int64_t size = files.vocab_size();
  Json summary = {{"version", 1},
                  {"model", spec.settings.model},
                  {"size", size},
                  {"pieces", PieceCount(size)},
                  {"mask_id", MaskId(size)},
                  {"languages", std::move(languages)}};
  if (plan.pre_tokenization) summary["pre_tokenization"] = plan.pre_tokenization->ToJson();
  return WriteFileAtomic(context.out / "vocab.json", CanonicalJson(summary) + "\n");
}

}  // namespace repro
