#include "experiments/model/fused_layer.h"

#include <algorithm>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "experiments/model/fused_parts.h"

namespace repro {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

/// What a layer is called with: its output follows from it.
struct LayerInput {
  EncoderLayer weights;  // handles
  std::int64_t heads = 0;
  double eps = 0;
  bool bfloat16 = false;
  std::shared_ptr<const PackedSequences> sequences;
  std::shared_ptr<const ChosenTokens> chosen;  // null: all
  SequenceDropout attention_dropout;
  SequenceDropout attended_dropout;
  SequenceDropout output_dropout;
  at::Tensor hidden_NC;
};

/// And what its backward pass needs besides. M: the chosen tokens, or all N.
struct LayerState : LayerInput {
  at::Tensor qkv_N3C;  // without bias
  at::Tensor attention_weights;
  at::Tensor context_MC;
  at::Tensor attended_MC;
  at::Tensor attended_normed_MC;
  at::Tensor attended_inverse_M;
  at::Tensor activation_MF;
  at::Tensor derivative_MF;
  at::Tensor output_normed_MC;
  at::Tensor output_inverse_M;
};

// `work(begin, end, mask, first)` for rows [begin, end) in pieces that are neighbouring tokens of
// one sequence and so share a dropout key; `first`: number of the piece's first element within its
// sequence. The rows are all tokens, or the chosen ones.
template <class Work>
void ForSequences(const PackedSequences& sequences, const ChosenTokens* chosen,
                  const SequenceDropout& dropout, std::int64_t width, std::int64_t begin,
                  std::int64_t end, const Work& work) {
  if (!dropout.Drops()) {
    if (begin < end) work(begin, end, DropoutMask{}, std::int64_t{0});
    return;
  }
  const std::vector<std::int64_t>& starts = chosen == nullptr ? sequences.starts : chosen->starts;
  auto next = std::upper_bound(starts.begin(), starts.end(), begin);  // where `begin`'s one ends
  while (begin < end) {
    const std::int64_t sequence_end = std::min(end, *next);
    const std::int64_t start = *(next - 1);
    const auto sequence = static_cast<std::size_t>(next - starts.begin() - 1);
    while (begin < sequence_end) {
      std::int64_t stop = sequence_end;
      std::int64_t token = begin - start;
      if (chosen != nullptr) {
        const auto within = chosen->within.begin() + begin;
        token = *within;
        for (stop = begin + 1; stop < sequence_end; ++stop) {
          if (*(within + (stop - begin)) != token + stop - begin) break;
        }
      }
      work(begin, stop, dropout.OfRow(sequence), token * width);
      begin = stop;
    }
    ++next;
  }
}

// `work(head, start, query_start)`: where the sequence begins among the N tokens, and among the M.
template <class Work>
void ForHeads(const LayerState& state, const Work& work) {
  const std::int64_t sequences = state.sequences->size();
  const std::int64_t width = state.hidden_NC.size(1);
  const std::int64_t depth = width / state.heads;
  at::parallel_for(0, sequences * state.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch;
    for (std::int64_t item = begin; item < end; ++item) {
      const auto sequence = static_cast<std::size_t>(item / state.heads);
      const std::int64_t start = state.sequences->starts[sequence];
      AttentionHead head;
      head.tokens = state.sequences->starts[sequence + 1] - start;
      if (head.tokens == 0) continue;
      head.depth = depth;
      head.width = width;
      head.head = item % state.heads;
      head.qkv = Data(state.qkv_N3C) + start * 3 * width;
      head.bias = Data(state.weights.qkv.bias_O);
      head.dropout = state.attention_dropout.OfRow(sequence);
      head.first = head.head * head.tokens * head.tokens;
      std::int64_t queries = head.tokens;
      std::int64_t weight_start = state.sequences->weight_starts[sequence];
      std::int64_t query_start = start;
      if (const ChosenTokens* chosen = state.chosen.get()) {
        query_start = chosen->starts[sequence];
        queries = chosen->starts[sequence + 1] - query_start;
        weight_start = chosen->weight_starts[sequence];
        head.queries = chosen->within.data() + query_start;
        head.query_count = queries;
      }
      head.weights =
          Data(state.attention_weights) + weight_start + head.head * queries * head.tokens;
      const auto needed = static_cast<std::size_t>(AttentionScratch(head.tokens, depth));
      if (scratch.size() < needed) scratch.resize(needed);
      head.scratch = scratch.data();
      work(head, start, query_start);
    }
  });
}

