#include "reference/cudnn/dsconv_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/cudnn/error.h"

namespace assay::cudnn {
namespace {

// What cudaMalloc gives, and so what cuDNN's workspaces had while the plans were tried. The pack asks the
// harness for 16 only.
constexpr std::uint64_t kAlignment = 256;
std::uint64_t Aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

enum Input { kX, kDepthwiseFilter, kDepthwiseBias, kPointwiseFilter, kPointwiseBias, kNumInputs };

void CheckPointer(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error(fmt::format("the buffer of {} is NULL", name));
}

Convolution WithTf32(Convolution conv, bool tf32) {
  conv.tf32 = tf32;
  return conv;
}

}  // namespace

void DsconvPlan::CheckSupport(const assay_problem& problem, bool tf32, int ordinal, MakeHalf make) {
  const Convolution depthwise = WithTf32(DepthwiseConvolution(problem), tf32);
  const Convolution pointwise = WithTf32(PointwiseConvolution(problem), tf32);
  Session& session = Session::Of(ordinal);
  const std::lock_guard lock(session.mutex());
  make(session, depthwise);
  make(session, pointwise);
}

DsconvPlan::DsconvPlan(const assay_problem& problem, bool tf32, int ordinal, MakeHalf make,
                       const std::string& libraries)
    : session_(Session::Of(ordinal)),
      depthwise_(WithTf32(DepthwiseConvolution(problem), tf32)),
      pointwise_(WithTf32(PointwiseConvolution(problem), tf32)) {
  const std::lock_guard lock(session_.mutex());
  depthwise_plan_ = make(session_, depthwise_);
  pointwise_plan_ = make(session_, pointwise_);
  intermediate_bytes_ =
      Aligned(static_cast<std::uint64_t>(Count(depthwise_.OutputDims())) * ElementBytes(depthwise_.dtype));
  workspace_bytes_ = kAlignment + intermediate_bytes_ +
                     std::max(depthwise_plan_->WorkspaceBytes(), pointwise_plan_->WorkspaceBytes());
  description_ =
      fmt::format("{}; {}; {}", depthwise_plan_->description(), pointwise_plan_->description(), libraries);
}

void DsconvPlan::CheckBuffers(const assay_buffers& buffers) const {
  if (buffers.num_inputs != kNumInputs || buffers.num_outputs != 1) {
    throw Error(fmt::format("{} inputs and {} outputs were handed over; dsconv has {} and 1",
                            buffers.num_inputs, buffers.num_outputs, static_cast<int>(kNumInputs)));
  }
  if (buffers.workspace == nullptr || buffers.workspace_bytes < workspace_bytes_) {
    throw Error(fmt::format("the workspace has {} bytes; {} are needed",
                            buffers.workspace == nullptr ? 0 : buffers.workspace_bytes, workspace_bytes_));
  }
  CheckPointer(buffers.inputs[kX], "x");
  CheckPointer(buffers.inputs[kDepthwiseFilter], "w_dw");
  CheckPointer(buffers.inputs[kPointwiseFilter], "w_pw");
  if (depthwise_.bias) CheckPointer(buffers.inputs[kDepthwiseBias], "b_dw");
  if (pointwise_.bias) CheckPointer(buffers.inputs[kPointwiseBias], "b_pw");
  CheckPointer(buffers.outputs[0], "y");
}

void DsconvPlan::Launch(const assay_buffers& buffers, void* stream) {
  CheckBuffers(buffers);
  auto* workspace = static_cast<char*>(buffers.workspace);
  const auto address = reinterpret_cast<std::uintptr_t>(workspace);
  char* intermediate = workspace + (Aligned(address) - address);
  char* scratch = intermediate + intermediate_bytes_;
  const ConvPointers first = {buffers.inputs[kX], buffers.inputs[kDepthwiseFilter],
                              depthwise_.bias ? buffers.inputs[kDepthwiseBias] : nullptr, intermediate,
                              scratch};
  const ConvPointers second = {intermediate, buffers.inputs[kPointwiseFilter],
                               pointwise_.bias ? buffers.inputs[kPointwiseBias] : nullptr, buffers.outputs[0],
                               scratch};
  const std::lock_guard lock(session_.mutex());
  depthwise_plan_->Launch(first, stream);
  pointwise_plan_->Launch(second, stream);
}

}  // namespace assay::cudnn
