#pragma once
/// `evaluation_text`: which lines nobody may train on: those of every data set for evaluation that
/// is at hand. No inputs. Artifact: lines.hashes (DedupHash of each, or LettersHash and TextHash,
/// sorted, 8 bytes), counts.json {"lines", "by_set", "passed_over": what could not be read}. Faults
/// are warnings; a file of which nobody knows how much could not be read is an error.

#include <cstdint>

#include "core/manifest/fields.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/tasks/source_files.h"

namespace repro {

inline constexpr int kEvaluationTextVersion = 2;

struct EvaluationTextSpec {
  SourceFilesSpec files;
  bool letters = false;  ///< lines are told apart by their letters and digits alone

  template <class V>
  void Visit(V& v) {
    v("files", files);
    v("letters", letters, AddedLater());
    // Of letters alone: the usual form, and every key of a cleaned corpus with it, stays.
    std::int64_t form = letters ? kLettersForm : 0;
    v("letters_form", form, AddedLater());
  }
};

}  // namespace repro
