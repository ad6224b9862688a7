// The pointwise half as matrix products of cuBLASLt, which is opened at run time: a machine without it has
// fewer contenders and is told so.
#pragma once

#include <string>
#include <vector>

#include "reference/cudnn/convolution.h"
#include "reference/two_kernel_best/contender.h"

namespace assay::cudnn {

std::string CublasLtName();         // "cuBLASLt 13.1.0"; empty if it was not found
std::string CublasLtUnavailable();  // why it cannot be used; empty if it can

struct MatmulContenders {
  std::vector<Contender> all;  // in the library's order of estimated time, forms in turn
  std::string library;         // "cuBLASLt 13.1.0"; empty if it cannot be used
  std::string unavailable;     // why not, then
};

// Every algorithm that the library's heuristics return for the half, a pointwise one, with the promised
// arithmetic: fp32 sums that are never rounded between parts, and no TF32. NHWC is one
// product, y[npq, k] = x[npq, c] w[k, c]^T; NCHW a strided batch of them, y[n][k, pq] = w[k, c] x[n][c, pq].
// Bias and relu go into the library's epilogue where it has one for them, and into our epilogue kernel
// besides. The current device is the one that it will run on.
MatmulContenders PointwiseMatmuls(const Convolution& conv, int ordinal);

}  // namespace assay::cudnn
