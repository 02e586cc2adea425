#include "experiments/data/token_shard.h"

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"

namespace repro {
namespace {

static_assert(std::endian::native == std::endian::little, "token shards are little-endian");

constexpr char kMagic[] = "REPROTOK";  // 8 bytes
constexpr std::size_t kDigestBytes = 64;
constexpr std::size_t kFlushBytes = 1 << 20;

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t item_bytes;
  std::uint64_t vocab_size;
  std::uint64_t sentences;
  std::uint64_t tokens;
  std::uint64_t reserved[3];
};
static_assert(sizeof(Header) == 64);

std::string_view Bytes(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

// Tokens end on a multiple of 8, so that the index behind them is aligned.
std::uint64_t PaddedTokenBytes(std::uint64_t tokens, std::uint32_t item_bytes) {
  return (tokens * item_bytes + 7) / 8 * 8;
}

}  // namespace

Result<TokenShardWriter> TokenShardWriter::Open(const std::filesystem::path& path,
                                                std::int64_t vocab_size) {
  TokenShardWriter writer;
  writer.path_ = path;
  writer.vocab_size_ = static_cast<std::uint64_t>(vocab_size);
  writer.item_bytes_ = vocab_size <= 65'536 ? 2 : 4;
  writer.out_.open(path, std::ios::binary | std::ios::trunc);
  if (!writer.out_) return FailErrno("open for writing", path.string());
  const Header unfinished{};  // no magic: the file is no shard before Finish
  writer.out_.write(reinterpret_cast<const char*>(&unfinished), sizeof(unfinished));
  return writer;
}

void TokenShardWriter::Write(std::string_view bytes) {
  hash_.Update(bytes);
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void TokenShardWriter::Add(std::span<const TokenId> sentence) {
  for (const TokenId id : sentence) {
    REPRO_CHECK(id >= 0 && static_cast<std::uint64_t>(id) < vocab_size_);
    const auto item = static_cast<std::uint32_t>(id);
    buffer_.append(reinterpret_cast<const char*>(&item), item_bytes_);
  }
  tokens_ += sentence.size();
  ends_.push_back(tokens_);
  if (buffer_.size() >= kFlushBytes) {
    Write(buffer_);
    buffer_.clear();
  }
}

Status TokenShardWriter::Finish() {
  buffer_.append(PaddedTokenBytes(tokens_, item_bytes_) - tokens_ * item_bytes_, '\0');
  Write(buffer_);
  Write(Bytes(ends_.data(), ends_.size() * sizeof(std::uint64_t)));
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof(header.magic));
  header.version = kTokenShardVersion;
  header.item_bytes = item_bytes_;
  header.vocab_size = vocab_size_;
  header.sentences = ends_.size();
  header.tokens = tokens_;
  hash_.Update(Bytes(&header, sizeof(header)));
  const std::string digest = hash_.HexDigest();
  out_.write(digest.data(), static_cast<std::streamsize>(digest.size()));
  out_.seekp(0);
  out_.write(reinterpret_cast<const char*>(&header), sizeof(header));
  out_.close();
  if (!out_) return FailErrno("write", path_.string());
  return {};
}

Result<TokenShard> TokenShard::Open(const std::filesystem::path& path) {
  const std::string name = path.string();
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return Fail(ErrorCode::kNotFound, "{}: no such token shard", name);
    return FailErrno("open", name);
  }
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    auto error = FailErrno("stat", name);
    close(fd);
    return error;
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size < sizeof(Header)) {
    close(fd);
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too few for a token shard: truncated?", name,
                size);
  }
  void* mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  auto map_error = FailErrno("map", name);
  close(fd);
  if (mapped == MAP_FAILED) return map_error;

  TokenShard shard;
  shard.data_ = static_cast<const std::byte*>(mapped);
  shard.bytes_ = size;
  Header header{};
  std::memcpy(&header, mapped, sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(header.magic)) != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: not a token shard, or one whose writing never finished",
                name);
  }
  if (header.version != kTokenShardVersion) {
    return Fail(ErrorCode::kCorrupt,
                "{}: token shard version {}, this build reads {}: encode the corpus again", name,
                header.version, kTokenShardVersion);
  }
  // No count can exceed the file's bytes: guards the sum below. No id can exceed its type.
  if ((header.item_bytes != 2 && header.item_bytes != 4) || header.tokens > size ||
      header.sentences > size || header.vocab_size <= kSpecialCount ||
      header.vocab_size > std::uint64_t{std::numeric_limits<TokenId>::max()}) {
    return Fail(ErrorCode::kCorrupt,
                "{}: damaged header: {} sentences, {} tokens of {} bytes, vocabulary of {}", name,
                header.sentences, header.tokens, header.item_bytes, header.vocab_size);
  }
  shard.item_bytes_ = header.item_bytes;
  shard.vocab_size_ = static_cast<std::int64_t>(header.vocab_size);
  shard.sentences_ = static_cast<std::int64_t>(header.sentences);
  shard.tokens_ = static_cast<std::int64_t>(header.tokens);
  shard.ends_offset_ = sizeof(Header) + PaddedTokenBytes(header.tokens, header.item_bytes);
  const std::uint64_t expected =
      shard.ends_offset_ + header.sentences * sizeof(std::uint64_t) + kDigestBytes;
  if (size != expected) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes, the header asks for {}: {}", name, size,
                expected, size < expected ? "truncated" : "something was appended");
  }
  Sha256 hash;
  hash.Update(Bytes(shard.data_ + sizeof(Header), size - sizeof(Header) - kDigestBytes));
  hash.Update(Bytes(&header, sizeof(header)));
  if (hash.HexDigest() != Bytes(shard.data_ + size - kDigestBytes, kDigestBytes)) {
    return Fail(ErrorCode::kCorrupt, "{}: the content does not match its SHA-256: damaged", name);
  }
  const Status content = shard.CheckContent();
  if (!content) return Context(name, content.error());
  return shard;
}