struct NormResult {
  at::Tensor y_NC;
  at::Tensor normed_NC;
  at::Tensor inverse_N;
};

// LayerNorm(residual + dropout(x + bias)); `x` becomes the normalised rows.
NormResult ResidualNorm(at::Tensor x_NC, const at::Tensor& bias_C, const at::Tensor& residual_NC,
                        const PackedSequences& sequences, const ChosenTokens* chosen,
                        const SequenceDropout& dropout, const LayerNormWeights& norm, double eps) {
  const std::int64_t rows = x_NC.size(0);
  const std::int64_t width = x_NC.size(1);
  NormResult result{at::empty_like(x_NC), x_NC, at::empty({rows}, x_NC.options())};
  const CpuKernels& kernels = BestCpuKernels();
  ForParts(rows, PartsOf(rows), [&](std::int64_t, std::int64_t part_begin, std::int64_t part_end) {
    std::vector<float> scratch(static_cast<std::size_t>(width));
    ForSequences(
        sequences, chosen, dropout, width, part_begin, part_end,
        [&](std::int64_t begin, std::int64_t end, const DropoutMask& mask, std::int64_t first) {
          const std::int64_t at = begin * width;
          kernels.residual_norm(end - begin, width, Data(x_NC) + at, Data(bias_C),
                                Data(residual_NC) + at, mask, first, Data(norm.weight_C),
                                Data(norm.bias_C), static_cast<float>(eps), Data(result.y_NC) + at,
                                Data(x_NC) + at, Data(result.inverse_N) + begin, scratch.data());
        });
  });
  return result;
}

struct NormGradient {
  at::Tensor d_x_NC;
  at::Tensor d_residual_NC;
  at::Tensor sums_3C;  // weight, norm bias, bias
};

NormGradient ResidualNormGradient(const at::Tensor& dy_NC, const at::Tensor& normed_NC,
                                  const at::Tensor& inverse_N, const LayerNormWeights& norm,
                                  const PackedSequences& sequences, const ChosenTokens* chosen,
                                  const SequenceDropout& dropout) {
  const std::int64_t rows = dy_NC.size(0);
  const std::int64_t width = dy_NC.size(1);
  const std::int64_t parts = PartsOf(rows);
  NormGradient gradient{at::empty_like(normed_NC), at::empty_like(normed_NC), {}};
  const at::Tensor sums = at::zeros({parts, 3, width}, dy_NC.options());
  const CpuKernels& kernels = BestCpuKernels();
  ForParts(rows, parts, [&](std::int64_t part, std::int64_t part_begin, std::int64_t part_end) {
    std::vector<float> scratch(static_cast<std::size_t>(2 * width));
    float* part_sums = Data(sums) + part * 3 * width;
    ForSequences(
        sequences, chosen, dropout, width, part_begin, part_end,
        [&](std::int64_t begin, std::int64_t end, const DropoutMask& mask, std::int64_t first) {
          const std::int64_t at = begin * width;
          kernels.residual_norm_grad(end - begin, width, Data(dy_NC) + at, Data(normed_NC) + at,
                                     Data(inverse_N) + begin, Data(norm.weight_C), mask, first,
                                     Data(gradient.d_x_NC) + at, Data(gradient.d_residual_NC) + at,
                                     part_sums, part_sums + width, part_sums + 2 * width,
                                     scratch.data());
        });
  });
  gradient.sums_3C = sums.sum(0);
  return gradient;
}

// Rows of a table: out[i] = table[ids[i]].
void GatherRows(const at::Tensor& table, const at::Tensor& ids_N, const at::Tensor& out_NC) {
  const std::int64_t width = table.size(1);
  const std::int64_t* ids = ids_N.const_data_ptr<std::int64_t>();
  at::parallel_for(0, ids_N.size(0), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::copy_n(Data(table) + ids[i] * width, width, Data(out_NC) + i * width);
    }
  });
}

// table[ids[i]] += rows[i], in order of i. ATen's own makes a tensor operation of every row.
void ScatterRows(const at::Tensor& table, const at::Tensor& ids_N, const at::Tensor& rows_NC) {
  const std::int64_t width = table.size(1);
  const std::int64_t* ids = ids_N.const_data_ptr<std::int64_t>();
  const std::int64_t parts = std::min<std::int64_t>(at::get_num_threads(), width);
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = width * first / parts;
    const std::int64_t end = width * last / parts;
    for (std::int64_t i = 0; i < ids_N.size(0); ++i) {
      float* to = Data(table) + ids[i] * width;
      const float* from = Data(rows_NC) + i * width;
      for (std::int64_t column = begin; column < end; ++column) to[column] += from[column];
    }
  });
}

