#include "experiments/tasks/subset/subset_artifact.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/base/units.h"
#include "core/io/file.h"

namespace repro {

SubsetOptions SubsetOptionsOf(const SubsetSettings& settings) {
  return {.buckets = settings.buckets,
          .seed = static_cast<std::uint64_t>(settings.subset_seed),
          .max_bytes = settings.max_bytes,
          .max_sentences = settings.max_sentences,
          .heldout_share = settings.heldout_share,
          .heldout_sentences = settings.heldout_sentences};
}

Status WriteSubsetArtifact(const std::filesystem::path& language_folder,
                           const std::string& language, const SubsetOptions& options,
                           std::int64_t min_bytes, TaskContext& context) {
  const auto written =
      WriteSubset(language_folder, options, context.scratch, context.out / "text.txt",
                  context.out / "heldout.txt", context.stop);
  const bool nothing = !written && written.error().code == ErrorCode::kNotFound && min_bytes > 0;
  if (!written && !nothing) {
    if (written.error().code != ErrorCode::kNotFound) return tl::unexpected(written.error());
    return Fail(
        ErrorCode::kInvalidArgument,
        "{}: no document of it is left in the cleaned text{}; take it out of `languages`, or "
        "leave out what has no text with `corpus.min_bytes` = 1",
        language,
        options.buckets.empty()
            ? ""
            : fmt::format(" in {} (classes of quality want a language model of it)",
                          fmt::join(options.buckets, ", ")));
  }
  if (nothing) {
    for (const char* const file : {"text.txt", "heldout.txt"}) {
      REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / file, ""));
    }
  }
  const SubsetCounts counts = written.value_or(SubsetCounts());
  if (options.max_bytes > 0 && counts.available_bytes < options.max_bytes) {
    context.events.Message("warning", fmt::format("{}: all of it is {}, less than the {} asked for",
                                                  language, FormatBytes(counts.available_bytes),
                                                  FormatBytes(options.max_bytes)));
  }
  const std::int64_t wanted = options.max_bytes > 0
                                  ? std::min(options.max_bytes, counts.available_bytes)
                                  : options.max_sentences;
  if (counts.bytes == 0 && wanted > 0 && counts.available_bytes > 0) {
    context.events.Message(
        "warning",
        fmt::format("{}: none of its {} is taken, since no line is as short as the limit", language,
                    FormatBytes(counts.available_bytes)));
  }
  // Sentences are counted here, so they are the n_i of sampling.
  Json stats = {{"language", language},
                {"sentences", counts.sentences},
                {"documents", counts.documents},
                {"bytes", counts.bytes},
                {"words", counts.words},
                {"heldout_sentences", counts.heldout_sentences},
                {"available_bytes", counts.available_bytes},
                {"nominal_units", std::max<std::int64_t>(1, counts.sentences)},
                {"unique_share", 1}};
  if (counts.bytes < min_bytes) {
    const std::string reason =
        fmt::format("{} of text, less than the {} that corpus.min_bytes asks for",
                    FormatBytes(counts.bytes), FormatBytes(min_bytes));
    stats["left_out"] = reason;
    context.events.Message("warning", fmt::format("{} is left out: {}", language, reason));
  }
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(context.out / "stats.json", stats.dump(1) + "\n"));
  const auto metric = [&](const char* name, std::int64_t value) {
    context.events.Write({.name = name, .value = static_cast<double>(value), .language = language});
  };
  metric("corpus.sentences", counts.sentences);
  metric("corpus.words", counts.words);
  metric("corpus.bytes", counts.bytes);
  metric("corpus.available_bytes", counts.available_bytes);
  metric("corpus.heldout_sentences", counts.heldout_sentences);
  return context.events.status();
}

}  // namespace repro
