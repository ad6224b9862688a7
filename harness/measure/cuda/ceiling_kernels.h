// Kernels that do nothing but keep one unit of the GPU busy; see MeasureCeilings. All enqueue on the stream
// and throw DeviceError if that fails.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace assay::cuda {

// Random words, as in the inputs of a real launch: a copy of zeros draws less power.
void EnqueueRandomFill(void* buffer, std::size_t bytes, cudaStream_t stream);
// Copies `bytes` (a multiple of 16) with 16-byte loads and stores.
void EnqueueCopy(void* to, const void* from, std::size_t bytes, int sms, cudaStream_t stream);

enum class Arithmetic { kFfma, kTensorFp16, kTensorBf16, kTensorTf32 };

// Fills the GPU with blocks that each run `iterations` of an inner loop of dependent-chain arithmetic on
// pseudo-random registers or shared memory. Every block writes the FLOPs of one iteration to
// *flops_per_iteration, 0 if this GPU's code lacks the unit. `sink` (1 MiB or more) takes the results.
struct ArithmeticLaunch {
  unsigned blocks = 0;
};
ArithmeticLaunch EnqueueArithmetic(Arithmetic arithmetic, int iterations, int sms, float* sink,
                                   double* flops_per_iteration, cudaStream_t stream);
inline constexpr std::size_t kArithmeticSinkBytes = std::size_t{1} << 20;

}  // namespace assay::cuda
