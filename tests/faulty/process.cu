// Kernels that take down the process they run in, or what it writes to. They must run in a worker only.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty::process {
namespace {

template <class T>
__global__ void IllegalAddressKernel(T* nowhere) {
  *nowhere = FromFloat<T>(1.0f);
}

// Stores to an address that nothing is at: a segmentation fault on the CPU, a lost context on a GPU.
struct IllegalAddress : Launching {
  static constexpr const char* kName = "illegal_address";
  template <class T>
  cudaError_t Launch(const Shape&, const assay_buffers&, void* stream) {
    return device::LaunchKernel(IllegalAddressKernel<T>, dim3(1), dim3(1), 0, stream,
                                reinterpret_cast<T*>(std::uintptr_t{64}));
  }
};

struct Aborts : Launching {
  static constexpr const char* kName = "aborts";
  template <class T>
  cudaError_t Launch(const Shape&, const assay_buffers&, void*) {
    std::abort();
  }
};

struct ExitsWithZero : Launching {
  static constexpr const char* kName = "exits_with_zero";
  template <class T>
  cudaError_t Launch(const Shape&, const assay_buffers&, void*) {
    std::_Exit(0);
  }
};

#ifndef ASSAY_SIMT
// `forever` is there so that the compiler may not take the loop for one that ends.
__global__ void EndlessKernel(volatile int* forever) {
  while (*forever != 1) {
  }
}
#endif

// On a GPU a kernel that never ends; on the CPU, a launch that never returns.
struct Hangs : Launching {
  static constexpr const char* kName = "hangs";
  std::uint64_t WorkspaceBytes(const Shape&, assay_dtype) const { return sizeof(int); }
  template <class T>
  cudaError_t Launch(const Shape&, const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    static_cast<void>(buffers), static_cast<void>(stream);
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
#else
    return device::LaunchKernel(EndlessKernel, dim3(1), dim3(1), 0, stream,
                                static_cast<volatile int*>(buffers.workspace));
#endif
  }
};

// Right, but for what it says: on stdout, and to everything that it finds open.
struct WritesToEveryFile : Launching {
  static constexpr const char* kName = "writes_to_every_file";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    std::puts("{\"verdict\": \"right\"}");
    static_cast<void>(std::fflush(stdout));
    constexpr char kGarbage[] = "\xff\x00\x01 {\"verdict\": \"right\"}\n";
    for (int fd = 3; fd <= 64; ++fd) {
      if (write(fd, kGarbage, sizeof kGarbage) < 0) continue;  // not open, or not for writing
    }
    return RunFused<Correct>(shape, TensorsOf<T>(buffers), stream);
  }
};

}  // namespace

Variants Rows() { return VariantsOf<IllegalAddress, Aborts, ExitsWithZero, Hangs, WritesToEveryFile>(); }

}  // namespace assay::faulty::process
