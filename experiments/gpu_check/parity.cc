#include "experiments/gpu_check/parity.h"

#include <cmath>

#include <ATen/core/grad_mode.h>

#include "experiments/gpu_check/bench_model.h"
#include "experiments/model/chunked_loss.h"
#include "experiments/model/gpu_encoder.h"

namespace repro {
namespace {

// Of float32 sums in another order, through a few layers.
constexpr double kFloatTolerance = 2e-5;
// A bfloat16 path may be off by what the plain bfloat16 path is off from float32, and a quarter.
constexpr double kBfloat16Slack = 1.25;
constexpr double kBfloat16Floor = 1e-4;
// The GPU's bfloat16 path against float32: 8 bits of each factor.
constexpr double kBfloat16Tolerance = 5e-2;

/// Loss and gradients of one pass.
struct Outcome {
  std::vector<at::Tensor> values;  // the loss first
};

Outcome Finish(const MlmModel& model, const at::Tensor& loss) {
  loss.backward();
  Outcome outcome{{loss.detach().to(at::kDouble).cpu()}};
  for (NamedTensor& parameter : Parameters(model)) {
    outcome.values.push_back(parameter.tensor.grad().detach().clone());
    parameter.tensor.mutable_grad().reset();
  }
  return outcome;
}

Outcome RunUnpadded(const MlmModel& model, const MaskedBatch& batch, GpuEncodeOptions options,
                    bool dropout) {
  const PackedTokens tokens =
      PackTokens(model.encoder, IdsOf(batch, batch.inputs), IdsOf(batch, batch.targets));
  DropoutRng rng(5, batch.samples);
  options.dropout = dropout ? &rng : nullptr;
  return Finish(model, UnpaddedMlmLoss(model, tokens, options));
}

// On the device of the model, in float32: the padded encoder and the whole matrix of logits.
Outcome RunPlain(const MlmModel& model, const MaskedBatch& batch, bool dropout) {
  const at::Device device = model.encoder.word_embeddings_VC.device();
  const at::Tensor targets = IdsOf(batch, batch.targets).flatten();
  const at::Tensor rows_M = targets.ge(0).nonzero().squeeze(1);
  DropoutRng rng(5, batch.samples);
  const at::Tensor hidden_BTC = Encode(model.encoder, IdsOf(batch, batch.inputs).to(device),
                                       {.dropout = dropout ? &rng : nullptr, .plain = true})
                                    .hidden_BTC;
  const at::Tensor logits_MV =
      MlmLogits(model, hidden_BTC.flatten(0, 1).index_select(0, rows_M.to(device)));
  return Finish(model, at::cross_entropy_loss(logits_MV, targets.index_select(0, rows_M).to(device),
                                              {}, at::Reduction::Sum));
}

class Parity {
 public:
  Parity(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device)
      : plugin_(plugin),
        options_(options),
        device_(device),
        shape_(options.self_test ? TinyBenchShape() : SmallBenchShape()),
        model_(BenchModel(shape_, device)),
        batch_(BenchBatch(shape_, 3)) {}

  Json Run() {
    for (const bool dropout : {false, true}) {
      const Outcome plain = RunPlain(model_, batch_, dropout);
      const std::string suffix = dropout ? ", keyed dropout" : "";
      const Outcome single =
          RunUnpadded(model_, batch_, {.dropout_path = DropoutPath::kKeyed}, dropout);
      const Outcome half = RunUnpadded(
          model_, batch_, {.dropout_path = DropoutPath::kKeyed, .bfloat16 = true}, dropout);
      Report("unpadded path" + suffix, "float32", RelativeError(single.values, plain.values),
             kFloatTolerance);
      Report("unpadded path" + suffix, "bfloat16", RelativeError(half.values, plain.values),
             kBfloat16Tolerance);
      for (const GpuKernel kernel : kGpuKernels) CheckKernel(kernel, dropout, plain, half);
    }
    CheckCheckpointing();
    CheckFlash();
    CheckLargeVocabulary();
    return results_;
  }

 private:
  void Report(const std::string& what, const char* dtype, double error, double tolerance) {
    const bool passed = error <= tolerance;  // false for NaN
    results_.push_back({{"what", what},
                        {"dtype", dtype},
                        {"error", std::isfinite(error) ? Json(error) : Json(nullptr)},
                        {"tolerance", tolerance},
                        {"passed", passed}});
    options_.say(fmt::format("parity {} {}: error {:.1e} of {:.1e}: {}", what, dtype, error,
                             tolerance, passed ? "passed" : "FAILED"));
  }
  void Skip(const std::string& what) {
    results_.push_back({{"what", what}, {"skipped", "needs a GPU"}});
    options_.say("parity " + what + ": skipped, needs a GPU");
  }