template <class Use>
auto TokenShard::WithIds(const Use& use) const {
  const std::byte* items = data_ + sizeof(Header);
  return item_bytes_ == 2 ? use(reinterpret_cast<const std::uint16_t*>(items))
                          : use(reinterpret_cast<const std::uint32_t*>(items));
}

// A digest shows damage, not malice: whoever wrote the file wrote the digest too. Readers index
// with what stands here.
Status TokenShard::CheckContent() const {
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < sentences_; ++i) {
    const std::int64_t end = SentenceEnd(i);
    if (end <= begin || end > tokens_) {
      return Fail(ErrorCode::kCorrupt, "sentence {} ends at token {}, expected {} to {}", i, end,
                  begin + 1, tokens_);
    }
    begin = end;
  }
  if (begin != tokens_) {
    return Fail(ErrorCode::kCorrupt, "the last sentence ends at token {}, expected {}", begin,
                tokens_);
  }
  return WithIds([&](const auto* ids) -> Status {
    for (std::int64_t i = 0; i < tokens_; ++i) {
      if (static_cast<std::int64_t>(ids[i]) < vocab_size_) continue;
      return Fail(ErrorCode::kCorrupt, "token {} has id {}, expected 0 to {}", i, ids[i],
                  vocab_size_ - 1);
    }
    return {};
  });
}

TokenShard::TokenShard(TokenShard&& other) noexcept {
  *this = std::move(other);
}

TokenShard& TokenShard::operator=(TokenShard&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  item_bytes_ = other.item_bytes_;
  vocab_size_ = other.vocab_size_;
  sentences_ = other.sentences_;
  tokens_ = other.tokens_;
  ends_offset_ = other.ends_offset_;
  return *this;
}

TokenShard::~TokenShard() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), bytes_);
}

std::int64_t TokenShard::SentenceEnd(std::int64_t i) const {
  REPRO_CHECK(i >= 0 && i < sentences_);
  std::uint64_t end = 0;
  std::memcpy(&end, data_ + ends_offset_ + static_cast<std::size_t>(i) * sizeof(end), sizeof(end));
  return static_cast<std::int64_t>(end);
}

void TokenShard::Append(std::int64_t begin, std::int64_t end,
                        std::vector<std::int64_t>& out) const {
  REPRO_CHECK(0 <= begin && begin <= end && end <= tokens_);
  WithIds([&](const auto* ids) { out.insert(out.end(), ids + begin, ids + end); });
}

void TokenShard::Count(std::vector<std::int64_t>& counts) const {
  REPRO_CHECK(static_cast<std::int64_t>(counts.size()) >= vocab_size_);
  WithIds([&](const auto* ids) {
    for (std::int64_t i = 0; i < tokens_; ++i) ++counts[ids[i]];
  });
}

}  // namespace repro
