#include "experiments/model/gpu_encoder.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "experiments/model/autograd_node.h"
#include "experiments/model/checkpointed.h"
#include "experiments/model/chunked_loss.h"
#include "experiments/text/vocabulary.h"

namespace repro {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

// What the kernels take at a time.
constexpr std::int64_t kKernelPack = 8;
constexpr std::int64_t kWidestNorm = 4096;

void Check(const Status& status) {
  TORCH_CHECK(status, status.error().message);
}

/// What all layers of one pass share: handles, since a recomputed layer outlives the caller's.
struct Pass {
  Encoder encoder;
  PackedTokens tokens;
  GpuEncodeOptions options;
  at::ScalarType product_type = at::kFloat;

  double eps() const { return encoder.shape.settings.layer_norm_eps; }
  bool Kernel(GpuKernel kernel, std::int64_t width) const {
    return options.kernels != nullptr && options.kernels->Has(kernel) && tokens.ids_N.is_cuda() &&
           width % kKernelPack == 0 &&
           (product_type == at::kFloat || product_type == at::kBFloat16);
  }
};

// ---- Matrix products ----------------------------------------------------------------------------

/// y = x W^T + b with 16-bit factors, float32 weights and float32 gradients of them. No bias edge
/// where the kernel behind takes the bias.
struct MixedLinearBackward : public Node {
  at::Tensor x_NI;
  at::Tensor weight_OI;  // in the type of the products
  bool has_bias = false;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(x_NI.defined(), "a product's backward pass can run once");
    const at::NoGradGuard no_grad;
    const at::Tensor& dy_NO = gradients[0];
    variable_list result = {at::mm(dy_NO, weight_OI), AccumulatedProduct(dy_NO.t(), x_NI)};
    if (has_bias) result.push_back(dy_NO.sum(0, false, at::kFloat));
    return result;
  }
  void release_variables() override {
    x_NI.reset();
    weight_OI.reset();
  }
  std::string name() const override { return "MixedLinearBackward"; }
};

// x_NI in the type of the products -> [N, O] in it.
at::Tensor Linear(const Pass& pass, const at::Tensor& x_NI, const LinearWeights& linear,
                  bool with_bias = true) {
  if (x_NI.scalar_type() == linear.weight_OI.scalar_type()) {
    return with_bias ? ApplyLinear(x_NI, linear) : at::linear(x_NI, linear.weight_OI);
  }
  WeightCopies& copies = *pass.encoder.copies;
  const at::Tensor weight_OI = copies.Of(linear.weight_OI, x_NI.scalar_type());
  at::Tensor y_NO;
  {
    const at::NoGradGuard no_grad;
    y_NO = with_bias ? at::addmm(copies.Of(linear.bias_O, x_NI.scalar_type()), x_NI, weight_OI.t())
                     : at::mm(x_NI, weight_OI.t());
  }
  if (!torch::autograd::compute_requires_grad(x_NI, linear.weight_OI)) return y_NO;
  auto node = MakeNode<MixedLinearBackward>();
  node->x_NI = x_NI.detach();
  node->weight_OI = weight_OI;
  node->has_bias = with_bias;
  node->set_next_edges(
      with_bias ? torch::autograd::collect_next_edges(x_NI, linear.weight_OI, linear.bias_O)
                : torch::autograd::collect_next_edges(x_NI, linear.weight_OI));
  torch::autograd::set_history(y_NO, node);
  return y_NO;
}

// ---- Dropout ------------------------------------------------------------------------------------

// The generator of the device gets the key of this use; false where nothing falls out.
bool SeedGenerator(const Pass& pass, double p, DropoutRng* rng) {
  const SequenceDropout use = NextDropout(p, pass.tokens.batch, rng);
  if (!use.Drops()) return false;
  if (pass.options.dropout_path == DropoutPath::kGenerator && !use.keys.empty()) {
    at::Generator generator = at::globalContext().defaultGenerator(pass.tokens.ids_N.device());
    generator.set_current_seed(use.keys.front());
  }
  return true;
}

