#include "experiments/gpu_check/throughput.h"

#include <algorithm>
#include <optional>

#include <ATen/core/grad_mode.h>

#include "core/base/units.h"
#include "experiments/cuda/graph.h"
#include "experiments/gpu_check/bench_model.h"
#include "experiments/model/gpu_encoder.h"
#include "experiments/train/training_flops.h"

namespace repro {
namespace {

/// What is timed beside the plain path.
struct Variant {
  std::string name{};
  std::vector<GpuKernel> kernels{};
  bool graph = false;
  bool checkpoint = false;
};

std::vector<Variant> Variants() {
  std::vector<Variant> variants = {{.name = "plain"}};
  for (const GpuKernel kernel : kGpuKernels) {
    variants.push_back(
        {.name = "kernel " + std::string(RecordOf(kernel).name), .kernels = {kernel}});
  }
  variants.push_back({.name = "all kernels", .kernels = {kGpuKernels.begin(), kGpuKernels.end()}});
  variants.push_back({.name = "graph", .graph = true});
  variants.push_back({.name = "checkpointed layers", .checkpoint = true});
  return variants;
}

/// An update that never waits for the device: forward and backward over micro-batches, clipping by
/// the norm, AdamW, with the learning rate in a tensor.
class Update {
 public:
  Update(const BenchShape& shape, at::Device device, const MaskedBatch& batch,
         std::int64_t micro_batch, const GpuEncodeOptions& options)
      : model_(BenchModel(shape, device)), options_(options) {
    for (std::int64_t begin = 0; begin < batch.rows; begin += micro_batch) {
      const MaskedBatch part = Slice(batch, begin, std::min(begin + micro_batch, batch.rows));
      parts_.push_back(
          PackTokens(model_.encoder, IdsOf(part, part.inputs), IdsOf(part, part.targets)));
    }
    denominator_ = static_cast<double>(batch.predicted);
    const at::TensorOptions on = at::TensorOptions(at::kFloat).device(device);
    rate_ = at::full({}, 1e-5, on);
    for (const NamedTensor& parameter : Parameters(model_)) {
      leaves_.push_back(parameter.tensor);
      first_.push_back(at::zeros_like(parameter.tensor.detach()));
      second_.push_back(at::zeros_like(parameter.tensor.detach()));
      steps_.push_back(at::zeros({}, on));
    }
  }

  void Run() {
    for (at::Tensor& leaf : leaves_) leaf.mutable_grad().reset();
    at::Tensor sum;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      DropoutRng rng(seed_++);
      GpuEncodeOptions options = options_;
      options.dropout = &rng;
      const at::Tensor loss = UnpaddedMlmLoss(model_, parts_[i], options);
      (loss / denominator_).backward();
      sum = sum.defined() ? sum + loss.detach() : loss.detach();
    }
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> gradients;
    std::vector<at::Tensor> weights;
    for (const at::Tensor& leaf : leaves_) {
      gradients.push_back(leaf.grad());
      weights.push_back(leaf.detach());
    }
    const at::Tensor norm = at::stack(at::_foreach_norm(gradients, 2)).norm();
    at::_foreach_mul_(gradients, (1.0 / (norm + 1e-6)).clamp_max(1.0));
    at::_foreach_add_(steps_, 1);
    at::_fused_adamw_(weights, gradients, first_, second_, {}, steps_, rate_, 0.9, 0.98, 0.01, 1e-6,
                      /*amsgrad=*/false, /*maximize=*/false);
    for (const at::Tensor& weight : weights) weight.unsafeGetTensorImpl()->bump_version();
    loss_ = sum / denominator_;
  }

  double Loss() const { return loss_.item<double>(); }

 private:
  MlmModel model_;
  GpuEncodeOptions options_;
  std::vector<PackedTokens> parts_;
  double denominator_ = 1;
  at::Tensor rate_;
  std::vector<at::Tensor> leaves_;
  std::vector<at::Tensor> first_;
  std::vector<at::Tensor> second_;
  std::vector<at::Tensor> steps_;
  at::Tensor loss_;
  std::uint64_t seed_ = 1;
};

class Measurement {
 public:
  Measurement(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device)
      : plugin_(plugin), options_(options), device_(device) {}

  Json Run(const BenchShape& shape, const Variant& variant) {
    // Half the micro-batch where it does not fit.
    for (std::int64_t micro_batch = shape.rows / 4;; micro_batch /= 2) {
      try {
        return RunAt(shape, variant, micro_batch);
      } catch (const c10::OutOfMemoryError&) {
        if (micro_batch <= 1) throw;
        (void)plugin_.EmptyCache(device_.index());
      }
    }
  }

