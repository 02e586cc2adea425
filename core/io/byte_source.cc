#include "core/io/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bzlib.h>
#include <fcntl.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/check.h"
#include "core/io/file.h"

namespace repro {
namespace {

constexpr std::size_t kFileBlock = 256 << 10;
/// A window of 128 MiB: what `zstd --long=27` needs. More memory than that nobody's file gets.
constexpr int kZstdWindowLog = 27;

constexpr std::string_view kGzipMagic = "\x1f\x8b\x08";  // the third byte: deflate, the only method
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kBzip2Magic = "BZh";
constexpr std::string_view kBzip2Block = "1AY&SY";      // the first six digits of pi
constexpr std::string_view kBzip2End = "\x17rE8P\x90";  // and of its square root
constexpr std::string_view kXzMagic(
    "\xfd"
    "7zXZ\0",
    6);
/// Above what `xz -9` needs (65 MiB).
constexpr std::uint64_t kXzMemory = 256 << 20;
constexpr std::size_t kMagicBytes = 10;  // the longest: bzip2's, with block size

Packing PackingOf(std::string_view start) {
  if (start.starts_with(kGzipMagic)) return Packing::kGzip;
  if (start.starts_with(kZstdMagic)) return Packing::kZstd;
  if (start.starts_with(kXzMagic)) return Packing::kXz;
  if (!start.starts_with(kBzip2Magic)) return Packing::kNone;
  // "BZh" may begin a text; with the size of blocks and a block or the end behind it, no longer.
  const std::string_view rest = start.substr(std::min(kBzip2Magic.size() + 1, start.size()));
  const bool block = rest.starts_with(kBzip2Block) || rest.starts_with(kBzip2End);
  return block ? Packing::kBzip2 : Packing::kNone;
}

/// One unpacked member after the other. `Step` takes from the front of `in` and writes to the front
/// of `out`; both shrink by what was used.
class Unpacker {
 public:
  enum class End { kMore, kMember };
  Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  virtual ~Unpacker() = default;
  /// The member begins anew. The error of Step is text alone: where, the caller knows.
  virtual void Reset() = 0;
  virtual tl::expected<End, std::string> Step(std::string_view& in, std::span<char>& out) = 0;
};

unsigned int Capped(std::size_t bytes) {
  return static_cast<unsigned int>(
      std::min<std::size_t>(bytes, std::numeric_limits<unsigned int>::max()));
}

class GzipUnpacker : public Unpacker {
 public:
  GzipUnpacker() { REPRO_CHECK(::inflateInit2(&stream_, kGzipWindow) == Z_OK); }
  ~GzipUnpacker() override { ::inflateEnd(&stream_); }
  void Reset() override { REPRO_CHECK(::inflateReset(&stream_) == Z_OK); }
  tl::expected<End, std::string> Step(std::string_view& in, std::span<char>& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads it
    stream_.avail_in = Capped(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = Capped(out.size());
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(Capped(in.size()) - stream_.avail_in);
    out = out.subspan(Capped(out.size()) - stream_.avail_out);
    if (code == Z_STREAM_END) return End::kMember;
    if (code == Z_OK || code == Z_BUF_ERROR) return End::kMore;
    return tl::unexpected(std::string(stream_.msg != nullptr ? stream_.msg : ::zError(code)));
  }

 private:
  static constexpr int kGzipWindow = 15 + 16;  // the largest, with a gzip header
  z_stream stream_{};
};

class ZstdUnpacker : public Unpacker {
 public:
  ZstdUnpacker() : stream_(::ZSTD_createDStream()) {
    REPRO_CHECK(stream_ != nullptr);
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLog);
  }
  ~ZstdUnpacker() override { ::ZSTD_freeDStream(stream_); }
  void Reset() override { ::ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only); }
  tl::expected<End, std::string> Step(std::string_view& in, std::span<char>& out) override {
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t code = ::ZSTD_decompressStream(stream_, &target, &source);
    in.remove_prefix(source.pos);
    out = out.subspan(target.pos);
    if (::ZSTD_isError(code) != 0) return tl::unexpected(std::string(::ZSTD_getErrorName(code)));
    return code == 0 ? End::kMember : End::kMore;
  }