at::Tensor KeyedMask(const Pass& pass, const SequenceDropout& use, const at::Tensor& like_NC) {
  const std::int64_t width = like_NC.size(1);
  at::Tensor mask_NC = at::empty(like_NC.sizes(), at::TensorOptions(at::kFloat));
  for (std::int64_t b = 0; b < pass.tokens.batch; ++b) {
    const auto row = static_cast<std::size_t>(b);
    const std::int64_t start = pass.tokens.starts[row];
    FillDropoutMask(use.OfRow(row), 0, (pass.tokens.starts[row + 1] - start) * width,
                    mask_NC.data_ptr<float>() + start * width);
  }
  return mask_NC.to(like_NC.options().requires_grad(false));
}

at::Tensor DropRows(const Pass& pass, const at::Tensor& x_NC, double p, DropoutRng* rng) {
  if (pass.options.dropout_path != DropoutPath::kKeyed) {
    return SeedGenerator(pass, p, rng) ? at::dropout(x_NC, p, /*train=*/true) : x_NC;
  }
  const SequenceDropout use = NextDropout(p, pass.tokens.batch, rng);
  return use.Drops() ? x_NC * KeyedMask(pass, use, x_NC) : x_NC;
}

// ---- Bias, dropout, residual, LayerNorm
// -----------------------------------------------------------

/// A state of the residual stream, and the same in the type of the products (one tensor where
/// that is float32).
struct Stream {
  at::Tensor exact_NC;
  at::Tensor product_NC;
};

Stream StreamOf(const Pass& pass, const at::Tensor& exact_NC) {
  return {exact_NC, exact_NC.to(pass.product_type)};
}

/// The pieces of ReproCudaDropout on the device.
struct KernelDropout {
  at::Tensor keys_B;
  ReproCudaDropout arguments{};
};

KernelDropout OnDevice(const Pass& pass, const SequenceDropout& use) {
  KernelDropout dropout;
  dropout.arguments.scale = 1;
  if (!use.Drops()) return dropout;
  const at::Tensor keys_B =
      at::empty({pass.tokens.batch}, at::TensorOptions(at::kLong).pinned_memory(true));
  std::copy(use.keys.begin(), use.keys.end(),
            reinterpret_cast<std::uint64_t*>(keys_B.data_ptr<std::int64_t>()));
  dropout.keys_B = keys_B.to(pass.tokens.ids_N.device(), /*non_blocking=*/true);
  dropout.arguments = {
      .keys = reinterpret_cast<const std::uint64_t*>(dropout.keys_B.const_data_ptr<std::int64_t>()),
      .sequences = pass.tokens.sequences_N.const_data_ptr<std::int32_t>(),
      .places = pass.tokens.places_N.const_data_ptr<std::int32_t>(),
      .threshold = use.threshold,
      .scale = use.scale};
  return dropout;
}

struct ResidualNormBackward : public Node {
  GpuKernels kernels;
  KernelDropout dropout;
  at::Tensor sequences_N;  // what the arguments of `dropout` point to
  at::Tensor places_N;
  at::Tensor normed_NC;
  at::Tensor inverse_N;
  at::Tensor weight_C;
  at::ScalarType type = at::kFloat;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(normed_NC.defined(), "the LayerNorm's backward pass can run once");
    const at::NoGradGuard no_grad;
    at::Tensor dy_NC = gradients[0];
    if (gradients.size() > 1 && gradients[1].defined()) {
      const at::Tensor of_copy = gradients[1].to(at::kFloat);
      dy_NC = dy_NC.defined() ? dy_NC + of_copy : of_copy;
    }
    dy_NC = dy_NC.contiguous();
    const std::int64_t rows = normed_NC.size(0);
    const std::int64_t width = normed_NC.size(1);
    at::Tensor dx_NC = at::empty({rows, width}, normed_NC.options().dtype(type));
    at::Tensor d_residual_NC = at::empty_like(normed_NC);
    at::Tensor partial = at::empty({kReproNormStrips, 3, width}, normed_NC.options());
    Check(kernels.ResidualNormGrad(
        normed_NC.get_device(), rows, width, type == at::kBFloat16, dy_NC.const_data_ptr<float>(),
        normed_NC.const_data_ptr<float>(), inverse_N.const_data_ptr<float>(),
        weight_C.const_data_ptr<float>(), dropout.arguments, dx_NC.mutable_data_ptr(),
        d_residual_NC.mutable_data_ptr<float>(), partial.mutable_data_ptr<float>()));
    const at::Tensor sums_3C = partial.sum(0);
    return {dx_NC, sums_3C[2].clone(), d_residual_NC, sums_3C[0].clone(), sums_3C[1].clone()};
  }
  void release_variables() override {
    normed_NC.reset();
    inverse_N.reset();
    dropout = {};
  }
  std::string name() const override { return "GpuResidualNormBackward"; }
};

