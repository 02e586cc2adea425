#pragma once
/// Data-parallel training over processes: each computes its share of every update's sequences, and
/// all hold the same weights. c10d of LibTorch does the talking: a TCP store to find each other,
/// Gloo between CPUs (NCCL between GPUs lies in the CUDA plugin), c10d::Reducer to sum gradients
/// while the backward pass still runs.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "core/base/result.h"
#include "experiments/cuda/plugin.h"
#include "experiments/model/encoder.h"

namespace repro {

/// One process's membership. Copies share it. All processes must make the same calls in the same
/// order.
class TrainingGroup {
 public:
  /// A training of one process: sums are what they are, nothing is sent.
  TrainingGroup() = default;

  /// The server side of the meeting point, for rank 0: a free port of 127.0.0.1, which no other
  /// machine can reach. Errors: kIo, kFailed.
  static Result<TrainingGroup> Open(std::int64_t size);
  /// The other ranks, by the leader's port. Waits up to a minute for the server. Errors: kFailed.
  static Result<TrainingGroup> Connect(std::uint16_t port, std::int64_t rank, std::int64_t size);
  /// Waits until all are there, then connects them. Call before anything below. Errors: kFailed
  /// naming this rank.
  Status Meet();

  std::int64_t rank() const { return rank_; }
  std::int64_t size() const { return size_; }
  bool Leads() const { return rank_ == 0; }
  /// Of the meeting point on 127.0.0.1; 0 where one process trains alone.
  std::uint16_t port() const { return port_; }

  /// Replaces each value by its sum over the processes. Errors: kFailed when another process is
  /// gone.
  Status Sum(std::vector<double>& values) const;
  /// Gives every process the leader's content of these tensors (any device).
  Status Broadcast(const std::vector<at::Tensor>& tensors) const;

  /// For GPUs, after Meet(): gradients go through NCCL on `device`, all else still through Gloo.
  /// Errors: kFailed with what NCCL says.
  Status UseNccl(const CudaPlugin& plugin, int device);

 private:
  friend class GradientExchange;
  struct Impl;
  Status Guarded(const char* what, const std::function<void()>& work) const;
  std::shared_ptr<Impl> impl_;
  std::int64_t rank_ = 0;
  std::int64_t size_ = 1;
  std::uint16_t port_ = 0;
};

/// Averages the gradients of fixed parameters over the group, bucket by bucket, while the backward
/// pass goes on. Lives as long as the parameters are trained.
class GradientExchange {
 public:
  /// `bfloat16`: gradients are rounded to bfloat16 on the way (half the traffic, less precise).
  GradientExchange(const TrainingGroup& group, const std::vector<NamedTensor>& parameters,
                   bool bfloat16);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  /// Say this before the backward pass of an update's last micro-batch: afterwards every `grad` is
  /// the average over the processes of what they accumulated. The passes before it stay local.
  void ExpectLastBackward();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
