#include "experiments/tasks/corpus/task.h"

#include "core/io/file.h"
#include "core/manifest/fields.h"
#include "experiments/corpus/babel/corpus_text.h"
#include "experiments/tasks/corpus/spec.h"

namespace repro {

Status RunCorpusTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const CorpusSpec spec, FromJson<CorpusSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const world_table::Register* const style, FindRegister(spec.source));
  REPRO_ASSIGN_OR_RETURN(const BabelLanguage language, FindBabelLanguage(spec.language));
  if (language.cc_only() && style == &world_table::kWiki) {
    return Fail(ErrorCode::kInvalidArgument,
                "language '{}' is a second spelling that only CommonCrawl has; expected babel-cc",
                language.code);
  }

  const World world = MakeWorld(spec.babel, language.code, spec.null_world);
  const Anchors anchors(world.seed());
  const Speaker speaker(world, anchors, language);
  const CorpusText text(speaker, *style);
  const CorpusSize size = SizeOfCorpus(spec.babel, spec.nominal_gb);
  const auto progress = [&](std::int64_t done) {
    context.events.Progress(done, size.sentences, "sentences");
    return !context.stop.load();
  };
  REPRO_ASSIGN_OR_RETURN(
      const CorpusCounts counts,
      WriteCorpus(text, Split::kText, size.sentences, context.out / "text.txt", progress));
  REPRO_ASSIGN_OR_RETURN(
      const CorpusCounts heldout,
      WriteCorpus(text, Split::kHeldout, size.heldout, context.out / "heldout.txt",
                  [&](std::int64_t) { return !context.stop.load(); }));
  const Json stats = {{"language", spec.language},
                      {"sentences", counts.sentences},
                      {"documents", counts.documents},
                      {"bytes", counts.bytes},
                      {"words", counts.words},
                      {"heldout_sentences", heldout.sentences},
                      {"nominal_units", spec.nominal_gb},
                      {"unique_share", counts.unique_share}};
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "stats.json", stats.dump(1) + "\n"));
  const auto metric = [&](const char* name, double value) {
    context.events.Write({.name = name, .value = value, .language = spec.language});
  };
  metric("corpus.sentences", static_cast<double>(counts.sentences));
  metric("corpus.words", static_cast<double>(counts.words));
  metric("corpus.bytes", static_cast<double>(counts.bytes));
  metric("corpus.unique_share", counts.unique_share);
  return context.events.status();
}

}  // namespace repro