Stream ResidualNormKernel(const Pass& pass, const at::Tensor& x_NC, const at::Tensor& bias_C,
                          const at::Tensor& residual_NC, double p, const LayerNormWeights& norm,
                          DropoutRng* rng) {
  auto node = MakeNode<ResidualNormBackward>();
  node->kernels = *pass.options.kernels;
  node->dropout = OnDevice(pass, NextDropout(p, pass.tokens.batch, rng));
  node->sequences_N = pass.tokens.sequences_N;
  node->places_N = pass.tokens.places_N;
  node->weight_C = norm.weight_C.detach();
  node->type = pass.product_type;
  Stream out;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor residual = residual_NC.contiguous();
    out.exact_NC = at::empty_like(residual);
    node->normed_NC = at::empty_like(residual);
    node->inverse_N = at::empty({residual.size(0)}, residual.options());
    const bool copies = node->type == at::kBFloat16;
    if (copies) out.product_NC = at::empty(residual.sizes(), residual.options().dtype(node->type));
    Check(node->kernels.ResidualNorm(
        residual.get_device(), residual.size(0), residual.size(1), copies,
        x_NC.contiguous().const_data_ptr(), bias_C.const_data_ptr<float>(),
        residual.const_data_ptr<float>(), node->dropout.arguments,
        norm.weight_C.const_data_ptr<float>(), norm.bias_C.const_data_ptr<float>(),
        static_cast<float>(pass.eps()), out.exact_NC.mutable_data_ptr<float>(),
        copies ? out.product_NC.mutable_data_ptr() : nullptr,
        node->normed_NC.mutable_data_ptr<float>(), node->inverse_N.mutable_data_ptr<float>()));
  }
  if (torch::autograd::compute_requires_grad(x_NC, residual_NC, norm.weight_C)) {
    node->set_next_edges(
        torch::autograd::collect_next_edges(x_NC, bias_C, residual_NC, norm.weight_C, norm.bias_C));
    torch::autograd::set_history(out.exact_NC, node);
    if (out.product_NC.defined()) torch::autograd::set_history(out.product_NC, node);
  }
  if (!out.product_NC.defined()) out.product_NC = out.exact_NC;
  return out;
}

// LayerNorm(residual + dropout(x W^T + b))
Stream ResidualNorm(const Pass& pass, const at::Tensor& x, const LinearWeights& linear,
                    const at::Tensor& residual_NC, const LayerNormWeights& norm, DropoutRng* rng) {
  const double p = pass.encoder.shape.settings.dropout;
  const std::int64_t width = residual_NC.size(1);
  if (pass.Kernel(GpuKernel::kResidualNorm, width) && width <= kWidestNorm) {
    return ResidualNormKernel(pass, Linear(pass, x, linear, /*with_bias=*/false), linear.bias_O,
                              residual_NC, p, norm, rng);
  }
  const at::Tensor x_NC = DropRows(pass, Linear(pass, x, linear), p, rng);
  return StreamOf(
      pass, at::layer_norm(residual_NC + x_NC, {width}, norm.weight_C, norm.bias_C, pass.eps()));
}