 private:
  ZSTD_DStream* stream_;
};

class Bzip2Unpacker : public Unpacker {
 public:
  Bzip2Unpacker() { Begin(); }
  ~Bzip2Unpacker() override { ::BZ2_bzDecompressEnd(&stream_); }
  void Reset() override {
    ::BZ2_bzDecompressEnd(&stream_);
    Begin();
  }
  tl::expected<End, std::string> Step(std::string_view& in, std::span<char>& out) override {
    stream_.next_in = const_cast<char*>(in.data());  // bzip2 only reads it
    stream_.avail_in = Capped(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = Capped(out.size());
    const int code = ::BZ2_bzDecompress(&stream_);
    in.remove_prefix(Capped(in.size()) - stream_.avail_in);
    out = out.subspan(Capped(out.size()) - stream_.avail_out);
    if (code == BZ_STREAM_END) return End::kMember;
    if (code == BZ_OK) return End::kMore;
    if (code == BZ_DATA_ERROR_MAGIC)
      return tl::unexpected(std::string("no bzip2 stream begins here"));
    return tl::unexpected(std::string("incorrect data check"));
  }

 private:
  void Begin() {
    stream_ = {};
    REPRO_CHECK(::BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0) == BZ_OK);
  }
  bz_stream stream_{};
};

class XzUnpacker : public Unpacker {
 public:
  XzUnpacker() { Begin(); }
  ~XzUnpacker() override { ::lzma_end(&stream_); }
  void Reset() override { Begin(); }
  tl::expected<End, std::string> Step(std::string_view& in, std::span<char>& out) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret code = ::lzma_code(&stream_, LZMA_RUN);
    in.remove_prefix(in.size() - stream_.avail_in);
    out = out.subspan(out.size() - stream_.avail_out);
    switch (code) {
      case LZMA_STREAM_END:
        return End::kMember;
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return End::kMore;
      case LZMA_FORMAT_ERROR:
        return tl::unexpected(std::string("no xz stream begins here"));
      case LZMA_MEMLIMIT_ERROR:
        return tl::unexpected(std::string("unpacking it takes more than 256 MiB of memory"));
      case LZMA_OPTIONS_ERROR:
        return tl::unexpected(std::string("packed in a way that this liblzma does not know"));
      default:
        return tl::unexpected(std::string("incorrect data check"));
    }
  }

 private:
  void Begin() {
    // Begins anew in the memory that the stream has.
    REPRO_CHECK(::lzma_stream_decoder(&stream_, kXzMemory, /*flags=*/0) == LZMA_OK);
  }
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

std::unique_ptr<Unpacker> MakeUnpacker(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<GzipUnpacker>();
    case Packing::kZstd:
      return std::make_unique<ZstdUnpacker>();
    case Packing::kBzip2:
      return std::make_unique<Bzip2Unpacker>();
    case Packing::kXz:
      return std::make_unique<XzUnpacker>();
    case Packing::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

const char* PackingName(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return "gzip";
    case Packing::kZstd:
      return "zstd";
    case Packing::kBzip2:
      return "bzip2";
    case Packing::kXz:
      return "xz";
    case Packing::kNone:
      break;
  }
  return "plain";
}

struct ByteSource::Impl {
  ~Impl() {
    if (fd >= 0) ::close(fd);
  }

  std::uint64_t offset() const { return read_bytes - input.size(); }

  /// More of the file into `block`, behind what is not used yet. At the end nothing changes.
  Status Refill() {
    if (!input.empty()) std::memmove(block.data(), input.data(), input.size());
    std::size_t held = input.size();
    ssize_t got = 0;
    do {
      got = ::read(fd, block.data() + held, block.size() - held);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return FailErrno("read", path.string());
    at_end = got == 0;
    held += static_cast<std::size_t>(got);
    read_bytes += static_cast<std::uint64_t>(got);
    input = std::string_view(block.data(), held);
    return {};
  }

  /// So that `bytes` of the file are at hand, less only at its end.
  Status Have(std::size_t bytes) {
    while (input.size() < bytes && !at_end) REPRO_RETURN_IF_ERROR(Refill());
    return {};
  }

  template <class... Args>
  tl::unexpected<Error> Damaged(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kCorrupt, "{}: damaged at byte {} of the file: {}", path.string(),
                offset(), fmt::format(format, std::forward<Args>(args)...));
  }

