// Owners of what the CUDA runtime hands out.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>

#include "harness/device/cuda/cuda_check.h"

namespace assay::cuda {

struct Free {
  void operator()(void* pointer) const { static_cast<void>(cudaFree(pointer)); }
};
struct FreeHost {
  void operator()(void* pointer) const { static_cast<void>(cudaFreeHost(pointer)); }
};
struct DestroyStream {
  void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
};
struct DestroyEvent {
  void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
};
using Buffer = std::unique_ptr<void, Free>;
using PinnedBuffer = std::unique_ptr<void, FreeHost>;
using StreamOwner = std::unique_ptr<CUstream_st, DestroyStream>;
using EventOwner = std::unique_ptr<CUevent_st, DestroyEvent>;

inline Buffer Allocate(std::size_t bytes) {
  void* pointer = nullptr;
  ASSAY_CUDA_CHECK(cudaMalloc(&pointer, bytes));
  return Buffer(pointer);
}

// Not ordered against the legacy default stream: a launch that goes there instead of to its stream escapes
// the events, and the second clock says so.
inline StreamOwner MakeStream() {
  cudaStream_t stream = nullptr;
  ASSAY_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return StreamOwner(stream);
}

inline EventOwner MakeEvent() {
  cudaEvent_t event = nullptr;
  ASSAY_CUDA_CHECK(cudaEventCreate(&event));
  return EventOwner(event);
}

}  // namespace assay::cuda
