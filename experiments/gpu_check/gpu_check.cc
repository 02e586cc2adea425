#include "experiments/gpu_check/gpu_check.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "core/base/units.h"
#include "experiments/gpu_check/bench_model.h"
#include "experiments/gpu_check/parity.h"
#include "experiments/gpu_check/throughput.h"
#include "experiments/model/device.h"
#include "experiments/train/checkpoint.h"
#include "experiments/train/train_step.h"

namespace repro {
namespace {

TrainStepOptions StepOptions(std::int64_t update, std::int64_t rows) {
  return {.sequences_per_micro_batch = rows,
          .clip_norm = 1,
          .dropout_seed = 1000 + static_cast<std::uint64_t>(update)};
}

// `from` .. `to`; the batch of an update is drawn from its number.
Status Train(const MlmModel& model, AdamW& optimizer, const BenchShape& shape, std::int64_t from,
             std::int64_t to) {
  for (std::int64_t update = from; update < to; ++update) {
    const MaskedBatch batch = BenchBatch(shape, static_cast<std::uint64_t>(update));
    REPRO_ASSIGN_OR_RETURN(const StepReport step, TrainStep(model, optimizer, batch, 1e-3,
                                                            StepOptions(update, shape.rows / 2)));
    if (!step.out_of_memory.empty()) return Fail(ErrorCode::kFailed, "{}", step.out_of_memory);
  }
  return {};
}

Result<bool> SameAfterResume(const BenchShape& shape, at::Device device, bool reproducible_dropout,
                             const std::filesystem::path& folder) {
  constexpr std::int64_t kUpdates = 6;
  constexpr std::int64_t kStop = 3;
  const auto fresh = [&] {
    MlmModel model = BenchModel(shape, device);
    model.encoder.reproducible_dropout = reproducible_dropout;
    return model;
  };
  const MlmModel undisturbed = fresh();
  AdamW optimizer(Parameters(undisturbed), {});
  REPRO_RETURN_IF_ERROR(Train(undisturbed, optimizer, shape, 0, kUpdates));
  {
    const MlmModel first = fresh();
    AdamW first_optimizer(Parameters(first), {});
    REPRO_RETURN_IF_ERROR(Train(first, first_optimizer, shape, 0, kStop));
    REPRO_RETURN_IF_ERROR(SaveCheckpoint(folder, first_optimizer, kStop, "{}", 1));
  }
  const MlmModel second = fresh();
  AdamW second_optimizer(Parameters(second), {});
  const RestoreOutcome outcome = RestoreCheckpoint(folder, second_optimizer);
  if (!outcome.restored || outcome.restored->update != kStop) {
    return Fail(ErrorCode::kFailed, "the checkpoint of update {} was not restored", kStop);
  }
  REPRO_RETURN_IF_ERROR(Train(second, second_optimizer, shape, kStop, kUpdates));
  const auto expected = Parameters(undisturbed);
  const auto found = Parameters(second);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!at::equal(expected[i].tensor, found[i].tensor)) return false;
  }
  return true;
}

Json CheckResume(const GpuCheckOptions& options, at::Device device) {
  BenchShape shape = options.self_test ? TinyBenchShape() : SmallBenchShape();
  Json result = Json::array();
  // What the trainer runs with `reproducible_dropout`; and fused attention, which takes the same
  // deterministic algorithms.
  for (const bool reproducible_dropout : {true, false}) {
    for (const bool bfloat16 : {false, true}) {
      shape.bfloat16 = bfloat16;
      const std::string dtype = bfloat16 ? "bfloat16" : "float32";
      Json one = {{"dtype", dtype}, {"reproducible_dropout", reproducible_dropout}};
      const std::filesystem::path folder =
          options.scratch / (dtype + (reproducible_dropout ? "-keyed" : ""));
      std::filesystem::create_directories(folder);
      const auto same = SameAfterResume(shape, device, reproducible_dropout, folder);
      one["passed"] = same.has_value() && *same;
      if (!same) one["error"] = same.error().message;
      options.say(fmt::format("resume {}{}: {}", dtype,
                              reproducible_dropout ? ", reproducible dropout" : "",
                              one["passed"].get<bool>() ? "same bits" : "FAILED"));
      result.push_back(std::move(one));
    }
  }
  return result;
}

