// The weights as the kernel reads them, in fp32. In the workspace lie
//   b_pw: [k_padded]
//   records: [blocks of output channels][chunks + 1][record_words]
// A record is what one round of the loop reads: record r has the pointwise weights of chunk r - 1,
// [kChunk][kOut], and then the depthwise ones of chunk r, with biases: [kChunk][taps_pitch] in NCHW, the bias
// behind the taps; in NHWC [taps + 1][kChunk], the bias last. Zeros stand for biases that there are not and
// channels beyond C and K.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/dsconv/tiled/plan.h"

namespace assay::dsconv::tiled {

template <class T>
struct Weights {
  const T* __restrict__ w_dw, * __restrict__ b_dw, * __restrict__ w_pw, * __restrict__ b_pw;
};

// A block's numbers that the layout depends on.
struct RecordShape {
  std::int32_t chunk, out, chunks, tiles_out;

  __host__ __device__ std::int64_t Words(const Plan& plan) const {
    return plan.k_padded + static_cast<std::int64_t>(tiles_out) * (chunks + 1) * plan.record_words;
  }
};

// Word `i` of the depthwise weights of the chunk that begins with channel c0.
template <class T>
__device__ __forceinline__ float DepthwiseWord(const Shape& shape, const Plan& plan, std::int32_t chunk,
                                               const Weights<T>& weights, std::int32_t c0, std::int32_t i) {
  const std::int32_t taps = shape.r * shape.s;
  const std::int32_t c = c0 + (shape.channels_last ? i % chunk : i / plan.taps_pitch);
  const std::int32_t tap = shape.channels_last ? i / chunk : i % plan.taps_pitch;
  if (c >= shape.c || tap > taps) return 0.0f;
  if (tap == taps) return weights.b_dw ? device::ToFloat(weights.b_dw[c]) : 0.0f;
  return device::ToFloat(weights.w_dw[static_cast<std::int64_t>(c) * taps + tap]);
}

template <class T>
__global__ void PrepackKernel(Shape shape, Plan plan, RecordShape records, Weights<T> weights,
                              float* __restrict__ packed) {
  const std::int64_t words = records.Words(plan);
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < words;
       i += threads) {
    float word = 0.0f;
    if (i < plan.k_padded) {
      if (weights.b_pw && i < shape.k) word = device::ToFloat(weights.b_pw[i]);
    } else {
      const std::int64_t record = (i - plan.k_padded) / plan.record_words;
      const auto at = static_cast<std::int32_t>((i - plan.k_padded) % plan.record_words);
      const std::int32_t pointwise = records.chunk * records.out;
      const auto r = static_cast<std::int32_t>(record % (records.chunks + 1));
      if (at >= pointwise) {
        word = DepthwiseWord(shape, plan, records.chunk, weights, r * records.chunk, at - pointwise);
      } else if (r > 0) {
        const std::int64_t k = record / (records.chunks + 1) * records.out + at % records.out;
        const std::int32_t c = (r - 1) * records.chunk + at / records.out;
        if (c < shape.c && k < shape.k) word = device::ToFloat(weights.w_pw[k * shape.c + c]);
      }
    }
    packed[i] = word;
  }
}

}  // namespace assay::dsconv::tiled