// The chosen rows as ids of GatherRows and ScatterRows. Borrows them.
at::Tensor IdsOf(const ChosenTokens& chosen) {
  return at::from_blob(const_cast<std::int64_t*>(chosen.rows.data()),
                       {static_cast<std::int64_t>(chosen.rows.size())}, at::kLong);
}

at::Tensor Forward(LayerState& state) {
  const EncoderLayer& weights = state.weights;
  const CpuKernels& kernels = BestCpuKernels();
  const at::TensorOptions options = state.hidden_NC.options();
  const std::int64_t width = state.hidden_NC.size(1);

  state.qkv_N3C = Multiply(state.hidden_NC, weights.qkv.weight_OI.t(), state.bfloat16);
  const ChosenTokens* chosen = state.chosen.get();
  at::Tensor residual_MC = state.hidden_NC;
  if (chosen != nullptr) {
    const at::Tensor ids_M = IdsOf(*chosen);
    residual_MC = at::empty({ids_M.size(0), width}, options);
    GatherRows(state.hidden_NC, ids_M, residual_MC);
  }
  state.attention_weights = at::empty(
      {chosen == nullptr ? state.sequences->weight_starts.back() : chosen->weight_starts.back()},
      options);
  state.context_MC = at::empty_like(residual_MC);
  ForHeads(state, [&](const AttentionHead& head, std::int64_t, std::int64_t query_start) {
    kernels.attention(head, Data(state.context_MC) + query_start * width);
  });
  const NormResult attended = ResidualNorm(
      Multiply(state.context_MC, weights.attention_output.weight_OI.t(), state.bfloat16),
      weights.attention_output.bias_O, residual_MC, *state.sequences, chosen,
      state.attended_dropout, weights.attention_norm, state.eps);
  state.attended_MC = attended.y_NC;
  state.attended_normed_MC = attended.normed_NC;
  state.attended_inverse_M = attended.inverse_N;

  state.derivative_MF =
      Multiply(state.attended_MC, weights.intermediate.weight_OI.t(), state.bfloat16);
  state.activation_MF = at::empty_like(state.derivative_MF);
  const std::int64_t rows = state.derivative_MF.size(0);
  const std::int64_t wide = state.derivative_MF.size(1);
  ForParts(rows, PartsOf(rows), [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    kernels.bias_gelu(end - begin, wide, Data(state.derivative_MF) + begin * wide,
                      Data(weights.intermediate.bias_O), Data(state.activation_MF) + begin * wide);
  });
  const NormResult output =
      ResidualNorm(Multiply(state.activation_MF, weights.output.weight_OI.t(), state.bfloat16),
                   weights.output.bias_O, state.attended_MC, *state.sequences, chosen,
                   state.output_dropout, weights.output_norm, state.eps);
  state.output_normed_MC = output.normed_NC;
  state.output_inverse_M = output.inverse_N;
  return output.y_NC;
}