// ---- GELU ---------------------------------------------------------------------------------------

struct BiasGeluBackward : public Node {
  GpuKernels kernels;
  at::Tensor x_NF;
  at::Tensor bias_F;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(x_NF.defined(), "the GELU's backward pass can run once");
    const at::NoGradGuard no_grad;
    const at::Tensor dy_NF = gradients[0].contiguous();
    at::Tensor dx_NF = at::empty_like(x_NF);
    Check(kernels.BiasGeluGrad(x_NF.get_device(), x_NF.size(0), x_NF.size(1),
                               x_NF.scalar_type() == at::kBFloat16, x_NF.const_data_ptr(),
                               bias_F.const_data_ptr<float>(), dy_NF.const_data_ptr(),
                               dx_NF.mutable_data_ptr()));
    return {dx_NF, dx_NF.sum(0, false, at::kFloat)};
  }
  void release_variables() override { x_NF.reset(); }
  std::string name() const override { return "GpuBiasGeluBackward"; }
};

// gelu(x W^T + b)
at::Tensor LinearGelu(const Pass& pass, const at::Tensor& x, const LinearWeights& linear) {
  if (!pass.Kernel(GpuKernel::kBiasGelu, linear.weight_OI.size(0))) {
    return at::gelu(Linear(pass, x, linear));
  }
  const at::Tensor x_NF = Linear(pass, x, linear, /*with_bias=*/false).contiguous();
  auto node = MakeNode<BiasGeluBackward>();
  node->kernels = *pass.options.kernels;
  node->x_NF = x_NF.detach();
  node->bias_F = linear.bias_O.detach();
  at::Tensor y_NF;
  {
    const at::NoGradGuard no_grad;
    y_NF = at::empty_like(x_NF);
    Check(node->kernels.BiasGelu(x_NF.get_device(), x_NF.size(0), x_NF.size(1),
                                 x_NF.scalar_type() == at::kBFloat16, x_NF.const_data_ptr(),
                                 linear.bias_O.const_data_ptr<float>(), y_NF.mutable_data_ptr()));
  }
  if (torch::autograd::compute_requires_grad(x_NF, linear.bias_O)) {
    node->set_next_edges(torch::autograd::collect_next_edges(x_NF, linear.bias_O));
    torch::autograd::set_history(y_NF, node);
  }
  return y_NF;
}

// ---- Attention ----------------------------------------------------------------------------------

at::Tensor AtenAttention(const Pass& pass, const at::Tensor& qkv_N3C, double p, DropoutRng* rng) {
  const PackedTokens& tokens = pass.tokens;
  const std::int64_t heads = pass.encoder.shape.settings.heads;
  const std::int64_t depth = qkv_N3C.size(1) / 3 / heads;
  const std::vector<at::Tensor> parts = Unpack(tokens, qkv_N3C)
                                            .view({tokens.batch, tokens.columns, 3, heads, depth})
                                            .permute({2, 0, 3, 1, 4})
                                            .unbind(0);
  std::optional<at::Tensor> bias_BHTT;
  if (tokens.rows_N.defined()) {
    const at::Tensor real_BT =
        at::zeros({tokens.batch * tokens.columns}, tokens.rows_N.options().dtype(at::kBool))
            .index_fill_(0, tokens.rows_N, true)
            .view({tokens.batch, 1, 1, tokens.columns});
    bias_BHTT = at::zeros(real_BT.sizes(), qkv_N3C.options().requires_grad(false))
                    .masked_fill(~real_BT, kNever);
  }
  at::Tensor context_BHTD;
  if (pass.options.dropout_path == DropoutPath::kKeyed && rng != nullptr && p > 0) {
    std::vector<std::int64_t> lengths;
    for (std::size_t b = 0; b + 1 < tokens.starts.size(); ++b) {
      lengths.push_back(tokens.starts[b + 1] - tokens.starts[b]);
    }
    at::Tensor scores_BHTT = at::matmul(parts[0] * (1.0 / std::sqrt(static_cast<double>(depth))),
                                        parts[1].transpose(-2, -1));
    if (bias_BHTT) scores_BHTT = scores_BHTT + *bias_BHTT;
    context_BHTD =
        at::matmul(AttentionDropout(at::softmax(scores_BHTT, -1), lengths, p, rng), parts[2]);
  } else {
    const bool drops = SeedGenerator(pass, p, rng);
    context_BHTD =
        at::scaled_dot_product_attention(parts[0], parts[1], parts[2], bias_BHTT, drops ? p : 0.0);
  }
  const at::Tensor context_RC =
      context_BHTD.transpose(1, 2).reshape({tokens.batch * tokens.columns, heads * depth});
  return tokens.rows_N.defined() ? context_RC.index_select(0, tokens.rows_N) : context_RC;
}

