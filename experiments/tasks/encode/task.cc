#include "experiments/tasks/encode/task.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "experiments/data/corpus_files.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/data/shard_encoder.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/text/vocab_files.h"

namespace repro {
namespace {

Result<std::int64_t> FileBytes(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", path.string(), error.message());
  return static_cast<std::int64_t>(size);
}

/// Of a limited language what counts is what was taken.
void RecordTaken(std::int64_t max_tokens, const std::string& code, EncodedLanguage& language,
                 TaskContext& context) {
  language.nominal_units = static_cast<double>(std::max<std::int64_t>(1, language.train.sentences));
  const auto log = [&](const char* metric, std::int64_t value) {
    context.events.Write({.name = metric, .value = static_cast<double>(value), .language = code});
  };
  log("corpus.taken_bytes", language.train.bytes);
  log("corpus.taken_sentences", language.train.sentences);
  log("corpus.taken_words", language.train.words);
  context.events.Message("info",
                         fmt::format("{}: {} of at most {} tokens taken, {} documents", code,
                                     FormatCount(language.train.tokens), FormatCount(max_tokens),
                                     FormatCount(language.train.documents)));
}

}  // namespace

Status RunEncodeTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const EncodeSpec spec, FromJson<EncodeSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto vocab, context.Input("vocab"));
  REPRO_ASSIGN_OR_RETURN(const VocabFiles vocabulary, VocabFiles::Load(vocab));
  EncodedCorpus corpus;
  corpus.vocab_size = vocabulary.vocab_size();
  std::vector<ShardJob> jobs;  // text and held-out text of each language
  std::int64_t all_bytes = 0;
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(const CorpusFiles files, CorpusFiles::Load(folder));
    if (!files.left_out.empty()) {
      corpus.left_out[code] = files.left_out;
      continue;
    }
    REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, vocabulary.For(code));
    jobs.push_back(
        {files.text, EncodedCorpus::TrainShard(context.out, code), tokenizer, spec.max_tokens});
    jobs.push_back({files.heldout, EncodedCorpus::HeldoutShard(context.out, code), tokenizer});
    corpus.languages[code].nominal_units = files.nominal_units;
  }
  for (const ShardJob& job : jobs) {
    REPRO_ASSIGN_OR_RETURN(const std::int64_t bytes, FileBytes(job.text));
    all_bytes += bytes;
  }
  REPRO_ASSIGN_OR_RETURN(
      const std::vector<ShardCounts> counts,
      EncodeShards(jobs, context.task.resources.threads, context.stop,
                   [&](std::int64_t done) { context.events.Progress(done, all_bytes, "bytes"); }));
  context.events.Progress(all_bytes, all_bytes, "bytes");
  std::size_t next = 0;
  for (auto& [code, language] : corpus.languages) {  // sorted, as the jobs are
    language.train = counts[next++];
    language.heldout = counts[next++];
    if (spec.max_tokens > 0) RecordTaken(spec.max_tokens, code, language, context);
  }
  return corpus.Save(context.out);
}

}  // namespace repro
