#include "experiments/corpus/coded/slice_leaks.h"

#include <set>

#include "core/io/json_io.h"
#include "experiments/corpus/clean/subset.h"
#include "experiments/corpus/coded/corpus_slices.h"

namespace repro {

Result<std::vector<SharedLines>> LookAtSlices(const std::filesystem::path& english,
                                              std::span<const CodedSlice> slices,
                                              const EvaluationLines& evaluation,
                                              const std::atomic<bool>& stop) {
  std::vector<CorpusSlices> cuts;
  std::set<std::vector<std::string>> buckets;
  for (const CodedSlice& slice : slices) {
    REPRO_ASSIGN_OR_RETURN(CorpusSlices cut, CorpusSlices::Equal(slice.seed, slice.slices));
    cuts.push_back(std::move(cut));
    buckets.insert(slice.buckets);
  }
  std::vector<SharedLines> lines(slices.size(), SharedLines(evaluation));
  for (const auto& some : buckets) {
    REPRO_RETURN_IF_ERROR(EachCleanDocument(english, some, [&](const Json& document) -> Status {
      if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
      const std::string id = TextField(document, "id");
      for (std::size_t i = 0; i < slices.size(); ++i) {
        const auto own = static_cast<std::size_t>(slices[i].language);
        if (slices[i].buckets != some || cuts[i].SliceOf(id) != own) continue;
        lines[i].AddText(TextField(document, "text"), id);
      }
      return {};
    }));
  }
  return lines;
}

}  // namespace repro