at::Tensor Attention(const Pass& pass, const at::Tensor& qkv_N3C, DropoutRng* rng) {
  const PackedTokens& tokens = pass.tokens;
  const ModelSettings& settings = pass.encoder.shape.settings;
  const double p = settings.attention_dropout;
  const std::int64_t width = qkv_N3C.size(1) / 3;
  const std::int64_t head_width = width / settings.heads;
  const AttentionPath path =
      ChooseAttention(pass.options, qkv_N3C.is_cuda(), qkv_N3C.scalar_type(), head_width);
  if (path == AttentionPath::kAten) return AtenAttention(pass, qkv_N3C, p, rng);
  const std::vector<at::Tensor> parts = qkv_N3C.view({-1, 3, settings.heads, head_width}).unbind(1);
  const bool drops = SeedGenerator(pass, p, rng);
  const at::Tensor context_NHD = std::get<0>(at::_flash_attention_forward(
      parts[0], parts[1], parts[2], tokens.starts_B1, tokens.starts_B1, tokens.longest,
      tokens.longest, drops ? p : 0.0, /*is_causal=*/false, /*return_debug_mask=*/false));
  return context_NHD.reshape({-1, width});
}

// ---- Layers -------------------------------------------------------------------------------------

Stream Layer(const Pass& pass, const EncoderLayer& layer, const Stream& hidden, DropoutRng* rng) {
  const at::Tensor context_NC = Attention(pass, Linear(pass, hidden.product_NC, layer.qkv), rng);
  const Stream attended = ResidualNorm(pass, context_NC, layer.attention_output, hidden.exact_NC,
                                       layer.attention_norm, rng);
  const at::Tensor activation_NF = LinearGelu(pass, attended.product_NC, layer.intermediate);
  return ResidualNorm(pass, activation_NF, layer.output, attended.exact_NC, layer.output_norm, rng);
}

Stream CheckpointedLayer(const std::shared_ptr<const Pass>& pass, EncoderLayer layer,
                         const Stream& hidden, DropoutRng* rng) {
  std::vector<at::Tensor> weights;
  for (LinearWeights* linear :
       {&layer.qkv, &layer.attention_output, &layer.intermediate, &layer.output}) {
    weights.push_back(linear->weight_OI);
    weights.push_back(linear->bias_O);
  }
  for (LayerNormWeights* norm : {&layer.attention_norm, &layer.output_norm}) {
    weights.push_back(norm->weight_C);
    weights.push_back(norm->bias_C);
  }
  // The second run takes the keys that the first one took: `uses` begins at `keys` in both.
  const auto keys = rng == nullptr ? nullptr : std::make_shared<const DropoutRng>(*rng);
  const auto uses = rng == nullptr ? nullptr : std::make_shared<DropoutRng>(*rng);
  const bool one = hidden.product_NC.is_same(hidden.exact_NC);
  const auto run = [pass, layer, one, keys, uses](const std::vector<at::Tensor>& in) {
    if (uses != nullptr) *uses = *keys;
    const Stream out = Layer(*pass, layer, {in[0], one ? in[0] : in[1]}, uses.get());
    return one ? std::vector<at::Tensor>{out.exact_NC}
               : std::vector<at::Tensor>{out.exact_NC, out.product_NC};
  };
  const std::vector<at::Tensor> inputs =
      one ? std::vector<at::Tensor>{hidden.exact_NC}
          : std::vector<at::Tensor>{hidden.exact_NC, hidden.product_NC};
  const std::vector<at::Tensor> out = Checkpointed(run, inputs, weights);
  if (rng != nullptr) *rng = *uses;  // on by what the first run took
  return {out[0], one ? out[0] : out[1]};
}

