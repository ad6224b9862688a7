// What both layouts' depthwise kernels are given, and how a thread finds its pixels.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "reference/cudnn/activate.cuh"
#include "reference/cudnn/convolution.h"

namespace assay::cudnn {

constexpr int kDepthwiseThreads = 128;

// What a thread computes: `rows` x `columns` output pixels of `channels` consecutive channels. kernel and
// stride are those that it is compiled for, the same along both axes; 0: any, and then a thread has one
// pixel. Pixels of one thread lie a dilation apart (which takes a stride of 1), so that they share inputs
// whatever the dilation. `vector`: columns are read and written as one aligned vector (NCHW).
struct DepthwiseTile {
  int channels = 1, rows = 1, columns = 1, kernel = 0, stride = 0;
  bool vector = false;
};

struct DepthwiseArgs {
  std::int32_t c, h, w, p, q, r, s;
  std::int32_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  std::int32_t step_h, step_w;  // from one pixel of a thread to the next, in output pixels
  std::int32_t tiles_p, tiles_q;
  std::int64_t tiles;  // of all images (NHWC), or of all planes (NCHW)
  Activation activation;
};

template <typename T, int kSize>
struct alignas(sizeof(T) * kSize) Pack {
  T values[kSize];
};

__device__ inline float Widen(float x) { return x; }
__device__ inline float Widen(__half x) { return __half2float(x); }
__device__ inline float Widen(__nv_bfloat16 x) { return __bfloat162float(x); }

// The first output pixel of tile number `tile` along an axis: tiles of the same residue modulo `step` stand
// side by side.
__device__ inline std::int32_t FirstPixel(std::int32_t tile, std::int32_t step, std::int32_t pixels) {
  return tile % step + step * pixels * (tile / step);
}

// How many tiles cover `extent` pixels; some lie wholly behind the end if step > 1.
inline std::int64_t TilesAlong(std::int64_t extent, std::int64_t step, std::int64_t pixels) {
  const std::int64_t longest = (extent + step - 1) / step;
  return step * ((longest + pixels - 1) / pixels);
}

}  // namespace assay::cudnn