std::vector<at::Tensor> CopiesOfGradients(const MlmModel& model) {
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : Parameters(model)) {
    gradients.push_back(parameter.tensor.grad().clone());
  }
  return gradients;
}

// One update of rate 0 at `rows` a time, from fresh gradients: only its gradients count. False when
// it did not fit.
Result<bool> StepOfRateZero(const MlmModel& model, const MaskedBatch& batch, std::int64_t rows) {
  AdamWOptions adam;
  adam.weight_decay = 0;
  AdamW optimizer(Parameters(model), adam);
  TrainStepOptions options = StepOptions(0, rows);
  options.clip_norm = 0;
  REPRO_ASSIGN_OR_RETURN(const StepReport step, TrainStep(model, optimizer, batch, 0, options));
  return step.out_of_memory.empty();
}

// Once with all the memory there is; the bytes that it took at its peak.
Result<std::int64_t> PeakOfWhole(const CudaPlugin& plugin, int device, const MlmModel& model,
                                 const MaskedBatch& batch) {
  REPRO_RETURN_IF_ERROR(plugin.EmptyCache(device));
  REPRO_RETURN_IF_ERROR(plugin.ResetPeakMemory(device));
  REPRO_ASSIGN_OR_RETURN(const bool fits, StepOfRateZero(model, batch, batch.rows));
  if (!fits) return Fail(ErrorCode::kFailed, "the check's own batch does not fit this GPU");
  return plugin.PeakMemory(device);
}

// Lifts the limit however its scope is left: StepOfRateZero also throws.
class WholeMemoryAgain {
 public:
  WholeMemoryAgain(const CudaPlugin& plugin, int device) : plugin_(plugin), device_(device) {}
  WholeMemoryAgain(const WholeMemoryAgain&) = delete;
  WholeMemoryAgain& operator=(const WholeMemoryAgain&) = delete;
  ~WholeMemoryAgain() { (void)plugin_.SetMemoryFraction(device_, 1.0); }

 private:
  const CudaPlugin& plugin_;
  int device_;
};

// How often the micro-batch must be halved to fit this part of the memory.
Result<std::int64_t> HalvingsWithin(double fraction, const CudaPlugin& plugin, int device,
                                    const MlmModel& model, const MaskedBatch& batch) {
  REPRO_RETURN_IF_ERROR(plugin.SetMemoryFraction(device, fraction));
  const WholeMemoryAgain at_the_end(plugin, device);
  std::int64_t halvings = 0;
  for (std::int64_t rows = batch.rows; rows > 0; rows /= 2, ++halvings) {
    REPRO_ASSIGN_OR_RETURN(const bool fits, StepOfRateZero(model, batch, rows));
    if (fits) return halvings;
    (void)plugin.EmptyCache(device);
  }
  return Fail(ErrorCode::kFailed, "no micro-batch fits the limit");
}