// ---- Embeddings ---------------------------------------------------------------------------------

/// The gradient of one table through the kernel.
struct EmbeddingGradBackward : public Node {
  GpuKernels kernels;
  at::Tensor table_VC;  // for its shape
  at::Tensor ids_N;

  variable_list apply(variable_list&& gradients) override {
    const at::NoGradGuard no_grad;
    const at::Tensor rows_NC = gradients[0].contiguous();
    const auto [sorted_N, order_N] = at::sort(ids_N, /*stable=*/true, /*dim=*/0);
    const std::int64_t count = ids_N.size(0);
    const std::int64_t width = table_VC.size(1);
    at::Tensor d_table_VC = at::zeros_like(table_VC);
    const std::int64_t tiles = (count + kReproEmbeddingTile - 1) / kReproEmbeddingTile;
    at::Tensor partials = at::empty({2 * tiles, width}, rows_NC.options());
    Check(kernels.EmbeddingGrad(
        rows_NC.get_device(), count, width, sorted_N.const_data_ptr<std::int64_t>(),
        order_N.const_data_ptr<std::int64_t>(), rows_NC.const_data_ptr<float>(),
        d_table_VC.mutable_data_ptr<float>(), partials.mutable_data_ptr<float>()));
    return {d_table_VC};
  }
  std::string name() const override { return "GpuEmbeddingBackward"; }
};

at::Tensor Lookup(const Pass& pass, const at::Tensor& table_VC, const at::Tensor& ids_N) {
  if (!pass.Kernel(GpuKernel::kEmbeddingGrad, table_VC.size(1))) {
    return at::embedding(table_VC, ids_N);
  }
  at::Tensor rows_NC;
  {
    const at::NoGradGuard no_grad;
    rows_NC = at::embedding(table_VC, ids_N);
  }
  if (torch::autograd::compute_requires_grad(table_VC)) {
    auto node = MakeNode<EmbeddingGradBackward>();
    node->kernels = *pass.options.kernels;
    node->table_VC = table_VC.detach();
    node->ids_N = ids_N;
    node->set_next_edges(torch::autograd::collect_next_edges(table_VC));
    torch::autograd::set_history(rows_NC, node);
  }
  return rows_NC;
}

at::Tensor Embed(const Pass& pass, DropoutRng* rng) {
  const Encoder& encoder = pass.encoder;
  at::Tensor embedded_NC = Lookup(pass, encoder.word_embeddings_VC, pass.tokens.ids_N) +
                           Lookup(pass, encoder.position_embeddings_PC, pass.tokens.positions_N);
  if (encoder.token_type_1C.defined()) embedded_NC = embedded_NC + encoder.token_type_1C;
  const LayerNormWeights& norm = encoder.embedding_norm;
  return DropRows(
      pass,
      at::layer_norm(embedded_NC, {embedded_NC.size(1)}, norm.weight_C, norm.bias_C, pass.eps()),
      encoder.shape.settings.dropout, rng);
}

std::shared_ptr<const Pass> MakePass(const Encoder& encoder, const PackedTokens& tokens,
                                     const GpuEncodeOptions& options) {
  auto pass = std::make_shared<Pass>();
  pass->encoder = encoder;
  pass->tokens = tokens;
  pass->options = options;
  pass->product_type = options.bfloat16 ? at::kBFloat16 : encoder.word_embeddings_VC.scalar_type();
  return pass;
}

