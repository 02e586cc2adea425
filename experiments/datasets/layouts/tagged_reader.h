#pragma once
/// Layouts of one word and its tag a line, with a blank line between sentences: CoNLL-2002 and
/// 2003 (Tjong Kim Sang; https://www.clips.uantwerpen.be/conll2002/ner/), WikiNEuRal, PAN-X
/// (WikiANN, also with the "en:" that the original puts before each word), MasakhaNER.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/datasets/layouts/read_examples.h"

namespace repro {

struct TaggedLayout;

/// Null for a layout of another kind.
const TaggedLayout* FindTaggedLayout(std::string_view name);
std::vector<std::string> TaggedLayoutNames();

/// Errors: kNotFound, kIo, the sink's; all else goes to `problems`.
Status ReadTagged(const TaggedLayout& layout, const LayoutFile& file, const ReadRules& rules,
                  ExampleProblems& problems, const ExampleSink& sink);

}  // namespace repro