/// Gradients in the order of LayerBackward's edges: hidden, then the weights in the order of
/// EncoderLayer.
variable_list Backward(const LayerState& state, const at::Tensor& dy_MC) {
  const EncoderLayer& weights = state.weights;
  const ChosenTokens* chosen = state.chosen.get();
  const CpuKernels& kernels = BestCpuKernels();

  NormGradient output =
      ResidualNormGradient(dy_MC, state.output_normed_MC, state.output_inverse_M,
                           weights.output_norm, *state.sequences, chosen, state.output_dropout);
  const at::Tensor d_output_weight =
      Multiply(output.d_x_NC.t(), state.activation_MF, state.bfloat16);
  const at::Tensor d_activation_MF =
      Multiply(output.d_x_NC, weights.output.weight_OI, state.bfloat16);
  const std::int64_t rows = d_activation_MF.size(0);
  const std::int64_t wide = d_activation_MF.size(1);
  const std::int64_t parts = PartsOf(rows);
  const at::Tensor wide_sums = at::zeros({parts, wide}, dy_MC.options());
  ForParts(rows, parts, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    kernels.gelu_grad(end - begin, wide, Data(d_activation_MF) + begin * wide,
                      Data(state.derivative_MF) + begin * wide, Data(wide_sums) + part * wide);
  });
  const at::Tensor d_intermediate_weight =
      Multiply(d_activation_MF.t(), state.attended_MC, state.bfloat16);
  at::Tensor d_attended_MC = output.d_residual_NC;
  MultiplyInto(d_attended_MC, d_activation_MF, weights.intermediate.weight_OI, /*accumulate=*/true,
               state.bfloat16);

  NormGradient attended = ResidualNormGradient(d_attended_MC, state.attended_normed_MC,
                                               state.attended_inverse_M, weights.attention_norm,
                                               *state.sequences, chosen, state.attended_dropout);
  const at::Tensor d_projection_weight =
      Multiply(attended.d_x_NC.t(), state.context_MC, state.bfloat16);
  const at::Tensor d_context_MC =
      Multiply(attended.d_x_NC, weights.attention_output.weight_OI, state.bfloat16);
  const at::Tensor d_qkv_N3C = at::empty_like(state.qkv_N3C);
  const std::int64_t width = state.hidden_NC.size(1);
  ForHeads(state, [&](const AttentionHead& head, std::int64_t start, std::int64_t query_start) {
    kernels.attention_grad(head, Data(d_context_MC) + query_start * width,
                           Data(d_qkv_N3C) + start * 3 * width);
  });
  const at::Tensor d_qkv_weight = Multiply(d_qkv_N3C.t(), state.hidden_NC, state.bfloat16);
  at::Tensor d_hidden_NC = attended.d_residual_NC;
  if (chosen != nullptr) {
    d_hidden_NC = at::zeros_like(state.hidden_NC);
    ScatterRows(d_hidden_NC, IdsOf(*chosen), attended.d_residual_NC);
  }
  MultiplyInto(d_hidden_NC, d_qkv_N3C, weights.qkv.weight_OI, /*accumulate=*/true, state.bfloat16);

  // Clones: a gradient that is a view would keep its neighbours alive and be copied when it is
  // stored.
  const auto sum = [](const NormGradient& gradient, int row) {
    return gradient.sums_3C[row].clone();
  };
  return {d_hidden_NC,      d_qkv_weight,     d_qkv_N3C.sum(0), d_projection_weight,
          sum(attended, 2), sum(attended, 0), sum(attended, 1), d_intermediate_weight,
          wide_sums.sum(0), d_output_weight,  sum(output, 2),   sum(output, 0),
          sum(output, 1)};
}

struct LayerBackward : public Node {
  LayerState state;
  bool checkpointed = false;  // `state` holds the input alone
  bool released = false;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(!released, "the layer's backward pass can run once");
    const at::NoGradGuard no_grad;
    if (checkpointed) (void)Forward(state);
    variable_list result = Backward(state, gradients[0].contiguous());
    if (checkpointed) release_variables();  // before the layer below is computed again
    return result;
  }
  void release_variables() override {
    released = true;
    state = {};
  }
  std::string name() const override { return "FusedLayerBackward"; }
};

// The gradient of a table of which rows were gathered; undefined where nobody asks for it.
at::Tensor TableGradient(const at::Tensor& table, const at::Tensor& ids_N,
                         const at::Tensor& rows_NC) {
  const GradientSink sink = OpenGradientSink(table);
  if (!sink.table.defined()) return {};
  if (sink.fresh) sink.table.zero_();
  ScatterRows(sink.table, ids_N, rows_NC);
  return sink.ForAutograd();
}

// x *= mask, where anything falls out.
void ApplyDropout(const at::Tensor& x_NC, const PackedSequences& sequences,
                  const SequenceDropout& dropout) {
  if (!dropout.Drops()) return;
  constexpr std::int64_t kBlock = 1024;
  const std::int64_t width = x_NC.size(1);
  const std::int64_t rows = x_NC.size(0);
  ForParts(rows, PartsOf(rows), [&](std::int64_t, std::int64_t part_begin, std::int64_t part_end) {
    float kept[kBlock];
    ForSequences(
        sequences, /*chosen=*/nullptr, dropout, width, part_begin, part_end,
        [&](std::int64_t begin, std::int64_t end, const DropoutMask& mask, std::int64_t first) {
          float* x = Data(x_NC) + begin * width;
          const std::int64_t all = (end - begin) * width;
          for (std::int64_t at = 0; at < all; at += kBlock) {
            const std::int64_t count = std::min(kBlock, all - at);
            FillDropoutMask(mask, first + at, count, kept);
            for (std::int64_t i = 0; i < count; ++i) x[at + i] *= kept[i];
          }
        });
  });
}

