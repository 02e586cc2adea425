#include "core/io/zstd_writer.h"

#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include "core/base/check.h"
#include "core/io/write_all.h"

namespace repro {

struct ZstdWriter::Impl {
  Impl(std::filesystem::path file, int descriptor) : path(std::move(file)), fd(descriptor) {}
  ~Impl() {
    ::ZSTD_freeCCtx(context);
    ::close(fd);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Compress(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{block.data(), block.size(), 0};
      const std::size_t left = ::ZSTD_compressStream2(context, &out, &in, directive);
      if (::ZSTD_isError(left) != 0) {
        return Fail(ErrorCode::kIo, "{}: zstd: {}", path.string(), ::ZSTD_getErrorName(left));
      }
      REPRO_RETURN_IF_ERROR(WriteAll(fd, {block.data(), out.pos}, path));
      if (directive == ZSTD_e_continue ? in.pos == in.size : left == 0) return {};
    }
  }

  std::filesystem::path path;
  int fd;
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  std::vector<char> block = std::vector<char>(::ZSTD_CStreamOutSize());
};

ZstdWriter::ZstdWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZstdWriter::ZstdWriter(ZstdWriter&&) noexcept = default;
ZstdWriter& ZstdWriter::operator=(ZstdWriter&&) noexcept = default;
ZstdWriter::~ZstdWriter() = default;

Result<ZstdWriter> ZstdWriter::Open(const std::filesystem::path& path, int level) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return FailErrno("create", path.string());
  auto impl = std::make_unique<Impl>(path, fd);
  REPRO_CHECK(impl->context != nullptr);
  ::ZSTD_CCtx_setParameter(impl->context, ZSTD_c_compressionLevel, level);
  ::ZSTD_CCtx_setParameter(impl->context, ZSTD_c_checksumFlag, 1);
  return ZstdWriter(std::move(impl));
}

Status ZstdWriter::Write(std::string_view bytes) {
  return impl_->Compress(bytes, ZSTD_e_continue);
}

Status ZstdWriter::Finish() {
  REPRO_RETURN_IF_ERROR(impl_->Compress({}, ZSTD_e_end));
  if (::fsync(impl_->fd) != 0) return FailErrno("fsync", impl_->path.string());
  return {};
}

}  // namespace repro
