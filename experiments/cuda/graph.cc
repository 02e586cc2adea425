#include "experiments/cuda/graph.h"

#include <utility>

#include "core/base/check.h"

namespace repro {

Result<CudaGraph> CudaGraph::Create(const CudaPlugin& plugin, int device) {
  REPRO_CHECK(plugin.available());
  void* graph = nullptr;
  if (plugin.api()->graph_create(device, &graph) != 0) {
    return Fail(ErrorCode::kFailed, "GPU {}: CUDA graph: {}", device, plugin.api()->last_error());
  }
  return CudaGraph(plugin.api(), graph);
}

CudaGraph::CudaGraph(CudaGraph&& other) noexcept
    : api_(other.api_), graph_(std::exchange(other.graph_, nullptr)) {}

CudaGraph& CudaGraph::operator=(CudaGraph&& other) noexcept {
  std::swap(api_, other.api_);
  std::swap(graph_, other.graph_);
  return *this;
}

CudaGraph::~CudaGraph() {
  if (graph_ != nullptr) api_->graph_destroy(graph_);
}

Status CudaGraph::Check(std::int32_t code, const char* what) const {
  if (code == 0) return {};
  return Fail(ErrorCode::kFailed, "CUDA graph: {}: {}", what, api_->last_error());
}

Status CudaGraph::Enter() {
  return Check(api_->graph_enter_stream(graph_), "entering its stream");
}
Status CudaGraph::Leave() {
  return Check(api_->graph_leave_stream(graph_), "leaving its stream");
}
Status CudaGraph::BeginCapture() {
  return Check(api_->graph_begin_capture(graph_), "beginning to record");
}
Status CudaGraph::EndCapture() {
  return Check(api_->graph_end_capture(graph_), "recording");
}
Status CudaGraph::Replay() {
  return Check(api_->graph_replay(graph_), "replay");
}

}  // namespace repro
