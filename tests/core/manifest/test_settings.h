#pragma once
/// Sections for the tests of core/manifest, which knows nothing of the real ones.

#include <cstdint>
#include <string>
#include <vector>

#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/fields.h"
#include "core/manifest/section_reader.h"

namespace repro {

struct TestSettings {
  struct Vocab {
    std::string model = "unigram";
    std::int64_t size = 32'000;
    double alpha = 0.3;
    template <class V>
    void Visit(V& v) {
      v("model", model, OneOf({"unigram", "bpe"}));
      v("size", size, Range(64, 2'000'000));
      v("alpha", alpha, Range(0, 1));
    }
  };
  struct Model {
    std::int64_t hidden = 768;
    std::int64_t heads = 12;
    double dropout = 0.1;
    template <class V>
    void Visit(V& v) {
      v("hidden", hidden, AtLeast(1));
      v("heads", heads, AtLeast(1));
      v("dropout", dropout, HalfOpen(0, 1));
    }
  };
  struct Pretrain {
    std::int64_t updates = 1000;
    std::int64_t sequences_per_update = 8;
    double peak_learning_rate = 1e-3;
    bool resume = true;
    template <class V>
    void Visit(V& v) {
      v("updates", updates, AtLeast(0));
      v("sequences_per_update", sequences_per_update, AtLeast(1));
      v("peak_learning_rate", peak_learning_rate, Positive());
      v("resume", resume);
    }
  };
  struct Finetune {
    std::vector<std::string> tasks = {"xnli"};
    std::vector<double> thresholds;
    template <class V>
    void Visit(V& v) {
      v("tasks", tasks, OneOf({"xnli", "topic"}));
      v("thresholds", thresholds, Range(0, 1));
    }
  };

  Vocab vocab;
  Model model;
  Pretrain pretrain;
  Finetune finetune;

  template <class V>
  void Visit(V& v) {
    v("vocab", vocab);
    v("model", model);
    v("pretrain", pretrain);
    v("finetune", finetune);
  }
};

/// As a program does it: types and ranges, then what the fields say together.
inline void ValidateTestSections(const Document& config, Diagnostics& diagnostics) {
  const auto settings = ReadSettings<TestSettings>(config, diagnostics);
  if (settings.model.hidden % settings.model.heads != 0) {
    diagnostics.Add(config.PositionOf("model.heads"),
                    "`model.heads` does not divide `model.hidden`", "expected a divisor");
  }
}

}  // namespace repro