// values -> a tensor of the device, without waiting for it.
template <class T>
at::Tensor ToDevice(const std::vector<T>& values, at::ScalarType type, at::Device device) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())},
                                at::TensorOptions(type).pinned_memory(device.is_cuda()));
  std::copy(values.begin(), values.end(), tensor.data_ptr<T>());
  return device.is_cpu() ? tensor : tensor.to(device, /*non_blocking=*/true);
}

}  // namespace

PackedTokens PackTokens(const Encoder& encoder, const at::Tensor& tokens_BT,
                        const at::Tensor& targets_BT) {
  TORCH_CHECK(tokens_BT.dim() == 2 && tokens_BT.scalar_type() == at::kLong,
              "expected int64 tokens of shape [B, T], got ", tokens_BT.scalar_type(), " of ",
              tokens_BT.sizes());
  TORCH_CHECK(!targets_BT.defined() || targets_BT.sizes() == tokens_BT.sizes(), "targets of shape ",
              targets_BT.defined() ? targets_BT.sizes() : at::IntArrayRef{}, ", tokens of ",
              tokens_BT.sizes());
  const at::Tensor host_tokens = tokens_BT.cpu().contiguous();
  const at::Tensor host_targets =
      targets_BT.defined() ? targets_BT.cpu().contiguous() : at::Tensor();
  const std::int64_t vocab = encoder.word_embeddings_VC.size(0);
  const std::int64_t last_position = encoder.position_embeddings_PC.size(0) - 1;
  PackedTokens packed;
  packed.batch = tokens_BT.size(0);
  packed.columns = tokens_BT.size(1);
  packed.starts = {0};
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> masked;
  std::vector<std::int64_t> targets;
  std::vector<std::int32_t> sequences;
  std::vector<std::int32_t> places;
  const std::int64_t* id = host_tokens.const_data_ptr<std::int64_t>();
  const std::int64_t* target =
      host_targets.defined() ? host_targets.const_data_ptr<std::int64_t>() : nullptr;
  for (std::int64_t b = 0; b < packed.batch; ++b) {
    std::int64_t length = 0;
    for (std::int64_t t = 0; t < packed.columns; ++t) {
      const std::int64_t place = b * packed.columns + t;
      if (id[place] == kPadId) continue;
      TORCH_CHECK(id[place] >= 0 && id[place] < vocab, "token id ", id[place], ": the table has ",
                  vocab, " rows");
      if (target != nullptr && target[place] >= 0) {
        TORCH_CHECK(target[place] < vocab, "target ", target[place], ": the vocabulary has ",
                    vocab);
        masked.push_back(static_cast<std::int64_t>(ids.size()));
        targets.push_back(target[place]);
      }
      ids.push_back(id[place]);
      positions.push_back(kPadId + 1 + length);
      rows.push_back(place);
      sequences.push_back(static_cast<std::int32_t>(b));
      places.push_back(static_cast<std::int32_t>(length));
      ++length;
    }
    TORCH_CHECK(kPadId + length <= last_position, "a sequence of ", length,
                " tokens, but the model has positions for ", last_position - kPadId);
    packed.longest = std::max(packed.longest, length);
    packed.starts.push_back(static_cast<std::int64_t>(ids.size()));
  }
  packed.predicted = static_cast<std::int64_t>(masked.size());
  const at::Device device = encoder.word_embeddings_VC.device();
  packed.ids_N = ToDevice(ids, at::kLong, device);
  packed.positions_N = ToDevice(positions, at::kLong, device);
  packed.starts_B1 = ToDevice(std::vector<std::int32_t>(packed.starts.begin(), packed.starts.end()),
                              at::kInt, device);
  packed.sequences_N = ToDevice(sequences, at::kInt, device);
  packed.places_N = ToDevice(places, at::kInt, device);
  if (static_cast<std::int64_t>(ids.size()) < packed.batch * packed.columns) {
    packed.rows_N = ToDevice(rows, at::kLong, device);
  }
  if (target != nullptr) {
    packed.masked_M = ToDevice(masked, at::kLong, device);
    packed.targets_M = ToDevice(targets, at::kLong, device);
  }
  return packed;
}

