#pragma once
/// `line_model`: the language model of one language, by whose perplexity text is parted (CC-Net;
/// experiments/corpus/clean/line_model_trainer.h). No inputs. Artifact: LANGUAGE.sp.model,
/// LANGUAGE.arpa.bin, LANGUAGE.lm.json.

#include <cstdint>
#include <string>

#include "core/manifest/fields.h"
#include "experiments/tasks/source_files.h"

namespace repro {

inline constexpr int kLineModelVersion = 1;

struct LineModelSpec {
  std::string language;
  SourceFilesSpec files;
  std::int64_t pieces = 65'536;
  std::int64_t max_lines = 1'000'000;

  template <class V>
  void Visit(V& v) {
    v("language", language);
    v("files", files);
    v("pieces", pieces);
    v("max_lines", max_lines);
  }
};

}  // namespace repro
