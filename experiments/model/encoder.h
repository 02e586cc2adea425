#pragma once
/// The XLM-R encoder (paper section 3 and Table 7; RoBERTa's architecture): word and learned
/// position embeddings, post-LN layers of self-attention and an exact-GELU feed-forward, no
/// language embeddings.
///
/// Plain structs of tensors and free functions over them; ATen's autograd differentiates. Shape
/// letters: B sequences, T tokens, N tokens of all sequences without padding, C model width, F
/// feed-forward width, V vocabulary, P positions, O outputs, I inputs. All weights are float32
/// leaves that require a gradient. Threads: functions only read the model; several may run at once
/// as long as nobody steps the optimizer.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>

#include "experiments/model/config.h"
#include "experiments/model/dropout.h"
#include "experiments/model/weight_copies.h"

namespace repro {

class GpuKernels;

/// A score so low that its softmax is 0 beside any other; not -inf, which makes NaN of a row that
/// is all padding.
inline constexpr double kNever = -1e30;

/// A tensor and its name. Names are those of transformers' XLM-R files, except that query, key and
/// value are one tensor "...attention.self.qkv.*"; state_dict_adapter.h translates.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct LinearWeights {
  at::Tensor weight_OI;
  at::Tensor bias_O;
};

struct LayerNormWeights {
  at::Tensor weight_C;
  at::Tensor bias_C;
};

struct EncoderLayer {
  LinearWeights qkv;  ///< [3C, C]: rows of query, key, value, so that one product serves all three
  LinearWeights attention_output;
  LayerNormWeights attention_norm;
  LinearWeights intermediate;  ///< [F, C]
  LinearWeights output;        ///< [C, F]
  LayerNormWeights output_norm;
};

struct Encoder {
  ModelShape shape;
  at::Tensor word_embeddings_VC;
  at::Tensor position_embeddings_PC;
  at::Tensor token_type_1C;  ///< only in files that carry a non-zero one (transformers adds it);
                             ///< else undefined
  LayerNormWeights embedding_norm;
  std::vector<EncoderLayer> layers;
  /// Factors of matrix products (layers, output matrix) rounded to bfloat16, sums and weights in
  /// float32. compute.dtype = "bfloat16". About twice as fast on a CPU
  /// with avx512_bf16.
  bool bfloat16_products = false;
  /// Keep a layer's input alone, and compute the layer again in the backward pass: a third more
  /// work, much less memory, the same bits.
  bool checkpoint_layers = false;
  /// On a GPU: dropout by the keyed masks of dropout.h and written-out attention, so that the split
  /// into micro-batches and processes changes nothing. Slow. Else fused attention, which promises
  /// equal results for one layout only.
  bool reproducible_dropout = false;
  /// On a GPU: our own kernels in use; null: those that are switched on
  /// (experiments/cuda/kernels.h).
  const GpuKernels* kernels = nullptr;
  /// On a GPU: the weights in bfloat16, cast when they changed. Shared by copies of this struct.
  std::shared_ptr<WeightCopies> copies = std::make_shared<WeightCopies>();
};

/// Calls `visit(name, tensor&)` for each tensor, in file order; undefined tensors are left out.
template <class Visit>
void VisitLinear(const std::string& prefix, LinearWeights& linear, Visit&& visit) {
  visit(prefix + ".weight", linear.weight_OI);
  visit(prefix + ".bias", linear.bias_O);
}
template <class Visit>
void VisitLayerNorm(const std::string& prefix, LayerNormWeights& norm, Visit&& visit) {
  visit(prefix + ".weight", norm.weight_C);
  visit(prefix + ".bias", norm.bias_C);
}
template <class Visit>
void VisitTensors(Encoder& encoder, Visit&& visit) {
  const std::string embeddings = "roberta.embeddings.";
  visit(embeddings + "word_embeddings.weight", encoder.word_embeddings_VC);
  visit(embeddings + "position_embeddings.weight", encoder.position_embeddings_PC);
  if (encoder.token_type_1C.defined()) {
    visit(embeddings + "token_type_embeddings.weight", encoder.token_type_1C);
  }
  VisitLayerNorm(embeddings + "LayerNorm", encoder.embedding_norm, visit);
  for (std::size_t i = 0; i < encoder.layers.size(); ++i) {
    const std::string layer = "roberta.encoder.layer." + std::to_string(i) + ".";
    EncoderLayer& weights = encoder.layers[i];
    VisitLinear(layer + "attention.self.qkv", weights.qkv, visit);
    VisitLinear(layer + "attention.output.dense", weights.attention_output, visit);
    VisitLayerNorm(layer + "attention.output.LayerNorm", weights.attention_norm, visit);
    VisitLinear(layer + "intermediate.dense", weights.intermediate, visit);
    VisitLinear(layer + "output.dense", weights.output, visit);
    VisitLayerNorm(layer + "output.LayerNorm", weights.output_norm, visit);
  }
}