bool CanUseFlash(std::int64_t head_width) {
  return head_width % 8 == 0 && head_width <= 256;
}

AttentionPath ChooseAttention(const GpuEncodeOptions& options, bool cuda, at::ScalarType products,
                              std::int64_t head_width) {
  const bool can = cuda && products == at::kBFloat16 && CanUseFlash(head_width);
  if (options.attention == AttentionPath::kBest) {
    return can && options.dropout_path != DropoutPath::kKeyed ? AttentionPath::kFlash
                                                              : AttentionPath::kAten;
  }
  TORCH_CHECK(options.attention == AttentionPath::kAten || can,
              "flash attention needs a GPU, bfloat16 and heads of a width that is a multiple of 8 "
              "up to 256, got ",
              cuda ? "a GPU, " : "the CPU, ", products, ", width ", head_width);
  return options.attention;
}

GpuEncodeOptions DefaultGpuOptions(const Encoder& encoder, DropoutRng* dropout) {
  return {
      .dropout = dropout,
      .dropout_path = encoder.reproducible_dropout ? DropoutPath::kKeyed : DropoutPath::kGenerator,
      .bfloat16 = encoder.bfloat16_products,
      .checkpoint_layers = encoder.checkpoint_layers,
      .kernels = encoder.kernels != nullptr ? encoder.kernels : &SwitchedOnGpuKernels()};
}

at::Tensor Unpack(std::int64_t batch, std::int64_t columns, const at::Tensor& rows_N,
                  const at::Tensor& states_NC) {
  const std::int64_t width = states_NC.size(1);
  if (!rows_N.defined()) return states_NC.view({batch, columns, width});
  return at::zeros({batch * columns, width}, states_NC.options().requires_grad(false))
      .index_copy(0, rows_N, states_NC)
      .view({batch, columns, width});
}

UnpaddedOutput EncodeUnpadded(const Encoder& encoder, const PackedTokens& tokens,
                              const GpuEncodeOptions& options) {
  const auto pass = MakePass(encoder, tokens, options);
  Stream hidden = StreamOf(*pass, Embed(*pass, options.dropout));
  UnpaddedOutput output;
  if (options.all_layers) output.layers_NC.push_back(hidden.exact_NC);
  for (const EncoderLayer& layer : encoder.layers) {
    hidden = options.checkpoint_layers ? CheckpointedLayer(pass, layer, hidden, options.dropout)
                                       : Layer(*pass, layer, hidden, options.dropout);
    if (options.all_layers) output.layers_NC.push_back(hidden.exact_NC);
  }
  output.hidden_NC = hidden.exact_NC;
  return output;
}

at::Tensor UnpaddedMlmLoss(const MlmModel& model, const PackedTokens& tokens,
                           const GpuEncodeOptions& options, std::int64_t logit_bytes,
                           at::Tensor* losses_M) {
  TORCH_CHECK(tokens.masked_M.defined(), "a batch packed without targets has no loss");
  const Encoder& encoder = model.encoder;
  const at::Tensor hidden_NC = EncodeUnpadded(encoder, tokens, options).hidden_NC;
  const auto pass = MakePass(encoder, tokens, options);
  const at::Tensor hidden_MC = hidden_NC.index_select(0, tokens.masked_M).to(pass->product_type);
  const at::Tensor activation_MC = LinearGelu(*pass, hidden_MC, model.head.dense);
  const at::Tensor features_MC =
      at::layer_norm(activation_MC.to(hidden_NC.scalar_type()), {hidden_NC.size(1)},
                     model.head.norm.weight_C, model.head.norm.bias_C, pass->eps());
  return ChunkedVocabularyLoss(
      features_MC.to(pass->product_type), encoder.word_embeddings_VC, model.head.bias_V,
      tokens.targets_M,
      {.product_weight_VC = encoder.copies->Of(encoder.word_embeddings_VC, pass->product_type),
       .logit_bytes = logit_bytes,
       .kernels = options.kernels},
      losses_M);
}

}  // namespace repro
