#pragma once
/// Named ATen tensors in safetensors files.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/model/encoder.h"
#include "experiments/model/safetensors.h"

namespace repro {

/// A view of the tensor's bytes for the writer. The tensor must be contiguous, on the CPU, and
/// outlive the view.
TensorView ViewOf(const NamedTensor& tensor);

/// Tensors of any device and layout as the writer takes them: what is not contiguous or not on the
/// CPU is copied there, all of it at once (of a model on a GPU everything).
class PlainTensors {
 public:
  explicit PlainTensors(const std::vector<NamedTensor>& tensors);
  const std::vector<TensorView>& views() const { return views_; }  ///< live as long as this

 private:
  std::vector<at::Tensor> tensors_;
  std::vector<TensorView> views_;
};

/// Writes PlainTensors, atomically. Errors: kIo.
Status SaveTensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                   const std::map<std::string, std::string>& metadata = {});

/// A copy of one tensor of a file, on the CPU, in its own dtype.
at::Tensor ToTensor(const TensorView& view);

/// Copies a tensor of the file into `destination` (any device; floating types are converted).
/// Errors: kCorrupt when it is missing or its shape differs, naming file, tensor and both shapes.
Status CopyTensor(const SafetensorsFile& file, const std::string& name,
                  const at::Tensor& destination);

}  // namespace repro