 private:
  void Wait() const {
    if (!device_.is_cuda()) return;
    if (const Status status = plugin_.Synchronize(device_.index()); !status) {
      throw std::runtime_error(status.error().message);
    }
  }
  static void Check(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
  }

  Json RunAt(const BenchShape& shape, const Variant& variant, std::int64_t micro_batch) {
    GpuKernels kernels;
    if (!variant.kernels.empty()) kernels = GpuKernels::ForParity(plugin_, variant.kernels);
    if (device_.is_cuda()) {
      (void)plugin_.EmptyCache(device_.index());
      (void)plugin_.ResetPeakMemory(device_.index());
    }
    const MaskedBatch batch = BenchBatch(shape, 1);
    Update update(shape, device_, batch, micro_batch,
                  {.dropout_path = variant.graph ? DropoutPath::kUnseeded : DropoutPath::kGenerator,
                   .bfloat16 = shape.bfloat16,
                   .checkpoint_layers = variant.checkpoint,
                   .kernels = variant.kernels.empty() ? nullptr : &kernels});
    std::optional<CudaGraph> graph;
    const int warm_up = 3;
    if (variant.graph) {
      auto created = CudaGraph::Create(plugin_, device_.index());
      if (!created) throw std::runtime_error(created.error().message);
      graph.emplace(std::move(*created));
      Check(graph->Enter());
      for (int i = 0; i < warm_up; ++i) update.Run();
      Check(graph->BeginCapture());
      update.Run();
      Check(graph->EndCapture());
      Check(graph->Leave());
      Check(graph->Replay());
    } else {
      for (int i = 0; i < warm_up; ++i) update.Run();
    }
    Wait();
    std::vector<double> seconds;
    const int repetitions = options_.self_test ? 2 : 7;
    for (int i = 0; i < repetitions; ++i) {
      const double begin = SteadySeconds();
      if (graph) {
        Check(graph->Replay());
      } else {
        update.Run();
      }
      Wait();
      seconds.push_back(SteadySeconds() - begin);
    }
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    const double flops = TrainingFlops(shape.Model(), batch.lengths, batch.predicted) / median;
    Json result = {{"size", shape.name},
                   {"variant", variant.name},
                   {"dtype", shape.bfloat16 ? "bfloat16" : "float32"},
                   {"parameters", MlmParameters(shape.Model())},
                   {"tokens", batch.tokens},
                   {"predicted", batch.predicted},
                   {"tokens_per_sequence", shape.tokens},
                   {"micro_batch", micro_batch},
                   {"micro_batches", (shape.rows + micro_batch - 1) / micro_batch},
                   {"seconds", median},
                   {"fastest_seconds", seconds.front()},
                   {"slowest_seconds", seconds.back()},
                   {"tokens_per_second", static_cast<double>(batch.tokens) / median},
                   {"model_flops_per_second", flops},
                   {"loss", update.Loss()}};
    std::string utilisation;
    if (device_.is_cuda()) {
      if (const auto memory = plugin_.Memory(device_.index())) {
        result["peak_memory_bytes"] = memory->peak_bytes;
      }
      const CudaDevice& gpu = plugin_.devices()[static_cast<std::size_t>(device_.index())];
      if (const auto peak = PeakBfloat16Flops(gpu.name)) {
        result["mfu"] = flops / *peak;
        utilisation = fmt::format(", MFU {:.1f} %", 100 * flops / *peak);
      }
    }
    options_.say(fmt::format("throughput {} {}: {:.0f} tokens/s{}", shape.name, variant.name,
                             static_cast<double>(batch.tokens) / median, utilisation));
    return result;
  }

  const CudaPlugin& plugin_;
  const GpuCheckOptions& options_;
  at::Device device_;
};

}  // namespace

Json MeasureThroughput(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device,
                       double deadline) {
  std::vector<BenchShape> shapes = {BaseBenchShape(), LargeBenchShape()};
  if (options.self_test) shapes = {TinyBenchShape()};
  Json results = Json::array();
  Measurement measurement(plugin, options, device);
  for (const BenchShape& shape : shapes) {
    for (const Variant& variant : Variants()) {
      Json named = {{"size", shape.name}, {"variant", variant.name}};
      if (options.self_test && (variant.graph || !variant.kernels.empty())) {
        named["skipped"] = "needs a GPU";
      } else if (SteadySeconds() > deadline) {
        named["skipped"] = "out of time";
      } else {
        try {
          named = measurement.Run(shape, variant);
        } catch (const std::exception& error) {
          named["passed"] = false;
          named["error"] = error.what();
          options.say(
              fmt::format("throughput {} {}: FAILED: {}", shape.name, variant.name, error.what()));
        }
      }
      results.push_back(std::move(named));
    }
  }
  return results;
}

}  // namespace repro
