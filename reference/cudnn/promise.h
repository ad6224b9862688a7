// What the baseline says of itself, whether or not cuDNN is there to keep it.
#pragma once

#include "kernels/pack.h"

namespace assay::cudnn {

constexpr const char* kSummary =
    "two cuDNN convolutions, each with the fastest plan that cuDNN offers on this device";

constexpr const char* kTf32Summary = "as cudnn, for fp32 tensors, with plans that may round operands to TF32";

// Plans whose arithmetic is another are never tried: UnpromisedArithmetic() in conv_graph.cpp. A convolution
// that runs alone, before a kernel with its bias and activation, rounds its sum to the dtype; which form is
// the fastest is not known before a plan is made, so the weaker promise is given.
inline assay_promise Promise(assay_dtype dtype) {
  assay_promise promise = {};
  promise.operand = dtype == ASSAY_F16    ? ASSAY_FORMAT_F16
                    : dtype == ASSAY_BF16 ? ASSAY_FORMAT_BF16
                                          : ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.rounds_intermediate = 1;
  promise.rounds_sums = 1;
  promise.repeatable = 1;
  promise.alignment = 16;
  promise.drops_nan = 1;  // its fused relu and relu6 do in some engines
  return promise;
}

// Of the baselines that may round fp32 operands to TF32; they take no other tensors.
inline assay_promise Tf32Promise(assay_dtype dtype) {
  assay_promise promise = Promise(dtype);
  if (dtype == ASSAY_F32) promise.operand = ASSAY_FORMAT_TF32;
  return promise;
}

}  // namespace assay::cudnn
