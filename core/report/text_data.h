#pragma once
/// The text of an experiment as JSON, for WriteJson (docs/formats.md).

#include "core/io/json_io.h"
#include "core/report/corpus_panel.h"
#include "core/report/language_facts.h"

namespace repro {

Json ToJson(const LanguageFacts& facts);
Json ToJson(const CorpusPanel& corpus);

}  // namespace repro
