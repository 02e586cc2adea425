#pragma once
/// A made-up experiment in the shape of Figure 2 at desk scale, for the tests of reports: three
/// points of five, three pretraining seeds, controls at the two ends, values drawn from named
/// streams. No number in it was measured.

#include <functional>
#include <string>

#include "core/report/report_inputs.h"

namespace repro {

struct SampleOptions {
  bool xnli_moves = false;  ///< XNLI above chance in the source language, falling over the sweep
  bool complete_sweep = false;  ///< all five points of the paper
  int seeds = 3;
  std::string
      name_suffix{};  ///< appended to every text that comes from a manifest (escaping tests)
};

ReportInputs SampleInputs(const SampleOptions& options = {});

/// Key of the sample's task, e.g. SampleKey("pretrain", "xlm7", "main", 2).
std::string SampleKey(const std::string& kind, const std::string& point, const std::string& role,
                      int seed);

}  // namespace repro
