#include "experiments/data/shard_encoder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "experiments/data/token_shard.h"

namespace repro {
namespace {

constexpr std::size_t kChunkBytes = 1 << 18;
constexpr std::chrono::milliseconds kProgressEvery{500};

/// Whole lines of one text.
struct Chunk {
  std::size_t job = 0;
  std::int64_t number = 0;  // over all jobs
  std::string text;
  bool last = false;  // of its job
};

/// What a chunk becomes: sentences with their </s>; an empty one where a document ends.
struct EncodedChunk {
  std::size_t job = 0;
  bool last = false;
  std::vector<TokenId> ids;
  std::vector<std::size_t> ends;
  // Of each sentence, where the job has a limit.
  std::vector<std::int64_t> bytes{}, words{};
};

/// Reads the texts of all jobs, one after the other.
class ChunkReader {
 public:
  explicit ChunkReader(const std::vector<ShardJob>& jobs) : jobs_(jobs) {}

  /// Nothing behind the last.
  Result<std::optional<Chunk>> Next() {
    if (job_ == jobs_.size()) return std::nullopt;
    const std::string path = jobs_[job_].text.string();
    if (!in_.is_open()) {
      in_.open(path, std::ios::binary);
      if (!in_ && errno == ENOENT) return Fail(ErrorCode::kNotFound, "{}: no such file", path);
      if (!in_) return FailErrno("open", path);
    }
    Chunk chunk;
    chunk.job = job_;
    chunk.number = number_++;
    chunk.text.resize(kChunkBytes);
    in_.read(chunk.text.data(), static_cast<std::streamsize>(kChunkBytes));
    chunk.text.resize(static_cast<std::size_t>(in_.gcount()));
    if (in_) {
      std::string rest;
      std::getline(in_, rest);
      chunk.text += rest;
      if (!in_.eof()) chunk.text += '\n';
    }
    if (in_.bad()) return FailErrno("read", path);
    if (!in_ || in_.peek() == std::ifstream::traits_type::eof()) {
      chunk.last = true;
      EndJob();
    }
    return chunk;
  }

  /// Nothing more of jobs before this one.
  void GoOnAt(std::size_t job) {
    if (job > job_) EndJob();
  }

 private:
  void EndJob() {
    in_ = std::ifstream();
    ++job_;
  }

  const std::vector<ShardJob>& jobs_;
  std::size_t job_ = 0;
  std::int64_t number_ = 0;
  std::ifstream in_;
};

/// Writes encoded chunks, given in their order, into the shards of their jobs.
class ShardFiles {
 public:
  explicit ShardFiles(const std::vector<ShardJob>& jobs) : jobs_(jobs) {}

  Status Write(const EncodedChunk& chunk) {
    if (chunk.job < finished_) return {};  // its shard is full
    if (!writer_) {
      const ShardJob& job = jobs_[chunk.job];
      REPRO_ASSIGN_OR_RETURN(writer_,
                             TokenShardWriter::Open(job.shard, job.tokenizer.vocab_size()));
      counts_.emplace_back();
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < chunk.ends.size(); ++i) {
      const std::size_t end = chunk.ends[i];
      if (begin == end) {
        REPRO_ASSIGN_OR_RETURN(const bool full, EndDocument());
        if (full) return Finish();
      } else {
        document_.insert(document_.end(), chunk.ids.begin() + static_cast<std::ptrdiff_t>(begin),
                         chunk.ids.begin() + static_cast<std::ptrdiff_t>(end));
        sentence_ends_.push_back(document_.size());
        if (!chunk.bytes.empty()) {
          document_bytes_ += chunk.bytes[i];
          document_words_ += chunk.words[i];
        }
      }
      begin = end;
    }
    if (!chunk.last) return {};
    REPRO_RETURN_IF_ERROR(EndDocument());
    return Finish();
  }

  /// Jobs whose shards are done, full ones included.
  std::size_t finished() const { return finished_; }
  std::vector<ShardCounts> counts() const { return counts_; }

 private:
  /// True where there is no room for it.
  Result<bool> EndDocument() {
    if (document_.empty()) return false;
    const ShardJob& job = jobs_[finished_];
    ShardCounts& counts = counts_.back();
    const auto tokens = static_cast<std::int64_t>(document_.size()) + 1;
    const bool full = job.max_tokens > 0 && writer_->tokens() + tokens > job.max_tokens;
    if (full && counts.documents == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: its first document has {} tokens, more than the {} that may be taken",
                  job.text.string(), tokens, job.max_tokens);
    }
    if (!full) {
      std::size_t begin = 0;
      for (const std::size_t end : sentence_ends_) {
        writer_->Add(std::span(document_).subspan(begin, end - begin));
        begin = end;
      }
      writer_->Add(std::vector<TokenId>{kEosId});
      ++counts.documents;
      counts.sentences += std::ssize(sentence_ends_);
      counts.unknown += std::count(document_.begin(), document_.end(), kUnkId);
      counts.bytes += document_bytes_;
      counts.words += document_words_;
    }
    document_.clear();
    sentence_ends_.clear();
    document_bytes_ = document_words_ = 0;
    return full;
  }

