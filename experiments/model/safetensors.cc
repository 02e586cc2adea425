#include "experiments/model/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/write_all.h"

namespace repro {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own reader

struct TypeFacts {
  TensorType type;
  std::string_view name;
  std::int64_t size;
};
constexpr std::array<TypeFacts, 10> kTypes = {{{TensorType::kF64, "F64", 8},
                                               {TensorType::kF32, "F32", 4},
                                               {TensorType::kF16, "F16", 2},
                                               {TensorType::kBF16, "BF16", 2},
                                               {TensorType::kI64, "I64", 8},
                                               {TensorType::kI32, "I32", 4},
                                               {TensorType::kI16, "I16", 2},
                                               {TensorType::kI8, "I8", 1},
                                               {TensorType::kU8, "U8", 1},
                                               {TensorType::kBool, "BOOL", 1}}};

const TypeFacts& Facts(TensorType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

// Product of the sizes times the element size, or nothing when it is negative or does not fit.
bool ByteCount(const std::vector<std::int64_t>& shape, TensorType type, std::uint64_t& bytes) {
  std::int64_t product = TensorTypeSize(type);
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(product, size, &product)) return false;
  }
  bytes = static_cast<std::uint64_t>(product);
  return true;
}

struct Entry {
  TensorView view;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Result<Entry> ParseEntry(const std::string& where, const std::string& name, const Json& value,
                         std::uint64_t data_bytes) {
  const auto bad = [&](std::string_view what) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': {}", where, name, what);
  };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return bad("expected an object with dtype, shape and data_offsets");
  }
  const Json& dtype = value["dtype"];
  const Json& shape = value["shape"];
  const Json& offsets = value["data_offsets"];
  if (!dtype.is_string()) return bad("dtype is not a string");
  const auto facts = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeFacts& type) {
    return type.name == dtype.get_ref<const std::string&>();
  });
  if (facts == kTypes.end()) {
    return bad(fmt::format("unknown dtype '{}'", dtype.get_ref<const std::string&>()));
  }
  Entry entry;
  entry.view.name = name;
  entry.view.type = facts->type;
  if (!shape.is_array()) return bad("shape is not a list");
  for (const Json& size : shape) {
    // Beyond int64 the parser hands out an unsigned number whose get<int64_t>() would wrap.
    if (!size.is_number_integer() || size.get<std::int64_t>() < 0) {
      return bad("shape holds something that is not a size");
    }
    entry.view.shape.push_back(size.get<std::int64_t>());
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return bad("data_offsets is not a pair of non-negative integers");
  }
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  std::uint64_t bytes = 0;
  if (!ByteCount(entry.view.shape, entry.view.type, bytes)) return bad("shape is too large");
  if (entry.begin > entry.end || entry.end > data_bytes) {
    return bad(fmt::format("data_offsets [{}, {}] lie outside the {} data bytes of the file",
                           entry.begin, entry.end, data_bytes));
  }
  if (entry.end - entry.begin != bytes) {
    return bad(fmt::format("data_offsets span {} bytes, shape and dtype need {}",
                           entry.end - entry.begin, bytes));
  }
  return entry;
}

// Straight from the views' memory, nothing is copied: weights can be larger than what is free.
// (Those on a GPU were copied to the host before, all of them: PlainTensors of tensor_file.h.)
Status WriteTensorFile(const std::filesystem::path& path, std::uint64_t header_bytes,
                       const std::string& header, const std::vector<TensorView>& tensors) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return FailErrno("open", path.string());
  Status status =
      WriteAll(fd, {reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes}, path);
  if (status) status = WriteAll(fd, header, path);
  for (const TensorView& tensor : tensors) {
    if (status)
      status = WriteAll(
          fd, {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()}, path);
  }
  if (status && ::fsync(fd) != 0) status = FailErrno("fsync", path.string());
  if (::close(fd) != 0 && status) status = FailErrno("close", path.string());
  return status;
}

// Mapped files are read in blocks whose pages come back afterwards.
constexpr std::size_t kMappedBlock = 8 << 20;

// Gives back the whole pages inside a block of a mapping, which is read-only and of a file.
void DropPages(std::span<const std::byte> block) {
  static const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before =
      (kPage - reinterpret_cast<std::uintptr_t>(block.data()) % kPage) % kPage;
  if (block.size() < before + kPage) return;
  const std::size_t whole = (block.size() - before) / kPage * kPage;
  ::madvise(const_cast<std::byte*>(block.data()) + before, whole, MADV_DONTNEED);
}

// The first element whose exponent has all its bits set: NaN or infinity. Tensors of a file need
// not be aligned.
template <class Bits>
std::optional<std::int64_t> FirstOfExponent(std::span<const std::byte> bytes, Bits exponent) {
  const auto is_one = [&](std::size_t i) {
    Bits value;
    std::memcpy(&value, bytes.data() + i * sizeof(Bits), sizeof value);
    return (value & exponent) == exponent;
  };
  const std::size_t count = bytes.size() / sizeof(Bits);
  constexpr std::size_t kStep = kMappedBlock / sizeof(Bits);
  for (std::size_t begin = 0; begin < count; begin += kStep) {
    const std::size_t end = std::min(begin + kStep, count);
    bool any = false;  // without a branch: the compiler takes many at once
    for (std::size_t i = begin; i < end; ++i) any |= is_one(i);
    for (std::size_t i = begin; any && i < end; ++i) {
      if (is_one(i)) return static_cast<std::int64_t>(i);
    }
    DropPages(bytes.subspan(begin * sizeof(Bits), (end - begin) * sizeof(Bits)));
  }
  return std::nullopt;
}

}  // namespace