void CheckIds(const at::Tensor& ids_N, std::int64_t rows, const char* what) {
  if (ids_N.numel() == 0) return;
  const auto [low, high] = at::aminmax(ids_N);
  TORCH_CHECK(low.item<std::int64_t>() >= 0 && high.item<std::int64_t>() < rows, what,
              "s lie between ", low.item<std::int64_t>(), " and ", high.item<std::int64_t>(),
              ", the table has ", rows, " rows");
}

struct EmbeddingBackward : public Node {
  at::Tensor words_VC;  // handles of the tables
  at::Tensor positions_PC;
  bool has_token_type = false;
  LayerNormWeights norm;
  at::Tensor ids_N;
  at::Tensor positions_N;
  at::Tensor normed_NC;
  at::Tensor inverse_N;
  std::shared_ptr<const PackedSequences> sequences;
  SequenceDropout dropout;

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(normed_NC.defined(), "the embedding's backward pass can run once");
    const at::NoGradGuard no_grad;
    at::Tensor dy_NC = gradients[0].contiguous();
    if (dropout.Drops()) {
      dy_NC = dy_NC.clone();  // somebody else may hold it
      ApplyDropout(dy_NC, *sequences, dropout);
    }
    const NormGradient gradient =
        ResidualNormGradient(dy_NC, normed_NC, inverse_N, norm, *sequences, nullptr, {});
    variable_list result = {TableGradient(words_VC, ids_N, gradient.d_x_NC),
                            TableGradient(positions_PC, positions_N, gradient.d_x_NC),
                            gradient.sums_3C[0].clone(), gradient.sums_3C[1].clone()};
    if (has_token_type) result.push_back(gradient.sums_3C[2].unsqueeze(0).clone());
    return result;
  }
  void release_variables() override {
    for (at::Tensor* tensor : {&ids_N, &positions_N, &normed_NC, &inverse_N}) tensor->reset();
  }
  std::string name() const override { return "FusedEmbeddingBackward"; }
};

}  // namespace

std::shared_ptr<const PackedSequences> PackSequences(const std::vector<std::int64_t>& lengths,
                                                     std::int64_t heads) {
  auto packed = std::make_shared<PackedSequences>();
  packed->starts.push_back(0);
  packed->weight_starts.push_back(0);
  for (const std::int64_t length : lengths) {
    packed->starts.push_back(packed->starts.back() + length);
    packed->weight_starts.push_back(packed->weight_starts.back() + heads * length * length);
  }
  return packed;
}

std::shared_ptr<const ChosenTokens> ChooseTokens(const PackedSequences& sequences,
                                                 std::vector<std::int64_t> rows,
                                                 std::int64_t heads) {
  auto chosen = std::make_shared<ChosenTokens>();
  chosen->rows = std::move(rows);
  chosen->starts.push_back(0);
  chosen->weight_starts.push_back(0);
  for (std::size_t b = 0; b + 1 < sequences.starts.size(); ++b) {
    const std::int64_t start = sequences.starts[b];
    const std::int64_t end = sequences.starts[b + 1];
    std::int64_t next = chosen->starts.back();
    for (; next < static_cast<std::int64_t>(chosen->rows.size()) &&
           chosen->rows[static_cast<std::size_t>(next)] < end;
         ++next) {
      chosen->within.push_back(chosen->rows[static_cast<std::size_t>(next)] - start);
    }
    const std::int64_t weights = heads * (next - chosen->starts.back()) * (end - start);
    chosen->starts.push_back(next);
    chosen->weight_starts.push_back(chosen->weight_starts.back() + weights);
  }
  return chosen;
}