Json CheckMemory(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device) {
  if (options.self_test) return {{"skipped", "needs a GPU"}};
  BenchShape shape = SmallBenchShape();
  shape.settings.dropout = 0;  // the fused attention's would differ by the split
  shape.settings.attention_dropout = 0;
  shape.rows = 256;
  const MaskedBatch batch = BenchBatch(shape, 1);
  const MlmModel model = BenchModel(shape, device);
  const int index = device.index();
  Json result = {{"passed", false}};
  const auto failed = [&](const std::string& why) {
    result["error"] = why;
    options.say("memory: FAILED: " + why);
    return result;
  };
  // Twice: the first also pays for what libraries allocate once.
  auto peak = PeakOfWhole(plugin, index, model, batch);
  if (peak) peak = PeakOfWhole(plugin, index, model, batch);
  if (!peak) return failed(peak.error().message);
  const std::vector<at::Tensor> whole = CopiesOfGradients(model);
  // Less than the whole micro-batch takes.
  const double fraction =
      0.75 * static_cast<double>(*peak) /
      static_cast<double>(plugin.devices()[static_cast<std::size_t>(index)].memory_bytes);
  const auto halvings = HalvingsWithin(fraction, plugin, index, model, batch);
  if (!halvings) return failed(halvings.error().message);
  if (*halvings == 0) return failed("the limit was not felt");
  const double error = RelativeError(CopiesOfGradients(model), whole);
  result["fraction"] = fraction;
  result["halvings"] = *halvings;
  result["gradient_error"] = error;
  result["tolerance"] = 1e-5;
  result["passed"] = error <= 1e-5;
  options.say(fmt::format("memory: {} halvings, gradient error {:.1e}: {}", *halvings, error,
                          error <= 1e-5 ? "passed" : "FAILED"));
  return result;
}

bool Passed(const Json& result) {
  if (result.is_array()) return std::all_of(result.begin(), result.end(), Passed);
  if (result.contains("skipped")) return true;
  return result.value("passed", true);
}

Json GpuOf(const CudaPlugin& plugin) {
  const CudaDevice& device = plugin.devices().front();
  Json gpu = {
      {"name", device.name},
      {"compute_capability", fmt::format("{}.{}", device.compute_major, device.compute_minor)},
      {"memory_bytes", device.memory_bytes}};
  if (const auto peak = PeakBfloat16Flops(device.name)) gpu["peak_bfloat16_flops"] = *peak;
  return gpu;
}

// What stops one part must not take the others' results along.
template <class Work>
Json Guarded(const GpuCheckOptions& options, const char* part, const Work& work) {
  std::string why;
  try {
    return work();
  } catch (const c10::Error& error) {
    why = error.what_without_backtrace();
  } catch (const std::exception& error) {
    why = error.what();
  }
  options.say(fmt::format("{}: FAILED: {}", part, why));
  return {{"passed", false}, {"error", why}};
}

}  // namespace

Status CheckParts(const GpuCheckOptions& options) {
  for (const std::string& part : options.parts) {
    if (std::find(std::begin(kGpuCheckParts), std::end(kGpuCheckParts), part) ==
        std::end(kGpuCheckParts)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "there is no check '{}'; there are parity, resume, memory and throughput", part);
    }
  }
  return {};
}

Result<Json> RunGpuCheck(const CudaPlugin& plugin, const GpuCheckOptions& options) {
  REPRO_RETURN_IF_ERROR(CheckParts(options));
  // What the self-test computes is too small for more than one thread.
  if (options.self_test) at::set_num_threads(1);
  const double deadline = SteadySeconds() + 60 * options.minutes;
  const at::Device device = options.self_test ? at::Device(at::kCPU) : at::Device(at::kCUDA, 0);
  Json report = {{"self_test", options.self_test}};
  if (!options.self_test) report["gpu"] = GpuOf(plugin);
  const auto wanted = [&](const char* part) {
    return std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
  };
  UseDeterministicAlgorithms(true);  // parity asks some results for the same bits twice
  if (wanted("parity")) {
    report["parity"] =
        Guarded(options, "parity", [&] { return CheckParity(plugin, options, device); });
  }
  if (wanted("resume")) {
    report["resume"] = Guarded(options, "resume", [&] { return CheckResume(options, device); });
  }
  UseDeterministicAlgorithms(false);
  if (wanted("memory")) {
    report["memory"] =
        Guarded(options, "memory", [&] { return CheckMemory(plugin, options, device); });
  }
  if (wanted("throughput")) {
    report["throughput"] = Guarded(options, "throughput", [&] {
      return MeasureThroughput(plugin, options, device, deadline);
    });
  }
  bool passed = true;
  for (const char* part : kGpuCheckParts) {
    if (report.contains(part)) passed = passed && Passed(report[part]);
  }
  report["passed"] = passed;
  return report;
}

}  // namespace repro
