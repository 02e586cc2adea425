#include "experiments/model/tensor_file.h"

#include <cstring>

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include "core/base/check.h"

namespace repro {
namespace {

at::ScalarType ToScalarType(TensorType type) {
  switch (type) {
    case TensorType::kF64:
      return at::kDouble;
    case TensorType::kF32:
      return at::kFloat;
    case TensorType::kF16:
      return at::kHalf;
    case TensorType::kBF16:
      return at::kBFloat16;
    case TensorType::kI64:
      return at::kLong;
    case TensorType::kI32:
      return at::kInt;
    case TensorType::kI16:
      return at::kShort;
    case TensorType::kI8:
      return at::kChar;
    case TensorType::kU8:
      return at::kByte;
    case TensorType::kBool:
      return at::kBool;
  }
  REPRO_CHECK(false);
}

TensorType ToTensorType(at::ScalarType type) {
  for (int i = 0; i <= static_cast<int>(TensorType::kBool); ++i) {
    if (ToScalarType(static_cast<TensorType>(i)) == type) return static_cast<TensorType>(i);
  }
  REPRO_CHECK(false);
}

}  // namespace

TensorView ViewOf(const NamedTensor& tensor) {
  const at::Tensor& values = tensor.tensor;
  REPRO_CHECK(values.is_contiguous() && values.device().is_cpu());
  return {.name = tensor.name,
          .type = ToTensorType(values.scalar_type()),
          .shape = values.sizes().vec(),
          .bytes = {static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()}};
}

PlainTensors::PlainTensors(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& tensor : tensors) {
    tensors_.push_back(tensor.tensor.detach().cpu().contiguous());
    views_.push_back(ViewOf({tensor.name, tensors_.back()}));
  }
}

Status SaveTensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                   const std::map<std::string, std::string>& metadata) {
  return WriteSafetensors(path, PlainTensors(tensors).views(), metadata);
}

at::Tensor ToTensor(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, ToScalarType(view.type));
  if (!view.bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  }
  return tensor;
}

Status CopyTensor(const SafetensorsFile& file, const std::string& name,
                  const at::Tensor& destination) {
  const TensorView* view = file.Find(name);
  if (view == nullptr) {
    return Fail(ErrorCode::kCorrupt, "{}: no tensor '{}'", file.path().string(), name);
  }
  const at::ScalarType type = ToScalarType(view->type);
  if (destination.sizes() != at::IntArrayRef(view->shape) ||
      at::isFloatingType(type) != at::isFloatingType(destination.scalar_type())) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is {} {}, expected a floating type of {}",
                file.path().string(), name, TensorTypeName(view->type), view->shape,
                destination.sizes().vec());
  }
  const at::NoGradGuard no_grad;
  destination.copy_(ToTensor(*view));
  return {};
}

}  // namespace repro