at::Tensor FusedEmbedding(const Encoder& encoder, const at::Tensor& ids_N,
                          const at::Tensor& positions_N,
                          const std::shared_ptr<const PackedSequences>& sequences,
                          DropoutRng* rng) {
  const at::Tensor& words_VC = encoder.word_embeddings_VC;
  const at::Tensor& places_PC = encoder.position_embeddings_PC;
  const std::int64_t width = words_VC.size(1);
  CheckIds(ids_N, words_VC.size(0), "token id");
  CheckIds(positions_N, places_PC.size(0), "position");
  auto node = MakeNode<EmbeddingBackward>();
  node->words_VC = words_VC;
  node->positions_PC = places_PC;
  node->has_token_type = encoder.token_type_1C.defined();
  node->norm = encoder.embedding_norm;
  node->sequences = sequences;
  node->dropout = NextDropout(encoder.shape.settings.dropout, sequences->size(), rng);
  at::Tensor output_NC;
  {
    const at::NoGradGuard no_grad;
    node->ids_N = ids_N.contiguous();
    node->positions_N = positions_N.contiguous();
    const at::TensorOptions options = words_VC.options().requires_grad(false);
    const at::Tensor word_NC = at::empty({ids_N.size(0), width}, options);
    const at::Tensor place_NC = at::empty_like(word_NC);
    GatherRows(words_VC, node->ids_N, word_NC);
    GatherRows(places_PC, node->positions_N, place_NC);
    const at::Tensor shift_C = node->has_token_type ? encoder.token_type_1C.detach().flatten()
                                                    : at::zeros({width}, options);
    NormResult result = ResidualNorm(word_NC, shift_C, place_NC, *sequences, nullptr, {},
                                     encoder.embedding_norm, encoder.shape.settings.layer_norm_eps);
    node->normed_NC = result.normed_NC;
    node->inverse_N = result.inverse_N;
    output_NC = result.y_NC;
    ApplyDropout(output_NC, *sequences, node->dropout);
  }
  if (!torch::autograd::compute_requires_grad(words_VC, places_PC, encoder.embedding_norm.weight_C,
                                              encoder.embedding_norm.bias_C,
                                              encoder.token_type_1C)) {
    return output_NC;
  }
  torch::autograd::edge_list edges = torch::autograd::collect_next_edges(
      words_VC, places_PC, encoder.embedding_norm.weight_C, encoder.embedding_norm.bias_C);
  if (node->has_token_type) {
    edges.push_back(torch::autograd::collect_next_edges(encoder.token_type_1C)[0]);
  }
  node->set_next_edges(std::move(edges));
  torch::autograd::set_history(output_NC, node);
  return output_NC;
}

at::Tensor FusedLayer(const EncoderLayer& layer, const ModelSettings& settings,
                      const at::Tensor& hidden_NC,
                      const std::shared_ptr<const PackedSequences>& sequences, DropoutRng* rng,
                      bool bfloat16, bool checkpoint,
                      const std::shared_ptr<const ChosenTokens>& chosen) {
  LayerState state;
  state.chosen = chosen;
  state.bfloat16 = bfloat16;
  state.weights = layer;
  state.heads = settings.heads;
  state.eps = settings.layer_norm_eps;
  state.sequences = sequences;
  const std::int64_t rows = sequences->size();
  state.attention_dropout = NextDropout(settings.attention_dropout, rows, rng);
  state.attended_dropout = NextDropout(settings.dropout, rows, rng);
  state.output_dropout = NextDropout(settings.dropout, rows, rng);
  state.hidden_NC = hidden_NC.detach().contiguous();
  at::Tensor output_NC;
  {
    const at::NoGradGuard no_grad;
    output_NC = Forward(state);
  }
  const bool needs_gradient = torch::autograd::compute_requires_grad(
      hidden_NC, layer.qkv.weight_OI, layer.qkv.bias_O, layer.attention_output.weight_OI,
      layer.attention_output.bias_O, layer.attention_norm.weight_C, layer.attention_norm.bias_C,
      layer.intermediate.weight_OI, layer.intermediate.bias_O, layer.output.weight_OI,
      layer.output.bias_O, layer.output_norm.weight_C, layer.output_norm.bias_C);
  if (!needs_gradient) return output_NC;
  auto node = MakeNode<LayerBackward>();
  node->set_next_edges(torch::autograd::collect_next_edges(
      hidden_NC, layer.qkv.weight_OI, layer.qkv.bias_O, layer.attention_output.weight_OI,
      layer.attention_output.bias_O, layer.attention_norm.weight_C, layer.attention_norm.bias_C,
      layer.intermediate.weight_OI, layer.intermediate.bias_O, layer.output.weight_OI,
      layer.output.bias_O, layer.output_norm.weight_C, layer.output_norm.bias_C));
  node->checkpointed = checkpoint;
  if (checkpoint) {
    static_cast<LayerInput&>(node->state) = std::move(state);
  } else {
    node->state = std::move(state);
  }
  torch::autograd::set_history(output_NC, node);
  return output_NC;
}

}  // namespace repro
