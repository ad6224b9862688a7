// Pixels whose outputs are NaN are computed once more without matrix units. The diagonal matrices of the
// depthwise half turn an infinity of one channel into NaN in its neighbours, and a NaN in any channel of a
// pixel reaches each of its outputs, whatever the weights; so outputs that are numbers need no second look.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/dsconv/depthwise.h"
#include "kernels/dsconv/shape.h"
#include "kernels/pack.h"

namespace assay::dsconv::mma {

template <class T>
struct Tensors {
  const T *x, *w_dw, *b_dw, *w_pw, *b_pw;
  T* y;
};

template <class T>
Tensors<T> TensorsOf(const assay_buffers& buffers) {
  const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
  return {in(kX), in(kWDw), in(kBDw), in(kWPw), in(kBPw), static_cast<T*>(buffers.outputs[0])};
}

// Output channels k0 to k0 + kChannels of pixel (n, p, q), by all lanes of a warp: the definition, with the
// intermediate rounded to T.
template <class T, int kChannels>
__device__ __forceinline__ void RecomputePixel(const Shape& shape, const Tensors<T>& tensors, std::int32_t n,
                                               std::int32_t p, std::int32_t q, std::int32_t k0, int lane) {
  constexpr int kPerLane = (kChannels + 31) / 32;
  float sums[kPerLane] = {};
  const T* image = tensors.x + n * shape.x.n;
  const std::int32_t h0 = p * shape.stride_h - shape.pad_h, w0 = q * shape.stride_w - shape.pad_w;
  for (std::int32_t c0 = 0; c0 < shape.c; c0 += 32) {
    const std::int32_t c = c0 + lane;
    float middle = 0.0f;
    if (c < shape.c) {
      middle = DepthwisePixel(shape, image + c * shape.x.c,
                              tensors.w_dw + static_cast<std::int64_t>(c) * shape.r * shape.s,
                              tensors.b_dw ? device::ToFloat(tensors.b_dw[c]) : 0.0f, h0, w0);
      middle = device::ToFloat(device::FromFloat<T>(middle));
    }
    for (int i = 0; i < min(32, shape.c - c0); ++i) {
      const float value = __shfl_sync(0xffffffffu, middle, i);
#pragma unroll
      for (int j = 0; j < kPerLane; ++j) {
        const std::int32_t k = k0 + j * 32 + lane;
        if (j * 32 + lane >= kChannels || k >= shape.k) continue;
        const T weight = tensors.w_pw[static_cast<std::int64_t>(k) * shape.c + c0 + i];
        sums[j] = fmaf(device::ToFloat(weight), value, sums[j]);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < kPerLane; ++j) {
    const std::int32_t k = k0 + j * 32 + lane;
    if (j * 32 + lane >= kChannels || k >= shape.k) continue;
    const float bias = tensors.b_pw ? device::ToFloat(tensors.b_pw[k]) : 0.0f;
    tensors.y[n * shape.y.n + k * shape.y.c + p * shape.y.h + q * shape.y.w] =
        device::FromFloat<T>(device::Activate(shape.act_out, sums[j] + bias));
  }
}

}  // namespace assay::dsconv::mma