std::string_view TensorTypeName(TensorType type) {
  return Facts(type).name;
}
std::int64_t TensorTypeSize(TensorType type) {
  return Facts(type).size;
}

class SafetensorsFile::Mapping {
 public:
  static Result<std::unique_ptr<Mapping>> Open(const std::filesystem::path& path) {
    REPRO_RETURN_IF_ERROR(CheckPlainFile(path));
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return FailErrno("open", path.string());
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      auto error = FailErrno("fstat", path.string());
      ::close(fd);
      return error;
    }
    auto mapping = std::make_unique<Mapping>();
    mapping->size_ = static_cast<std::size_t>(info.st_size);
    if (mapping->size_ > 0) {
      void* data = ::mmap(nullptr, mapping->size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data == MAP_FAILED) {
        auto error = FailErrno("mmap", path.string());
        mapping->size_ = 0;
        ::close(fd);
        return error;
      }
      mapping->data_ = static_cast<const std::byte*>(data);
    }
    ::close(fd);
    return mapping;
  }
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

SafetensorsFile::SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;
SafetensorsFile::~SafetensorsFile() = default;

Result<SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.path_ = path;
  REPRO_ASSIGN_OR_RETURN(file.mapping_, Mapping::Open(path));
  const std::string where = path.string();
  const std::span<const std::byte> bytes = file.mapping_->bytes();
  if (bytes.size() < 8) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes are too few for a safetensors file", where,
                bytes.size());
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  if (header_bytes > bytes.size() - 8) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the header claims {} bytes, but the file has {} (cut short, or no "
                "safetensors file)",
                where, header_bytes, bytes.size());
  }
  if (header_bytes > kMaxHeaderBytes) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the header claims {} bytes, more than the {} that the format allows (no "
                "safetensors file)",
                where, header_bytes, kMaxHeaderBytes);
  }
  const std::string_view header_text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  REPRO_ASSIGN_OR_RETURN(const Json header,
                         ParseJsonOfUniqueNames(header_text, where + " (header)"));
  if (!header.is_object()) return Fail(ErrorCode::kCorrupt, "{}: header is no object", where);
  const std::span<const std::byte> data = bytes.subspan(8 + header_bytes);

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) {
        return Fail(ErrorCode::kCorrupt, "{}: __metadata__ is no object", where);
      }
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) {
          return Fail(ErrorCode::kCorrupt, "{}: metadata '{}' is not a string", where, key);
        }
        file.metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    REPRO_ASSIGN_OR_RETURN(Entry entry, ParseEntry(where, name, value, data.size()));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.view.name) < std::tie(b.begin, b.end, b.view.name);
  });
  std::uint64_t expected = 0;
  for (Entry& entry : entries) {
    if (entry.begin != expected) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' begins at {}, the one before ends at {}",
                  where, entry.view.name, entry.begin, expected);
    }
    expected = entry.end;
    entry.view.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    file.by_name_[entry.view.name] = file.tensors_.size();
    file.tensors_.push_back(std::move(entry.view));
  }
  if (expected != data.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes follow the last tensor", where,
                data.size() - expected);
  }
  return file;
}

const TensorView* SafetensorsFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

bool SameMappedBytes(const TensorView& a, const TensorView& b) {
  if (a.bytes.size() != b.bytes.size()) return false;
  for (std::size_t at = 0; at < a.bytes.size(); at += kMappedBlock) {
    const std::size_t size = std::min(kMappedBlock, a.bytes.size() - at);
    const auto left = a.bytes.subspan(at, size);
    const auto right = b.bytes.subspan(at, size);
    if (std::memcmp(left.data(), right.data(), size) != 0) return false;
    DropPages(left);
    DropPages(right);
  }
  return true;
}

std::optional<std::int64_t> FirstNonFinite(const TensorView& tensor) {
  switch (tensor.type) {
    case TensorType::kF64:
      return FirstOfExponent<std::uint64_t>(tensor.bytes, 0x7FF0'0000'0000'0000U);
    case TensorType::kF32:
      return FirstOfExponent<std::uint32_t>(tensor.bytes, 0x7F80'0000U);
    case TensorType::kF16:
      return FirstOfExponent<std::uint16_t>(tensor.bytes, 0x7C00U);
    case TensorType::kBF16:
      return FirstOfExponent<std::uint16_t>(tensor.bytes, 0x7F80U);
    default:
      return std::nullopt;
  }
}

Status WriteSafetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    std::uint64_t bytes = 0;
    if (!ByteCount(tensor.shape, tensor.type, bytes) || bytes != tensor.bytes.size()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: tensor '{}' has {} bytes, its shape needs {}",
                  path.string(), tensor.name, tensor.bytes.size(), bytes);
    }
    if (tensor.name == "__metadata__" || header.contains(tensor.name)) {
      return Fail(ErrorCode::kInvalidArgument, "{}: tensor name '{}' is taken", path.string(),
                  tensor.name);
    }
    header[tensor.name] = {{"dtype", TensorTypeName(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = CanonicalJson(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensor bytes start at a multiple of 8
  const std::uint64_t header_bytes = text.size();
  const std::filesystem::path temporary = path.string() + ".tmp." + std::to_string(::getpid());
  Status written = WriteTensorFile(temporary, header_bytes, text, tensors);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = FailErrno("rename", path.string());
    ::unlink(temporary.c_str());
    return error;
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : ".");
}

}  // namespace repro
