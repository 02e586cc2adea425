#include "experiments/tasks/coded/task.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "experiments/corpus/clean/subset.h"
#include "experiments/corpus/coded/corpus_slices.h"
#include "experiments/tasks/subset/subset_artifact.h"

namespace repro {
namespace {

constexpr const char* kTypesFile = "types.tsv";

}  // namespace

Status RunCodedTypesTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const auto spec, FromJson<CodedTypesSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto clean, context.Input("clean"));
  TypeCounter counter;
  REPRO_RETURN_IF_ERROR(
      EachCleanDocument(clean / CodedLanguageName(0), {}, [&](const Json& document) -> Status {
        if (context.stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
        counter.Add(document.at("text").get_ref<const std::string&>());
        return {};
      }));
  return counter.MostFrequent(spec.types).Save(context.out / kTypesFile);
}

Result<CodedLanguage> LoadCodedLanguage(const TaskContext& context, const CodedSettings& settings,
                                        std::int64_t language) {
  REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input("types"));
  REPRO_ASSIGN_OR_RETURN(TypeInventory types, TypeInventory::Load(folder / kTypesFile));
  return CodedLanguage::Make(settings, std::make_shared<const TypeInventory>(std::move(types)),
                             language);
}

Status RunCodedTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const CodedSpec spec, FromJson<CodedSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto clean, context.Input("clean"));
  REPRO_ASSIGN_OR_RETURN(const CodedLanguage language,
                         LoadCodedLanguage(context, spec.coded, spec.language));
  REPRO_ASSIGN_OR_RETURN(const CorpusSlices slices,
                         CorpusSlices::Equal(spec.coded.seed, spec.coded.slices));
  SubsetOptions options = SubsetOptionsOf(spec.settings);
  options.drawn_order = spec.drawn_order;
  options.wants = [&](const Json& document) {
    return slices.SliceOf(document.at("id").get_ref<const std::string&>()) ==
           static_cast<std::size_t>(spec.language);
  };
  options.rewrite = [&](std::string_view line) { return language.Encode(line); };
  return WriteSubsetArtifact(clean / CodedLanguageName(0), CodedLanguageName(spec.language),
                             options, spec.settings.min_bytes, context);
}

}  // namespace repro
