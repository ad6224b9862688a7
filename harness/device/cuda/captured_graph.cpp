#include "harness/device/cuda/captured_graph.h"

#include <utility>

#include "harness/device/cuda/cuda_check.h"

namespace assay {
namespace {

class GraphOwner {
 public:
  explicit GraphOwner(cudaGraph_t graph) : graph_(graph) {}
  ~GraphOwner() {
    if (graph_ != nullptr) static_cast<void>(cudaGraphDestroy(graph_));
  }
  GraphOwner(const GraphOwner&) = delete;
  GraphOwner& operator=(const GraphOwner&) = delete;
  cudaGraph_t get() const { return graph_; }

 private:
  cudaGraph_t graph_;
};

class CapturedGraph final : public LaunchGraph {
 public:
  explicit CapturedGraph(cudaGraph_t graph) {
    ASSAY_CUDA_CHECK(cudaGraphInstantiate(&executable_, graph, 0));
  }
  ~CapturedGraph() override { static_cast<void>(cudaGraphExecDestroy(executable_)); }
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;

  void Upload(cudaStream_t stream) { ASSAY_CUDA_CHECK(cudaGraphUpload(executable_, stream)); }
  void Launch(void* stream) override {
    ASSAY_CUDA_CHECK(cudaGraphLaunch(executable_, static_cast<cudaStream_t>(stream)));
  }

 private:
  cudaGraphExec_t executable_ = nullptr;
};

cudaGraph_t EndCapture(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  ASSAY_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  return graph;
}

}  // namespace

std::unique_ptr<LaunchGraph> CaptureGraph(cudaStream_t stream,
                                          const std::function<void(void* stream)>& enqueue) {
  // Relaxed: a library may do what a stricter mode forbids (load a module, say) at its first launch.
  ASSAY_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  try {
    enqueue(stream);
  } catch (...) {
    cudaGraph_t graph = nullptr;
    static_cast<void>(cudaStreamEndCapture(stream, &graph));
    static_cast<void>(cudaGetLastError());
    const GraphOwner owner(graph);
    throw;
  }
  const GraphOwner graph(EndCapture(stream));
  auto captured = std::make_unique<CapturedGraph>(graph.get());
  captured->Upload(stream);
  ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream));
  return captured;
}

}  // namespace assay
