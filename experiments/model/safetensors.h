#pragma once
/// Reader and writer of safetensors files (8 bytes little-endian header length, JSON header, tensor
/// bytes). No LibTorch, nothing is ever executed or unpickled. The reader trusts no byte: a
/// damaged, cut, oversized or lying header is an error that names the file and the tensor.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

enum class TensorType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

/// "F32", ...; bytes of one element.
std::string_view TensorTypeName(TensorType type);
std::int64_t TensorTypeSize(TensorType type);

/// One tensor of a file: row-major, little-endian. `bytes` lives as long as the file object (or
/// what was given to the writer).
struct TensorView {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A file mapped into memory, read-only. Movable; thread-safe to read.
class SafetensorsFile {
 public:
  /// Checks the whole header: length within the file and at most 100 MB, JSON of the right form,
  /// no name twice, known types, shapes that multiply to the stated bytes without overflow, ranges
  /// inside the file, in order and without gap or overlap (the format's rule). Errors: kNotFound,
  /// kIo (or no plain file), kCorrupt.
  static Result<SafetensorsFile> Open(const std::filesystem::path& path);

  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
  ~SafetensorsFile();

  /// In order of offset.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// Null when there is none of that name.
  const TensorView* Find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  class Mapping;
  SafetensorsFile();
  std::filesystem::path path_;
  std::unique_ptr<Mapping> mapping_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

/// Whether two tensors hold the same bytes. Gives the pages of mapped files back as it goes, so
/// that comparing matrices of gigabytes takes no memory. Only for views of a SafetensorsFile.
bool SameMappedBytes(const TensorView& a, const TensorView& b);

/// The place (row-major) of the first element that is NaN or infinite; nothing when all are finite
/// or of a type without such values. Reads the tensor once and gives the pages back, as
/// SameMappedBytes.
std::optional<std::int64_t> FirstNonFinite(const TensorView& tensor);

/// Writes atomically (temp file, fsync, rename). The same tensors in the same order give the same
/// bytes. Straight from the tensors' memory, so mapped ones are never whole in memory either.
/// Errors: kInvalidArgument when a shape and its bytes disagree or a name repeats, else kIo.
Status WriteSafetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                        const std::map<std::string, std::string>& metadata = {});

}  // namespace repro
