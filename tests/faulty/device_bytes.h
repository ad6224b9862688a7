// Device memory that a kernel keeps for itself, outside the harness's buffers.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

namespace assay::faulty {

class DeviceBytes {
 public:
  DeviceBytes() = default;
  ~DeviceBytes() { static_cast<void>(cudaFree(data_)); }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;

  void* data() const { return data_; }
  // At least so many; what was there is lost if they have to be found anew.
  cudaError_t Reserve(std::size_t bytes) {
    if (bytes <= size_) return cudaSuccess;
    static_cast<void>(cudaFree(std::exchange(data_, nullptr)));
    size_ = 0;
    const cudaError_t status = cudaMalloc(&data_, bytes);
    if (status == cudaSuccess) size_ = bytes;
    return status;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

inline cudaError_t Copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, void* stream) {
  return cudaMemcpyAsync(to, from, bytes, kind, static_cast<cudaStream_t>(stream));
}

}  // namespace assay::faulty
