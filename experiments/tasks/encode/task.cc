#include "experiments/tasks/encode/task.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "experiments/data/corpus_files.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/data/token_shard.h"
#include "experiments/tasks/encode/spec.h"
#include "experiments/text/tokenizer.h"

namespace repro {
namespace {

// What one file becomes: each sentence with </s>, and a lone </s> after each document.
class ShardEncoder {
 public:
  ShardEncoder(const Tokenizer& tokenizer, const StopFlag& stop, std::atomic<std::int64_t>& bytes)
      : tokenizer_(tokenizer), stop_(stop), bytes_(bytes) {}

  Result<ShardCounts> Encode(const std::filesystem::path& text,
                             const std::filesystem::path& shard) {
    REPRO_ASSIGN_OR_RETURN(TokenShardWriter writer,
                           TokenShardWriter::Open(shard, tokenizer_.vocab_size()));
    ShardCounts counts;
    bool in_document = false;
    const auto end_document = [&] {
      if (!in_document) return;
      writer.Add(std::vector<TokenId>{kEosId});
      ++counts.documents;
      in_document = false;
    };
    REPRO_RETURN_IF_ERROR(ForEachLine(text, [&](std::string_view line) -> Status {
      if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
      bytes_ += static_cast<std::int64_t>(line.size()) + 1;
      std::vector<TokenId> ids = tokenizer_.Encode(line);
      if (ids.empty()) {  // an empty line, or one of white space only
        end_document();
        return {};
      }
      in_document = true;
      counts.unknown += std::count(ids.begin(), ids.end(), kUnkId);
      ids.push_back(kEosId);
      writer.Add(ids);
      ++counts.sentences;
      return {};
    }));
    end_document();
    REPRO_RETURN_IF_ERROR(writer.Finish());
    counts.tokens = writer.tokens();
    return counts;
  }

 private:
  const Tokenizer& tokenizer_;
  const StopFlag& stop_;
  std::atomic<std::int64_t>& bytes_;
};

struct Job {
  std::string code;
  CorpusFiles corpus;
  EncodedLanguage result;
  std::int64_t bytes = 0;
};

Result<std::int64_t> FileBytes(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", path.string(), error.message());
  return static_cast<std::int64_t>(size);
}

}  // namespace

Status RunEncodeTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const EncodeSpec spec, FromJson<EncodeSpec>(context.task.spec));
  REPRO_ASSIGN_OR_RETURN(const auto vocab, context.Input("vocab"));
  REPRO_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::Load(vocab / "sp.model"));
  std::vector<Job> jobs;
  std::int64_t all_bytes = 0;
  for (const std::string& code : spec.languages) {
    REPRO_ASSIGN_OR_RETURN(const auto folder, context.Input(code));
    REPRO_ASSIGN_OR_RETURN(CorpusFiles corpus, CorpusFiles::Load(folder));
    REPRO_ASSIGN_OR_RETURN(const std::int64_t text_bytes, FileBytes(corpus.text));
    REPRO_ASSIGN_OR_RETURN(const std::int64_t heldout_bytes, FileBytes(corpus.heldout));
    jobs.push_back({code, std::move(corpus), {}, text_bytes + heldout_bytes});
    jobs.back().result.nominal_units = jobs.back().corpus.nominal_units;
    all_bytes += jobs.back().bytes;
  }

  // Languages are independent, so the threads change nothing but the time. Largest first.
  std::vector<std::size_t> order(jobs.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return jobs[a].bytes > jobs[b].bytes; });
  std::atomic<std::int64_t> bytes_done = 0;
  std::atomic<std::size_t> next = 0;
  std::atomic<int> running = 0;
  std::mutex mutex;
  Status failed;
  const auto encode = [&](Job& job) -> Status {
    ShardEncoder encoder(tokenizer, context.stop, bytes_done);
    REPRO_ASSIGN_OR_RETURN(
        job.result.train,
        encoder.Encode(job.corpus.text, EncodedCorpus::TrainShard(context.out, job.code)));
    REPRO_ASSIGN_OR_RETURN(
        job.result.heldout,
        encoder.Encode(job.corpus.heldout, EncodedCorpus::HeldoutShard(context.out, job.code)));
    return {};
  };
  const auto work = [&] {
    for (std::size_t i = next++; i < order.size(); i = next++) {
      Status encoded;
      try {
        encoded = encode(jobs[order[i]]);
      } catch (const std::exception& error) {  // std::bad_alloc among them; a thread must not throw
        encoded = Fail(ErrorCode::kFailed, "{}: {}", jobs[order[i]].code, error.what());
      }
      if (encoded) continue;
      const std::lock_guard lock(mutex);
      failed = encoded;
      next = order.size();
    }
    --running;
  };
  const std::size_t threads =
      std::min(jobs.size(), static_cast<std::size_t>(std::max(1, context.task.resources.threads)));
  std::vector<std::thread> pool;
  running = static_cast<int>(threads);
  for (std::size_t i = 0; i < threads; ++i) pool.emplace_back(work);
  for (int tick = 0; running > 0; ++tick) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (tick % 100 == 0) context.events.Progress(bytes_done, all_bytes, "bytes");
  }
  for (std::thread& thread : pool) thread.join();
  REPRO_RETURN_IF_ERROR(failed);
  context.events.Progress(all_bytes, all_bytes, "bytes");

  EncodedCorpus corpus;
  corpus.vocab_size = tokenizer.vocab_size();
  for (Job& job : jobs) corpus.languages[job.code] = job.result;
  return corpus.Save(context.out);
}

}  // namespace repro