  Status Finish() {
    REPRO_RETURN_IF_ERROR(writer_->Finish());
    counts_.back().tokens = writer_->tokens();
    writer_.reset();
    ++finished_;
    return {};
  }

  const std::vector<ShardJob>& jobs_;
  std::optional<TokenShardWriter> writer_;
  std::vector<ShardCounts> counts_;
  std::size_t finished_ = 0;
  std::vector<TokenId> document_;  // that has not ended yet
  std::vector<std::size_t> sentence_ends_;
  std::int64_t document_bytes_ = 0, document_words_ = 0;
};

class ParallelEncoder {
 public:
  ParallelEncoder(const std::vector<ShardJob>& jobs, std::size_t threads,
                  const std::atomic<bool>& stop)
      : jobs_(jobs), threads_(threads), stop_(stop), reader_(jobs), files_(jobs) {}

  Result<std::vector<ShardCounts>> Run(const std::function<void(std::int64_t)>& progress) {
    // This thread works, too: with one thread there is no other, and allocating takes no locks.
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads_; ++i) others.emplace_back([this] { Work([] {}); });
    auto next = std::chrono::steady_clock::now() + kProgressEvery;
    Work([&] {
      const auto now = std::chrono::steady_clock::now();
      if (now < next) return;
      next = now + kProgressEvery;
      progress(bytes_);
    });
    for (std::thread& thread : others) thread.join();
    REPRO_RETURN_IF_ERROR(failed_);
    return files_.counts();
  }

 private:
  void Work(const std::function<void()>& after_chunk) {
    Status status;
    try {
      status = EncodeChunks(after_chunk);
    } catch (const std::exception& error) {  // std::bad_alloc among them; a thread must not throw
      status = Fail(ErrorCode::kFailed, "encoding: {}", error.what());
    }
    const std::lock_guard lock(mutex_);
    if (!status && failed_) failed_ = status;
    changed_.notify_all();
  }

  Status EncodeChunks(const std::function<void()>& after_chunk) {
    for (;;) {
      REPRO_ASSIGN_OR_RETURN(const std::optional<Chunk> chunk, Take());
      if (!chunk) return {};
      REPRO_ASSIGN_OR_RETURN(EncodedChunk encoded, Encode(*chunk));
      REPRO_RETURN_IF_ERROR(Deliver(chunk->number, std::move(encoded)));
      after_chunk();
    }
  }

  // The next chunk, once no more than a few a thread wait for one that takes long.
  Result<std::optional<Chunk>> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return !failed_ || taken_ - written_ < static_cast<std::int64_t>(4 * threads_);
    });
    if (!failed_) return std::nullopt;
    reader_.GoOnAt(files_.finished());
    REPRO_ASSIGN_OR_RETURN(std::optional<Chunk> chunk, reader_.Next());
    taken_ += chunk ? 1 : 0;
    return chunk;
  }

  Result<EncodedChunk> Encode(const Chunk& chunk) {
    EncodedChunk encoded;
    encoded.job = chunk.job;
    encoded.last = chunk.last;
    const Tokenizer& tokenizer = jobs_[chunk.job].tokenizer;
    for (std::string_view rest = chunk.text; !rest.empty();) {
      if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      bytes_ += static_cast<std::int64_t>(line.size()) + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      const std::vector<TokenId> ids = tokenizer.Encode(line);
      if (!ids.empty()) {  // else the line is empty, or white space only
        encoded.ids.insert(encoded.ids.end(), ids.begin(), ids.end());
        encoded.ids.push_back(kEosId);
      }
      encoded.ends.push_back(encoded.ids.size());
      if (jobs_[chunk.job].max_tokens > 0) {
        encoded.bytes.push_back(static_cast<std::int64_t>(line.size()) + 1);
        encoded.words.push_back(CountWords(line));
      }
    }
    return encoded;
  }

  Status Deliver(std::int64_t number, EncodedChunk encoded) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(number, std::move(encoded));
    for (auto next = waiting_.find(written_); next != waiting_.end();
         next = waiting_.find(written_)) {
      REPRO_RETURN_IF_ERROR(files_.Write(next->second));
      waiting_.erase(next);
      ++written_;
    }
    changed_.notify_all();
    return {};
  }

  const std::vector<ShardJob>& jobs_;
  const std::size_t threads_;
  const std::atomic<bool>& stop_;
  std::atomic<std::int64_t> bytes_ = 0;

  std::mutex mutex_;  // for all that follows
  std::condition_variable changed_;
  ChunkReader reader_;
  ShardFiles files_;
  std::map<std::int64_t, EncodedChunk> waiting_;
  std::int64_t taken_ = 0;
  std::int64_t written_ = 0;
  Status failed_;  // the first failure
};

}  // namespace

Result<std::vector<ShardCounts>> EncodeShards(
    const std::vector<ShardJob>& jobs, int threads, const std::atomic<bool>& stop,
    const std::function<void(std::int64_t bytes)>& progress) {
  return ParallelEncoder(jobs, static_cast<std::size_t>(std::max(1, threads)), stop).Run(progress);
}

}  // namespace repro
