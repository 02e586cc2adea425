#pragma once
/// The leak check of a run: is a line of what it trains on a line of a test set?

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "core/store/artifact_store.h"
#include "experiments/corpus/clean/shared_lines.h"
#include "experiments/programs/named_tasks.h"

namespace repro {

/// One text that is trained on.
struct TextLeaks {
  TaskRow task;
  std::string language;
  /// The English documents of which a coded language is made are looked at, all of its slice: what
  /// is trained on shares no line with anything.
  bool before_recoding = false;
  bool made = true;  ///< false: the task has left nothing yet, so nothing was looked at
  std::int64_t lines = 0;
  std::int64_t shared = 0;
  std::int64_t alike = 0;  ///< by letters and digits alone
  std::vector<SharedLine> shared_examples;
  std::vector<SharedLine> alike_examples;
};

struct RunLeaks {
  std::int64_t evaluation_lines = 0;  ///< different ones, normalised
  bool by_letters = false;            ///< lines were also held against their letters and digits
  std::vector<std::string> evaluation_sets;
  std::vector<TextLeaks> texts;  ///< by language

  std::int64_t shared() const;
  std::int64_t alike() const;
  std::int64_t unmade() const;
};

/// Looks at the text of every `subset`, `corpus` and `coded` task. Errors: kNotFound where no
/// `evaluation_text` task is among them or one has left nothing yet, or there is no text; kIo,
/// kCorrupt.
Result<RunLeaks> FindLeaks(const NamedTasks& named, const ArtifactStore& store);

void PrintLeaks(const RunLeaks& leaks, std::size_t table_width, std::size_t width, bool color,
                std::ostream& out);
Json LeaksToJson(const RunLeaks& leaks);
/// language, task, text, lines, shared_lines, alike_lines; nothing where it was not
/// looked at.
std::string LeaksToCsv(const RunLeaks& leaks);

}  // namespace repro