  /// Behind a member: at the next one, or at the end. Zeros fill up the blocks of a tape.
  Status FindMember() {
    REPRO_RETURN_IF_ERROR(Have(1));
    while (!input.empty() && input.front() == '\0') {
      input.remove_prefix(std::min(input.find_first_not_of('\0'), input.size()));
      REPRO_RETURN_IF_ERROR(Have(1));
    }
    REPRO_RETURN_IF_ERROR(Have(kMagicBytes));
    if (input.empty()) return {};
    if (PackingOf(input) != packing &&
        packing != Packing::kZstd) {  // zstd has frames to be skipped
      if (extent == Extent::kPrefix && at_end && input.size() < kMagicBytes) return {};
      return Damaged("what follows is no {}", PackingName(packing));
    }
    unpacker->Reset();
    in_member = true;
    member_start = offset();
    return {};
  }

  Result<std::size_t> Read(std::span<char> into) {
    if (packing == Packing::kNone) {
      REPRO_RETURN_IF_ERROR(Have(1));
      const std::size_t bytes = std::min(input.size(), into.size());
      std::copy_n(input.data(), bytes, into.data());
      input.remove_prefix(bytes);
      return bytes;
    }
    std::span<char> room = into;
    while (room.size() == into.size()) {
      if (!in_member) {
        REPRO_RETURN_IF_ERROR(FindMember());
        if (!in_member) return std::size_t{0};
      }
      REPRO_RETURN_IF_ERROR(Have(1));
      const std::size_t before = input.size();
      const auto end = unpacker->Step(input, room);
      if (!end) return Damaged("{}", end.error());
      if (*end == Unpacker::End::kMember) {
        in_member = false;
      } else if (at_end && input.empty() && room.size() == into.size()) {
        if (extent == Extent::kPrefix) return std::size_t{0};
        return Damaged("the file ends in the middle of what is packed with {}",
                       PackingName(packing));
      } else {
        REPRO_CHECK(before != input.size() || room.size() != into.size() || !at_end);
      }
    }
    return into.size() - room.size();
  }

  std::filesystem::path path;
  int fd = -1;
  Packing packing = Packing::kNone;
  Extent extent = Extent::kWhole;
  std::unique_ptr<Unpacker> unpacker;
  std::vector<char> block = std::vector<char>(kFileBlock);
  std::string_view input;        // of `block`: read and not used
  std::uint64_t read_bytes = 0;  // of the file
  bool at_end = false;
  bool in_member = false;
  std::uint64_t member_start = 0;
  std::optional<Error> error;
};

ByteSource::ByteSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;

Result<ByteSource> ByteSource::Open(const std::filesystem::path& path, Extent extent) {
  REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->extent = extent;
  impl->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (impl->fd < 0) return FailErrno("open", path.string());
  REPRO_RETURN_IF_ERROR(impl->Have(kMagicBytes));
  impl->packing = PackingOf(impl->input);
  impl->unpacker = MakeUnpacker(impl->packing);
  return ByteSource(std::move(impl));
}

Result<std::size_t> ByteSource::Read(std::span<char> into) {
  if (impl_->error) return tl::unexpected(*impl_->error);
  if (into.empty()) return std::size_t{0};
  auto bytes = impl_->Read(into);
  if (!bytes) impl_->error = bytes.error();
  return bytes;
}

Result<bool> ByteSource::Recover() {
  Impl& impl = *impl_;
  if (!impl.error || impl.error->code != ErrorCode::kCorrupt) return false;
  if (impl.packing != Packing::kGzip) return false;
  // What was unpacked of a damaged member may have been the next one: it is looked through again.
  const std::uint64_t from = impl.in_member ? impl.member_start + 1 : impl.offset();
  if (::lseek(impl.fd, static_cast<off_t>(from), SEEK_SET) < 0) {
    return FailErrno("seek in", impl.path.string());
  }
  impl.input = {};
  impl.read_bytes = from;
  impl.at_end = false;
  for (;;) {
    REPRO_RETURN_IF_ERROR(impl.Have(kGzipMagic.size()));
    const std::size_t found = impl.input.find(kGzipMagic);
    if (found != std::string_view::npos) {
      impl.input.remove_prefix(found);
      impl.error.reset();
      impl.in_member = false;
      return true;
    }
    if (impl.at_end) return false;
    const std::size_t kept = std::min(impl.input.size(), kGzipMagic.size() - 1);
    impl.input.remove_prefix(impl.input.size() - kept);
    REPRO_RETURN_IF_ERROR(impl.Refill());
  }
}

Packing ByteSource::packing() const {
  return impl_->packing;
}
Extent ByteSource::extent() const {
  return impl_->extent;
}
std::uint64_t ByteSource::file_offset() const {
  return impl_->offset();
}
const std::filesystem::path& ByteSource::path() const {
  return impl_->path;
}

}  // namespace repro