  void CheckKernel(GpuKernel kernel, bool dropout, const Outcome& plain, const Outcome& half) {
    const std::string what =
        fmt::format("kernel {}{}", RecordOf(kernel).name, dropout ? ", keyed dropout" : "");
    if (options_.self_test) return Skip(what);
    const GpuKernels kernels = GpuKernels::ForParity(plugin_, {kernel});
    for (const bool bfloat16 : {false, true}) {
      const GpuEncodeOptions options{
          .dropout_path = DropoutPath::kKeyed, .bfloat16 = bfloat16, .kernels = &kernels};
      const Outcome found = RunUnpadded(model_, batch_, options, dropout);
      const Outcome again = RunUnpadded(model_, batch_, options, dropout);
      const double tolerance =
          bfloat16 ? kBfloat16Slack * RelativeError(half.values, plain.values) + kBfloat16Floor
                   : kFloatTolerance;
      Report(what, bfloat16 ? "bfloat16" : "float32", RelativeError(found.values, plain.values),
             tolerance);
      Report(what + ", twice", bfloat16 ? "bfloat16" : "float32",
             RelativeError(again.values, found.values), 0);
    }
  }

  void CheckCheckpointing() {
    for (const bool bfloat16 : {false, true}) {
      GpuEncodeOptions options{.bfloat16 = bfloat16};
      const Outcome kept = RunUnpadded(model_, batch_, options, true);
      options.checkpoint_layers = true;
      const Outcome again = RunUnpadded(model_, batch_, options, true);
      Report("checkpointed layers", bfloat16 ? "bfloat16" : "float32",
             RelativeError(again.values, kept.values), 0);
    }
  }

  void CheckFlash() {
    if (options_.self_test) return Skip("flash attention over packed sequences");
    const Outcome aten =
        RunUnpadded(model_, batch_, {.attention = AttentionPath::kAten, .bfloat16 = true}, false);
    const Outcome flash =
        RunUnpadded(model_, batch_, {.attention = AttentionPath::kFlash, .bfloat16 = true}, false);
    Report("flash attention over packed sequences", "bfloat16",
           RelativeError(flash.values, aten.values), kBfloat16Tolerance);
  }

  // The chunked loss at the vocabulary that it was made for, against the whole matrix in float64.
  void CheckLargeVocabulary() {
    const std::int64_t vocab = options_.self_test ? 1003 : 250'002;
    const std::int64_t rows = options_.self_test ? 33 : 70;
    const at::TensorOptions on = at::TensorOptions(at::kDouble).device(device_);
    const at::Tensor hidden = at::randn({rows, 64}, on).requires_grad_(true);
    const at::Tensor weight = (at::randn({vocab, 64}, on) * 0.5).requires_grad_(true);
    const at::Tensor bias = at::randn({vocab}, on).requires_grad_(true);
    const at::Tensor targets = at::randint(vocab, {rows}, on.dtype(at::kLong));
    const auto gradients = [](const at::Tensor& loss, const std::vector<at::Tensor>& leaves) {
      loss.backward();
      std::vector<at::Tensor> values = {loss.detach()};
      for (const at::Tensor& leaf : leaves) values.push_back(leaf.grad());
      return values;
    };
    const auto exact = gradients(
        at::cross_entropy_loss(at::linear(hidden, weight, bias), targets, {}, at::Reduction::Sum),
        {hidden, weight, bias});
    const auto cast = [](const at::Tensor& x, at::ScalarType type) {
      return x.detach().to(type).requires_grad_(true);
    };
    const auto run = [&](at::ScalarType type, const GpuKernels* kernels) {
      const at::Tensor h = cast(hidden, type);
      const at::Tensor w = cast(weight, at::kFloat);
      const at::Tensor b = cast(bias, at::kFloat);
      // Two whole chunks of 32 rows and one of 6.
      return gradients(ChunkedVocabularyLoss(h, w, b, targets,
                                             {.logit_bytes = 32 * vocab * 4, .kernels = kernels}),
                       {h, w, b});
    };
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const char* dtype = type == at::kFloat ? "float32" : "bfloat16";
      const double tolerance = type == at::kFloat ? kFloatTolerance : kBfloat16Tolerance;
      Report("chunked loss", dtype, RelativeError(run(type, nullptr), exact), tolerance);
      if (options_.self_test) continue;
      const GpuKernels kernels = GpuKernels::ForParity(plugin_, {GpuKernel::kCrossEntropy});
      Report("chunked loss, kernel cross-entropy", dtype, RelativeError(run(type, &kernels), exact),
             tolerance);
    }
  }

  const CudaPlugin& plugin_;
  const GpuCheckOptions& options_;
  at::Device device_;
  BenchShape shape_;
  MlmModel model_;
  MaskedBatch batch_;
  Json results_ = Json::array();
};

}  // namespace

Json CheckParity(const CudaPlugin& plugin, const GpuCheckOptions& options, at::Device device) {
  return Parity(plugin, options, device).Run();
}

}  // namespace repro
