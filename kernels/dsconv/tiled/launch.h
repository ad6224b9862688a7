// From a tile to the kernel that was compiled for it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/launch.h"
#include "kernels/dsconv/tiled/blocks.h"
#include "kernels/dsconv/tiled/kernel.h"

namespace assay::dsconv::tiled {

struct Run {
  const Shape& shape;
  const Plan& plan;
  const Tile& tile;
  std::int64_t blocks, shared_bytes;
  const assay_buffers& buffers;
  void* stream;
};

template <class B, Depthwise kDepthwise, class T>
cudaError_t LaunchWith(const Run& run) {
  const auto in = [&](int i) { return static_cast<const T*>(run.buffers.inputs[i]); };
  const Tensors<T> tensors = {in(kX), in(kWDw), in(kBDw), static_cast<const float*>(run.buffers.workspace),
                              static_cast<T*>(run.buffers.outputs[0])};
  const auto launch = [&](auto kernel) {
    return device::LaunchKernel(kernel, dim3(static_cast<unsigned>(run.blocks)), dim3(B::kThreads),
                                static_cast<std::size_t>(run.shared_bytes), run.stream, run.shape, run.plan,
                                tensors);
  };
  return run.shape.channels_last ? launch(TiledKernel<B, kDepthwise, true, T>)
                                 : launch(TiledKernel<B, kDepthwise, false, T>);
}

template <int kBlock, Depthwise kDepthwise, class T>
cudaError_t LaunchIfCompiled(const Run& run) {
  if constexpr (IsCompiled(kBlock, kDepthwise, sizeof(T) == sizeof(float))) {
    return LaunchWith<std::tuple_element_t<kBlock, Blocks>, kDepthwise, T>(run);
  } else {
    return cudaErrorInvalidValue;
  }
}

template <int kBlock, class T>
cudaError_t LaunchBlock(const Run& run) {
  switch (run.tile.depthwise) {
    case Depthwise::kStrips1:
      return LaunchIfCompiled<kBlock, Depthwise::kStrips1, T>(run);
    case Depthwise::kStrips2:
      return LaunchIfCompiled<kBlock, Depthwise::kStrips2, T>(run);
    case Depthwise::kGather3:
      return LaunchIfCompiled<kBlock, Depthwise::kGather3, T>(run);
    case Depthwise::kGather:
      return LaunchIfCompiled<kBlock, Depthwise::kGather, T>(run);
    default:
      return LaunchIfCompiled<kBlock, Depthwise::kDirect, T>(run);
  }
}

}  // namespace assay::dsconv::tiled
