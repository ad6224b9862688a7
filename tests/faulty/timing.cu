// Kernels that are right and whose times are not: work where the events do not see it, lines that survive the
// flush of L2, launches that wait. On the host device, which gives no times, there are none.
#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty::timing {
namespace {

#ifndef ASSAY_SIMT

// Takes about so long (the clock taken for 2 GHz), so that where it runs makes a difference to be measured.
__global__ void DelayKernel(long long nanoseconds) {
  const long long until = clock64() + nanoseconds * 2;
  while (clock64() < until) {
  }
}

constexpr long long kDelay = 100'000;

template <class T>
cudaError_t RunDelayed(const Shape& shape, const assay_buffers& buffers, void* stream) {
  const cudaError_t status = device::LaunchKernel(DelayKernel, dim3(1), dim3(1), 0, stream, kDelay);
  return status == cudaSuccess ? RunFused<Correct>(shape, TensorsOf<T>(buffers), stream) : status;
}

// A stream that waits for no other, and that no event of the harness looks at.
struct OtherStream : Launching {
  static constexpr const char* kName = "other_stream";
  cudaStream_t other = nullptr;
  ~OtherStream() {
    if (other != nullptr) static_cast<void>(cudaStreamDestroy(other));
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void*) {
    if (other == nullptr) {
      const cudaError_t status = cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
      if (status != cudaSuccess) return status;
    }
    return RunDelayed<T>(shape, buffers, other);
  }
};

struct LegacyStream : Launching {
  static constexpr const char* kName = "legacy_stream";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void*) {
    return RunDelayed<T>(shape, buffers, cudaStreamLegacy);
  }
};

struct Synchronises : Launching {
  static constexpr const char* kName = "synchronises";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    const cudaError_t status = RunFused<Correct>(shape, TensorsOf<T>(buffers), stream);
    return status == cudaSuccess ? cudaStreamSynchronize(static_cast<cudaStream_t>(stream)) : status;
  }
};

struct PersistingL2 : Launching {
  static constexpr const char* kName = "persisting_l2";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    cudaError_t status = cudaDeviceSetLimit(cudaLimitPersistingL2CacheSize, std::size_t{4} << 20);
    if (status == cudaSuccess) status = RunFused<Correct>(shape, TensorsOf<T>(buffers), stream);
    return status;
  }
};

#endif

}  // namespace

Variants Rows() {
#ifdef ASSAY_SIMT
  return {};
#else
  return VariantsOf<OtherStream, LegacyStream, Synchronises, PersistingL2>();
#endif
}

}  // namespace assay::faulty::timing
