#pragma once
/// What a `clean` task says of its work, for people: the funnel of its text as a table.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/store/artifact_store.h"
#include "core/store/run_log.h"
#include "experiments/corpus/clean/funnel.h"
#include "experiments/corpus/source/read_notes.h"

namespace repro {

struct CleanReport {
  TaskRow task;
  std::vector<std::string> stages;  ///< in their order
  Funnel funnel;
  /// How much of a language is of each class of quality ("head", "middle", "tail"), if it has any.
  std::map<std::string, std::map<std::string, TextAmount>> classes;
  RejectSample rejects;
  ReadNotes notes;                                  ///< what was wrong with the input
  std::map<std::string, std::int64_t> passed_over;  ///< what is in it and no document of it
};

/// Errors: kNotFound when the task has left nothing yet, kIo, kCorrupt naming the file.
Result<CleanReport> LoadCleanReport(const ArtifactStore& store, const TaskRow& task);

/// What a funnel is measured in.
struct FunnelUnit {
  const char* name;  ///< "bytes"
  std::int64_t TextAmount::*count;
  std::string (*show)(std::int64_t);
};
/// "documents", "lines" or "bytes"; null for any other name.
const FunnelUnit* FindFunnelUnit(std::string_view name);

struct FunnelRow : Funnel::Row {
  std::string language;
  std::string set;  ///< empty: of all data sets

  TextAmount DroppedBy(std::string_view stage) const;
};

struct FunnelTable {
  std::vector<std::string> stages;
  std::vector<FunnelRow> rows;  ///< the language of which most was read first, then so its sets
  FunnelRow total;
};

/// `by_set`: a row for each data set of a language.
FunnelTable MakeFunnelTable(const CleanReport& report, const FunnelUnit& unit, bool by_set);

/// What a row lost, by stage in their order, then by reason.
std::vector<std::pair<Funnel::Dropped, TextAmount>> Reasons(const Funnel::Row& row,
                                                            const std::vector<std::string>& stages);

/// Rejects of a stage and reason, in all languages; empty ones mean any. Errors: kInvalidArgument
/// naming those that there are.
struct RejectFilter {
  std::string stage;
  std::string reason;
};
/// "repeated", "language:unsure", "".
RejectFilter ParseRejectFilter(std::string_view text);
Result<std::vector<RejectSample::Key>> ChooseRejects(const CleanReport& report,
                                                     const RejectFilter& filter);

}  // namespace repro
