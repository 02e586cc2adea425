#include "experiments/gpu_check/throughput.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "core/base/units.h"
#include "experiments/cuda/graph.h"
#include "experiments/gpu_check/bench_model.h"
#include "experiments/model/gpu_encoder.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/train/train_step.h"
#include "experiments/train/training_flops.h"

namespace repro {
namespace {

// Of a learning rate that moves weights, yet never far.
constexpr double kLearningRate = 1e-5;
constexpr double kClipNorm = 1;

/// Which update is timed.
enum class Timed {
  kTrainStep,    ///< what the trainer runs
  kFixedUpdate,  ///< FixedUpdate
  kGraph,        ///< FixedUpdate, recorded and replayed
};

struct Variant {
  std::string name{};
  Timed timed = Timed::kTrainStep;
  std::vector<GpuKernel> kernels{};
  bool checkpoint = false;
};

std::vector<Variant> Variants() {
  std::vector<Variant> variants = {{.name = "plain"}};
  for (const GpuKernel kernel : kGpuKernels) {
    variants.push_back(
        {.name = "kernel " + std::string(RecordOf(kernel).name), .kernels = {kernel}});
  }
  variants.push_back({.name = "all kernels", .kernels = {kGpuKernels.begin(), kGpuKernels.end()}});
  std::vector<GpuKernel> switched_on;  // what the trainer runs where it is not "plain"
  for (const GpuKernel kernel : kGpuKernels) {
    if (RecordOf(kernel).Passed()) switched_on.push_back(kernel);
  }
  if (!switched_on.empty()) {
    variants.push_back({.name = "kernels switched on", .kernels = std::move(switched_on)});
  }
  variants.push_back({.name = "checkpointed layers", .checkpoint = true});
  variants.push_back({.name = "fixed update", .timed = Timed::kFixedUpdate});
  variants.push_back({.name = "fixed update, graph", .timed = Timed::kGraph});
  return variants;
}

struct DoesNotFit : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An update of one batch, again and again, and its loss. Run throws DoesNotFit or what LibTorch
/// throws where memory runs out.
class TimedUpdate {
 public:
  TimedUpdate() = default;
  TimedUpdate(const TimedUpdate&) = delete;
  TimedUpdate& operator=(const TimedUpdate&) = delete;
  virtual ~TimedUpdate() = default;
  virtual void Run() = 0;
  virtual double Loss() const = 0;
};

/// TrainStep as the trainer calls it, the batch at hand.
class TrainerUpdate : public TimedUpdate {
 public:
  TrainerUpdate(const MlmModel& model, const MaskedBatch& batch, std::int64_t micro_batch)
      : model_(model), batch_(batch), optimizer_(Parameters(model), {}) {
    options_.sequences_per_micro_batch = micro_batch;
    options_.clip_norm = kClipNorm;
    options_.languages = 1;
  }

  void Run() override {
    ++options_.dropout_seed;
    const auto step = TrainStep(model_, optimizer_, batch_, kLearningRate, options_);
    if (!step) throw std::runtime_error(step.error().message);
    if (!step->out_of_memory.empty()) throw DoesNotFit(step->out_of_memory);
    loss_ = step->loss;
  }
  double Loss() const override { return loss_; }

 private:
  const MlmModel& model_;
  const MaskedBatch& batch_;
  AdamW optimizer_;
  TrainStepOptions options_;
  double loss_ = 0;
};

/// What of an update a graph can record: the same operations on tensors that lie on the device
/// already, nothing read back, no check of the loss, the learning rate in a tensor, dropout that is
/// not seeded. The most that a graph could win is the difference between this launched and this
/// replayed; it is no training that can be resumed.
class FixedUpdate : public TimedUpdate {
 public:
  FixedUpdate(const MlmModel& model, const MaskedBatch& batch, std::int64_t micro_batch)
      : model_(model), denominator_(static_cast<double>(batch.predicted)) {
    for (std::int64_t begin = 0; begin < batch.rows; begin += micro_batch) {
      const MaskedBatch part = Slice(batch, begin, std::min(begin + micro_batch, batch.rows));
      parts_.push_back(
          PackTokens(model_.encoder, IdsOf(part, part.inputs), IdsOf(part, part.targets)));
    }
    const at::TensorOptions on =
        at::TensorOptions(at::kFloat).device(model.encoder.word_embeddings_VC.device());
    rate_ = at::full({}, kLearningRate, on);
    for (const NamedTensor& parameter : Parameters(model_)) {
      leaves_.push_back(parameter.tensor);
      first_.push_back(at::zeros_like(parameter.tensor.detach()));
      second_.push_back(at::zeros_like(parameter.tensor.detach()));
      steps_.push_back(at::zeros({}, on));
    }
  }

