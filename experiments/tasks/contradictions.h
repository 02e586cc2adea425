#pragma once
/// What the settings of one point say together: fields that are each fine alone and cannot all be
/// meant. Types and ranges of single fields are checked where they are read (section_reader.h).

#include "experiments/tasks/settings.h"

namespace repro {

class Diagnostics;
class Document;

/// Sources of text that a manifest may name in `corpus.source`.
const std::vector<std::string>& CorpusSources();

/// Metrics that a `[[series]]` may name: logged by language, and known to reports/measures.json.
const std::vector<std::string>& SeriesMetrics();

/// `settings` as read from `config`, which knows where each value was written. Reports every
/// contradiction at once; a field whose value was not taken (and reported already) gives none,
/// since the default that stands in for it is nobody's wish.
void CheckContradictions(const RunSettings& settings, const Document& config,
                         Diagnostics& diagnostics);

}  // namespace repro
