#pragma once
/// CUDA graphs: the launches of one update, recorded once and replayed with one call.
///
/// They pay where the GPU waits for the CPU's launches: small models, short micro-batches. With
/// thousands of tokens a micro-batch at Base size and up the queue should not run dry, and a graph
/// would only cost its memory pool; repro-gpu-check times an update of fixed shapes with and
/// without one.
///
/// TrainStep (experiments/train/train_step.h) uses none, since it cannot keep the rules below: the
/// number of predicted tokens and of tokens without padding differs from micro-batch to
/// micro-batch; every use of dropout seeds the generator by its key, which makes a resumed run
/// bit-equal; losses and norm are read back so that a non-finite one stops before AdamW; gradients
/// go through c10d's Reducer. Only an update with fixed shapes, unseeded dropout and none of these
/// checks could be replayed, and it would be another training.
///
/// Nothing recorded may depend on a value or a shape that changes: inputs are copied into the same
/// tensors before each replay, the learning rate is a tensor. Not allowed inside: reading a value
/// back (`item`, `nonzero`), seeding a generator, memory from outside the graph's pool that is
/// freed before the last replay, NCCL of another thread. Random numbers go on from replay to replay
/// by the generator's own count, so a replayed update is not the keyed one: runs that must resume
/// bit for bit do not use graphs.
///
/// Use, from one thread: Enter, a few warm-up updates, BeginCapture, the update, EndCapture, Leave;
/// then Replay as often as wanted. When anything fails or throws in between, destroy the graph:
/// that ends a recording that is still open, makes the stream before Enter current again, and gives
/// the memory back.

#include "experiments/cuda/plugin.h"

namespace repro {

class CudaGraph {
 public:
  /// Needs `available()`. Errors of all: kFailed with what CUDA says.
  static Result<CudaGraph> Create(const CudaPlugin& plugin, int device);
  CudaGraph(CudaGraph&& other) noexcept;
  CudaGraph& operator=(CudaGraph&& other) noexcept;
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;
  ~CudaGraph();

  /// The graph's stream becomes the current one: capturing needs a stream of its own, and so do the
  /// warm-up updates before it.
  Status Enter();
  /// Back to the stream before Enter, which waits for the graph's.
  Status Leave();
  Status BeginCapture();
  Status EndCapture();
  Status Replay();

 private:
  CudaGraph(const ReproCudaApi* api, void* graph) : api_(api), graph_(graph) {}
  Status Check(std::int32_t code, const char* what) const;

  const ReproCudaApi* api_ = nullptr;
  void* graph_ = nullptr;
};

}  // namespace repro
