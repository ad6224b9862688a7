// A kernel that keeps a stream waiting until the CPU lets it go.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace assay {

// Page-locked memory that the CPU writes and the kernel reads.
class StreamHolder {
 public:
  StreamHolder();
  ~StreamHolder();
  StreamHolder(const StreamHolder&) = delete;
  StreamHolder& operator=(const StreamHolder&) = delete;

  // Enqueues the kernel. It ends with ReleaseAll() or after `seconds`.
  void Hold(cudaStream_t stream, double seconds);
  void ReleaseAll();

 private:
  volatile std::uint32_t* released_ = nullptr;  // the last ticket let go
  std::uint32_t ticket_ = 0;
};

}  // namespace assay