  void Run() override {
    for (at::Tensor& leaf : leaves_) leaf.mutable_grad().reset();
    at::Tensor sum;
    for (const PackedTokens& part : parts_) {
      DropoutRng rng(1);
      GpuEncodeOptions options = DefaultGpuOptions(model_.encoder, &rng);
      options.dropout_path = DropoutPath::kUnseeded;
      const at::Tensor loss = UnpaddedMlmLoss(model_, part, options);
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
    at::_foreach_mul_(gradients, (kClipNorm / (norm + 1e-6)).clamp_max(1.0));
    at::_foreach_add_(steps_, 1);
    at::_fused_adamw_(weights, gradients, first_, second_, {}, steps_, rate_, 0.9, 0.98, 0.01, 1e-6,
                      /*amsgrad=*/false, /*maximize=*/false);
    for (const at::Tensor& weight : weights) weight.unsafeGetTensorImpl()->bump_version();
    loss_ = sum / denominator_;
  }
  double Loss() const override { return loss_.item<double>(); }

 private:
  const MlmModel& model_;
  double denominator_;
  std::vector<PackedTokens> parts_;
  at::Tensor rate_;
  std::vector<at::Tensor> leaves_;
  std::vector<at::Tensor> first_;
  std::vector<at::Tensor> second_;
  std::vector<at::Tensor> steps_;
  at::Tensor loss_;
};

class Measurement {
 public:
  Measurement(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device)
      : plugin_(plugin), options_(options), device_(device) {}

  Json Run(const BenchShape& shape, const Variant& variant) {
    for (std::int64_t micro_batch = shape.rows / 4;;) {
      std::string reason;
      try {
        return RunAt(shape, variant, micro_batch);
      } catch (const DoesNotFit& error) {
        reason = error.what();
      } catch (const std::exception& error) {
        if (!IsOutOfMemory(error)) throw;
        reason = WordsOf(error);
      }
      const auto half = HalfAsMany(micro_batch, shape.rows, "sequence", reason);
      if (!half) throw std::runtime_error(half.error().message);
      options_.say(
          fmt::format("throughput {} {}: {} sequences at a time do not fit, going on with {}",
                      shape.name, variant.name, micro_batch, *half));
      micro_batch = *half;
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

  // The update's launches, recorded after a few that warm up.
  CudaGraph Record(TimedUpdate& update, int warm_up) const {
    auto created = CudaGraph::Create(plugin_, device_.index());
    if (!created) throw std::runtime_error(created.error().message);
    CudaGraph graph = std::move(*created);
    Check(graph.Enter());
    for (int i = 0; i < warm_up; ++i) update.Run();
    Check(graph.BeginCapture());
    update.Run();
    Check(graph.EndCapture());
    Check(graph.Leave());
    return graph;
  }

  Json RunAt(const BenchShape& shape, const Variant& variant, std::int64_t micro_batch) {
    GpuKernels kernels;
    if (!variant.kernels.empty()) kernels = GpuKernels::ForParity(plugin_, variant.kernels);
    if (device_.is_cuda()) {
      (void)plugin_.EmptyCache(device_.index());
      (void)plugin_.ResetPeakMemory(device_.index());
    }
    const MaskedBatch batch = BenchBatch(shape, 1);
    MlmModel model = BenchModel(shape, device_);
    model.encoder.checkpoint_layers = variant.checkpoint;
    model.encoder.kernels = &kernels;  // none but the variant's: plain stays plain
    std::unique_ptr<TimedUpdate> update;
    if (variant.timed == Timed::kTrainStep) {
      update = std::make_unique<TrainerUpdate>(model, batch, micro_batch);
    } else {
      update = std::make_unique<FixedUpdate>(model, batch, micro_batch);
    }
    std::optional<CudaGraph> graph;
    const int warm_up = 3;
    if (variant.timed == Timed::kGraph) {
      graph.emplace(Record(*update, warm_up));
      Check(graph->Replay());
    } else {
      for (int i = 0; i < warm_up; ++i) update->Run();
    }
    Wait();
    std::vector<double> seconds;
    const int repetitions = options_.self_test ? 2 : 7;
    for (int i = 0; i < repetitions; ++i) {
      const double begin = SteadySeconds();
      if (graph) {
        Check(graph->Replay());
      } else {
        update->Run();
      }
      Wait();
      seconds.push_back(SteadySeconds() - begin);
    }
    std::sort(seconds.begin(), seconds.end());
    return Report(shape, variant, batch, micro_batch, seconds, update->Loss());
  }

  // `seconds` sorted.
  Json Report(const BenchShape& shape, const Variant& variant, const MaskedBatch& batch,
              std::int64_t micro_batch, const std::vector<double>& seconds, double loss) const {
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
                   {"loss", loss}};
    std::string utilisation;
    if (device_.is_cuda()) {
      if (const auto peak = plugin_.PeakMemory(device_.index())) {
        result["peak_memory_bytes"] = *peak;
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
      if (options.self_test && (variant.timed == Timed::kGraph || !variant.kernels.empty())) {
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
