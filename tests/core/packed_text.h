#pragma once
/// Packed bytes for tests, made by the libraries that users' programs are made of.

#include <string>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/check.h"
#include "core/io/byte_source.h"

namespace repro::testing {

inline std::string Packed(Packing packing, const std::string& text) {
  if (packing == Packing::kNone) return text;
  std::string packed(text.size() + text.size() / 50 + 1024, '\0');
  if (packing == Packing::kGzip) {
    z_stream stream{};
    constexpr int kGzipWindow = 15 + 16;
    REPRO_CHECK(::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                               Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<unsigned int>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<unsigned int>(packed.size());
    REPRO_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    ::deflateEnd(&stream);
  } else if (packing == Packing::kZstd) {
    ZSTD_CCtx* const context = ::ZSTD_createCCtx();
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the program zstd does
    const std::size_t bytes =
        ::ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size());
    ::ZSTD_freeCCtx(context);
    REPRO_CHECK(::ZSTD_isError(bytes) == 0);
    packed.resize(bytes);
  } else if (packing == Packing::kXz) {
    std::size_t bytes = 0;
    REPRO_CHECK(::lzma_easy_buffer_encode(
                    /*preset=*/0, LZMA_CHECK_CRC64, nullptr,
                    reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                    reinterpret_cast<std::uint8_t*>(packed.data()), &bytes,
                    packed.size()) == LZMA_OK);
    packed.resize(bytes);
  } else {
    auto bytes = static_cast<unsigned int>(packed.size());
    REPRO_CHECK(::BZ2_bzBuffToBuffCompress(packed.data(), &bytes, const_cast<char*>(text.data()),
                                           static_cast<unsigned int>(text.size()), 9, 0,
                                           0) == BZ_OK);
    packed.resize(bytes);
  }
  return packed;
}

}  // namespace repro::testing
