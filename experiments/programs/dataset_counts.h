#pragma once
/// What is in the files of a data set that are at hand: examples of test sets, documents of text.

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "experiments/datasets/dataset_state.h"
#include "experiments/datasets/layouts/read_examples.h"

namespace repro {

struct DocumentCounts {
  std::int64_t documents = 0;
  std::int64_t lines = 0;  ///< that are not blank
  std::int64_t bytes = 0;  ///< of these, line ends included
  std::int64_t words = 0;  ///< between blanks

  DocumentCounts& operator+=(const DocumentCounts& other);
};

/// By language; "(not said)" where nothing says it. One of the two maps is empty; both are for
/// files that hold no text.
struct PartCounts {
  std::string set;
  std::string part;
  std::string layout;
  AtHand at_hand = AtHand::kNothing;
  std::string stand_in_note;  ///< where other files stand in
  std::int64_t stated = 0;    ///< examples that the manifest says there are; 0: it does not
  std::int64_t files = 0;
  std::map<std::string, ExampleCounts> examples;
  std::map<std::string, DocumentCounts> documents;
  FaultCounts faults;  ///< of examples; of documents, what is wrong with the files
  std::map<std::string, std::int64_t> passed_over;
};

/// Reads all files of the parts in `state` that `wants` takes. Errors: kIo; kCorrupt where a file
/// as a whole cannot be read, and when `strict` where anything is wrong: with text the first thing,
/// with examples all that ReadExamples shows.
Result<std::vector<PartCounts>> CountDataset(
    const DatasetManifest& manifest, const DatasetState& state, bool strict,
    const std::function<bool(const DatasetPart&)>& wants_part,
    const std::function<bool(const DatasetFileAt&)>& wants_file);

void PrintDatasetCounts(const std::vector<PartCounts>& parts, std::size_t table_width,
                        std::size_t width, bool color, std::ostream& out);
Json DatasetCountsToJson(const std::vector<PartCounts>& parts);
/// set, part, language, what, count: a row for each number.
std::string DatasetCountsToCsv(const std::vector<PartCounts>& parts);

}  // namespace repro
