// One thread an output element.
// A block owns 256 consecutive elements of y in memory order; a warp 32 of them.
// Each thread walks all C channels: it computes the channel's depthwise pixel from device memory and adds its
// product with w_pw[k,c] to one register. Nothing is shared, so every depthwise pixel is computed K times: C
// K R S multiply-adds an output pixel where C (R S + K) would do. That is where the time goes, and why
// anybody can check this kernel by eye.
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/depthwise.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::naive {
namespace {

constexpr int kThreads = 256;

struct OutputIndex {
  std::int32_t n, k, p, q;
};

// The element that stands at place `i` of y in memory.
__device__ __forceinline__ OutputIndex OutputAt(const Shape& shape, std::int64_t i) {
  OutputIndex at;
  if (shape.channels_last) {
    at.k = static_cast<std::int32_t>(i % shape.k), i /= shape.k;
    at.q = static_cast<std::int32_t>(i % shape.q), i /= shape.q;
    at.p = static_cast<std::int32_t>(i % shape.p), i /= shape.p;
  } else {
    at.q = static_cast<std::int32_t>(i % shape.q), i /= shape.q;
    at.p = static_cast<std::int32_t>(i % shape.p), i /= shape.p;
    at.k = static_cast<std::int32_t>(i % shape.k), i /= shape.k;
  }
  at.n = static_cast<std::int32_t>(i);
  return at;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    NaiveKernel(Shape shape, const T* __restrict__ x, const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                const T* __restrict__ w_pw, const T* __restrict__ b_pw, T* __restrict__ y) {
  const std::int64_t total = static_cast<std::int64_t>(shape.n) * shape.k * shape.p * shape.q;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const OutputIndex at = OutputAt(shape, i);
  const std::int32_t h0 = at.p * shape.stride_h - shape.pad_h;
  const std::int32_t w0 = at.q * shape.stride_w - shape.pad_w;
  const T* image = x + at.n * shape.x.n;
  const T* row = w_pw + static_cast<std::int64_t>(at.k) * shape.c;

  float sum = b_pw ? device::ToFloat(b_pw[at.k]) : 0.0f;
  for (std::int32_t c = 0; c < shape.c; ++c) {
    const float bias = b_dw ? device::ToFloat(b_dw[c]) : 0.0f;
    const T* taps = w_dw + static_cast<std::int64_t>(c) * shape.r * shape.s;
    const float mid = DepthwisePixel(shape, image + c * shape.x.c, taps, bias, h0, w0);
    sum = fmaf(device::ToFloat(row[c]), mid, sum);
  }
  y[i] = device::FromFloat<T>(device::Activate(shape.act_out, sum));
}

class Naive {
 public:
  static constexpr const char* kName = "naive";
  static constexpr const char* kSummary = "one thread an output element, nothing shared";

  static assay_promise Promise(assay_dtype) { return Fp32Promise(); }
  static std::string WhyNot(const assay_problem&, const Shape& shape, const assay_device_info&) {
    return Blocks(shape) > 0x7fffffff ? "y has more elements than a grid of 2^31 - 1 blocks of 256" : "";
  }
  // A block's elements are consecutive in memory: columns, or output channels where those come last.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info&) {
    return {{shape.channels_last ? "k" : "q", kThreads}};
  }
  Naive(const assay_problem& problem, const Shape& shape, const assay_device_info&)
      : shape_(shape), dtype_(problem.dtype) {}

  std::uint64_t workspace_bytes() const { return 0; }
  const std::string& description() const { return description_; }
  cudaError_t Prepare(const assay_buffers&, void*) { return cudaSuccess; }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      return device::LaunchKernel(NaiveKernel<T>, dim3(static_cast<unsigned>(Blocks(shape_))), dim3(kThreads),
                                  0, stream, shape_, in(kX), in(kWDw), in(kBDw), in(kWPw), in(kBPw),
                                  static_cast<T*>(buffers.outputs[0]));
    });
  }

 private:
  static std::int64_t Blocks(const Shape& shape) {
    const std::int64_t total = static_cast<std::int64_t>(shape.n) * shape.k * shape.p * shape.q;
    return (total + kThreads - 1) / kThreads;
  }

  Shape shape_;
  assay_dtype dtype_;
  std::string description_ = "256 threads a block";
};

}  // namespace

assay_variant Row() { return VariantOf<Naive>::Row(); }

}  // namespace assay::dsconv::naive
