// Launches a kernel the one way that works under nvcc and on the host device alike.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

namespace assay::device {

// Without an opt-in a block gets this much dynamic shared memory (CUDA C++ Programming Guide, "Compute
// Capabilities").
inline constexpr std::size_t kDefaultSharedBytes = 48 * 1024;

// In clusters of `cluster` blocks, which divides the grid; more than one block needs sm_90, and no host
// device. Blocks that wait for each other are launched `together`: all of them run at the same time, or the
// launch fails.
template <class... Params, class... Args>
cudaError_t LaunchBlocks(void (*kernel)(Params...), dim3 grid, dim3 cluster, bool together, dim3 block,
                         std::size_t shared_bytes, void* stream, Args&&... args) {
  if (shared_bytes > kDefaultSharedBytes) {
    const cudaError_t status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(shared_bytes));
    if (status != cudaSuccess) return status;
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
#ifdef ASSAY_SIMT
  if (cluster.x * cluster.y * cluster.z != 1 || together) return cudaErrorInvalidValue;
#else
  cudaLaunchAttribute attributes[2] = {};
  if (cluster.x * cluster.y * cluster.z > 1) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = cluster.x;
    attribute.val.clusterDim.y = cluster.y;
    attribute.val.clusterDim.z = cluster.z;
  }
  if (together) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
  }
  config.attrs = attributes;
#endif
  return cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...);
}

template <class... Params, class... Args>
cudaError_t LaunchClusters(void (*kernel)(Params...), dim3 grid, dim3 cluster, dim3 block,
                           std::size_t shared_bytes, void* stream, Args&&... args) {
  return LaunchBlocks(kernel, grid, cluster, false, block, shared_bytes, stream, std::forward<Args>(args)...);
}

template <class... Params, class... Args>
cudaError_t LaunchTogether(void (*kernel)(Params...), dim3 grid, dim3 cluster, dim3 block,
                           std::size_t shared_bytes, void* stream, Args&&... args) {
  return LaunchBlocks(kernel, grid, cluster, true, block, shared_bytes, stream, std::forward<Args>(args)...);
}

template <class... Params, class... Args>
cudaError_t LaunchKernel(void (*kernel)(Params...), dim3 grid, dim3 block, std::size_t shared_bytes,
                         void* stream, Args&&... args) {
  return LaunchClusters(kernel, grid, dim3(1), block, shared_bytes, stream, std::forward<Args>(args)...);
}

}  // namespace assay::device