/// Handles of all weights of any model struct that has VisitTensors (they share the model's
/// storage).
template <class Model>
std::vector<NamedTensor> Parameters(const Model& model) {
  std::vector<NamedTensor> parameters;
  Model handles = model;
  VisitTensors(handles, [&](const std::string& name, at::Tensor& tensor) {
    parameters.push_back({name, tensor});
  });
  return parameters;
}

/// Moves the weights to a device, as leaves that require a gradient.
template <class Model>
void MoveTo(Model& model, at::Device device) {
  VisitTensors(model, [&](const std::string&, at::Tensor& tensor) {
    if (tensor.device() != device) tensor = tensor.detach().to(device).requires_grad_(true);
  });
}

/// The structure with tensors of the right shapes on the CPU, values undefined: to be filled by
/// InitTensor or from a file.
Encoder EncoderOfShape(const ModelShape& shape);
LinearWeights LinearOfShape(std::int64_t outputs, std::int64_t inputs);
LayerNormWeights LayerNormOfShape(std::int64_t width);

/// Fills a fresh tensor by the rule that its name says: LayerNorm weights 1, biases 0, all else
/// N(0, std), the <pad> row of the two embedding tables 0. Each tensor has its own stream (seed,
/// name), drawn with integer and IEEE arithmetic only: the same seed gives the same weights on any
/// machine. Makes it a leaf that requires a gradient.
void InitTensor(const std::string& name, at::Tensor& tensor, double std, std::uint64_t seed);

/// Fresh weights by InitTensor with the shape's init_std.
Encoder InitEncoder(const ModelShape& shape, std::uint64_t seed);

struct EncodeOptions {
  DropoutRng* dropout = nullptr;  ///< null: evaluation
  bool plain = false;             ///< plain ATen on the CPU too: the twin that tests compare with
  bool all_layers = false;        ///< also return the embeddings' output and every layer's
  /// Plain, and with the states at padding that transformers computes there (they attend to the
  /// other tokens) instead of 0: for its question answering loss, whose softmax has them in it.
  bool padding_states = false;
};

struct EncoderOutput {
  at::Tensor hidden_BTC;               ///< the last layer's output; 0 at padding (see above)
  std::vector<at::Tensor> layers_BTC;  ///< with `all_layers`: embeddings, layer 1, ..., layer L
                                       ///< (the same as hidden_BTC)
};

/// tokens_BT: int64 ids in [0, V) on the model's device; kPadId is padding, nobody attends to it,
/// and positions count the other ids (fairseq: the first is 2). Sequences may have any mix of
/// lengths: on the CPU padding costs no work. Throws c10::Error on ids or lengths outside the
/// model's tables.
EncoderOutput Encode(const Encoder& encoder, const at::Tensor& tokens_BT,
                     const EncodeOptions& options = {});

/// The last layer's output at chosen places alone, the same values as Encode's: hidden_MC.
/// places_M: b * T + t, strictly ascending, none padding. On the CPU the last layer then computes
/// keys and values of all tokens and all else for the chosen ones: of a model with few layers and a
/// head that looks at few tokens a good part of the work.
at::Tensor EncodeAt(const Encoder& encoder, const at::Tensor& tokens_BT, const at::Tensor& places_M,
                    DropoutRng* dropout = nullptr);

/// x_..I -> [.., O]
at::Tensor ApplyLinear(const at::Tensor& x, const LinearWeights& linear);

/// Position ids of fairseq and transformers: running count of ids other than <pad>, plus 1; 1 at
/// <pad>.
at::Tensor PositionIds(const at::Tensor& tokens_BT);

}  // namespace repro
