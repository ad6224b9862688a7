#include "harness/device/graph_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace assay {
namespace {

// More than any step or timing has sets of buffers at once.
constexpr std::size_t kKept = 96;

std::vector<const void*> KeyOf(const assay_buffers& buffers) {
  std::vector<const void*> key(buffers.inputs, buffers.inputs + buffers.num_inputs);
  key.insert(key.end(), buffers.outputs, buffers.outputs + buffers.num_outputs);
  key.push_back(buffers.workspace);
  return key;
}

}  // namespace

LaunchGraph& GraphPlan::GraphOf(const assay_buffers& buffers) {
  Key key = KeyOf(buffers);
  const auto found = std::ranges::find(graphs_, key, &Captured::key);
  if (found != graphs_.end()) {
    graphs_.splice(graphs_.begin(), graphs_, found);
    return *graphs_.front().graph;
  }
  std::unique_ptr<LaunchGraph> graph;
  try {
    graph = device_.Capture([&](void* stream) { plan_->Launch(buffers, stream); });
  } catch (const DeviceError& error) {
    if (error.sticky) throw;
    throw VariantError(fmt::format("its launch cannot be captured into a CUDA graph: {}", error.what()));
  }
  graphs_.push_front({std::move(key), std::move(graph)});
  if (graphs_.size() > kKept) graphs_.pop_back();
  return *graphs_.front().graph;
}

void GraphPlan::Prepare(const assay_buffers& buffers, void* stream) {
  plan_->Prepare(buffers, stream);
  GraphOf(buffers);
}

void GraphPlan::Launch(const assay_buffers& buffers, void* stream) { GraphOf(buffers).Launch(stream); }

std::string GraphPlan::Describe() const {
  const std::string plan = plan_->Describe();
  return plan + (plan.empty() ? "" : "; ") + "launched as a CUDA graph";
}

}  // namespace assay
