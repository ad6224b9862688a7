// Bias and activation in place, for a convolution that cuDNN runs alone: one pass over the tensor, 16 bytes a
// thread, as any framework's element-wise kernel does. Never better than a fused plan, and never an unfair
// burden on an unfused one.
#pragma once

#include <cuda_runtime_api.h>

#include "reference/cudnn/convolution.h"

namespace assay::cudnn {

// y = act(y + bias[channel]) over half's output, computed in fp32 and rounded to the dtype. y and bias are
// aligned to 16 bytes; bias may be NULL if conv.bias is false. Throws Error if the launch fails.
void LaunchEpilogue(const Convolution& conv, void* y, const void* bias, cudaStream_t stream);

}  // namespace assay::cudnn
