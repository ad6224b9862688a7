// Depthwise kernels of our own, plain CUDA cores in fp32 with bias and activation inside: contenders for the
// depthwise half beside cuDNN's plans.
#pragma once

#include <vector>

#include "reference/cudnn/convolution.h"
#include "reference/two_kernel_best/contender.h"

namespace assay::cudnn {

// Those that take the half, which is a depthwise one; none where its indices pass 32 bits. Pointers are to be
// aligned to 16 bytes.
std::vector<Contender> NativeDepthwiseKernels(const Convolution& conv);

}  // namespace assay::cudnn
