// A plain fused kernel, one thread an output element, in which each step can be replaced: a fault is a struct
// that replaces one of them. Everything that it does not replace is right.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "kernels/device/activation.h"
#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/variant.h"
#include "tests/faulty/gallery.h"

namespace assay::faulty {

using device::Activation;
using device::FromFloat;
using device::ToFloat;
using dsconv::Shape;

inline constexpr int kThreads = 128;

template <class T>
struct Tensors {
  const T *x, *w_dw, *b_dw, *w_pw, *b_pw;
  T* y;
};

struct Place {
  std::int32_t n, k, p, q;
};

template <class T>
Tensors<T> TensorsOf(const assay_buffers& buffers) {
  const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
  return {in(dsconv::kX),   in(dsconv::kWDw), in(dsconv::kBDw),
          in(dsconv::kWPw), in(dsconv::kBPw), static_cast<T*>(buffers.outputs[0])};
}

inline std::int64_t Outputs(const Shape& shape) {
  return static_cast<std::int64_t>(shape.n) * shape.k * shape.p * shape.q;
}
inline std::int64_t Inputs(const Shape& shape) {
  return static_cast<std::int64_t>(shape.n) * shape.c * shape.h * shape.w;
}
inline dim3 BlocksOf(std::int64_t threads) {
  return dim3(static_cast<unsigned>((threads + kThreads - 1) / kThreads));
}

// The element that stands at place `i` of y in memory.
__device__ __forceinline__ Place PlaceOf(const Shape& shape, std::int64_t i) {
  Place at;
  if (shape.channels_last) at.k = static_cast<std::int32_t>(i % shape.k), i /= shape.k;
  at.q = static_cast<std::int32_t>(i % shape.q), i /= shape.q;
  at.p = static_cast<std::int32_t>(i % shape.p), i /= shape.p;
  if (!shape.channels_last) at.k = static_cast<std::int32_t>(i % shape.k), i /= shape.k;
  at.n = static_cast<std::int32_t>(i);
  return at;
}

// The steps of the kernel, each as it should be.
struct Correct {
  // Which problems show the fault at all; empty: any.
  static std::string WhyNot(const Shape&, assay_dtype) { return {}; }
  static assay_promise Promise(assay_dtype) { return dsconv::Fp32Promise(); }
  // What the kernel takes the problem for.
  static Shape Bend(const Shape& shape) { return shape; }
  template <class T>
  static void Swap(const Shape&, Tensors<T>&) {}

  static __device__ __forceinline__ bool Skip(const Shape&, const Place&) { return false; }
  // How many channels are summed over.
  static __device__ __forceinline__ std::int32_t Channels(const Shape& shape) { return shape.c; }
  // Where the tap (r, s) stands in its filter.
  static __device__ __forceinline__ std::int32_t Tap(const Shape& shape, std::int32_t r, std::int32_t s) {
    return r * shape.s + s;
  }
  static __device__ __forceinline__ std::int64_t Weight(const Shape& shape, std::int32_t k, std::int32_t c) {
    return static_cast<std::int64_t>(k) * shape.c + c;
  }
  static __device__ __forceinline__ std::int64_t Image(const Shape& shape, std::int32_t n) {
    return n * shape.x.n;
  }
  // x[h, w] of the plane; zero outside the image.
  template <class T>
  static __device__ __forceinline__ float Pixel(const Shape& shape, const T* plane, std::int32_t h,
                                                std::int32_t w) {
    if (h < 0 || h >= shape.h || w < 0 || w >= shape.w) return 0.0f;
    return ToFloat(plane[static_cast<std::int64_t>(h) * shape.x.h + w * shape.x.w]);
  }
  template <class T>
  static __device__ __forceinline__ float MulAdd(float weight, float value, float sum) {
    return fmaf(weight, value, sum);
  }
  // What becomes of the depthwise sum (without its bias) of channel c.
  template <class T>
  static __device__ __forceinline__ float Mid(const Shape& shape, float bias, float sum) {
    return device::Activate(shape.act_mid, sum + bias);
  }
  template <class T>
  static __device__ __forceinline__ float Out(const Shape& shape, float bias, float sum) {
    return device::Activate(shape.act_out, sum + bias);
  }
  template <class T>
  static __device__ __forceinline__ float BiasDw(const Shape&, const Tensors<T>& t, std::int32_t c) {
    return t.b_dw ? ToFloat(t.b_dw[c]) : 0.0f;
  }
  template <class T>
  static __device__ __forceinline__ float BiasPw(const Shape&, const Tensors<T>& t, std::int32_t k) {
    return t.b_pw ? ToFloat(t.b_pw[k]) : 0.0f;
  }
  template <class T>
  static __device__ __forceinline__ void Store(const Shape&, T* y, std::int64_t i, const Place&,
                                               float value) {
    y[i] = FromFloat<T>(value);
  }
};

template <class Steps, class T>
__device__ __forceinline__ float DepthwiseAt(const Shape& shape, const Tensors<T>& t, std::int32_t n,
                                             std::int32_t c, std::int32_t p, std::int32_t q) {
  const T* plane = t.x + Steps::Image(shape, n) + c * shape.x.c;
  const T* taps = t.w_dw + static_cast<std::int64_t>(c) * shape.r * shape.s;
  float sum = 0.0f;
// A gallery of many kernels should compile quickly; how fast they run does not matter.
#pragma unroll 1
  for (std::int32_t r = 0; r < shape.r; ++r) {
#pragma unroll 1
    for (std::int32_t s = 0; s < shape.s; ++s) {
      const std::int32_t h = p * shape.stride_h - shape.pad_h + r * shape.dilation_h;
      const std::int32_t w = q * shape.stride_w - shape.pad_w + s * shape.dilation_w;
      sum = Steps::template MulAdd<T>(ToFloat(taps[Steps::Tap(shape, r, s)]),
                                      Steps::template Pixel<T>(shape, plane, h, w), sum);
    }
  }
  return Steps::template Mid<T>(shape, Steps::template BiasDw<T>(shape, t, c), sum);
}

template <class Steps, class T>
__device__ __forceinline__ float OutputAt(const Shape& shape, const Tensors<T>& t, const Place& at) {
  float sum = 0.0f;
#pragma unroll 1
  for (std::int32_t c = 0; c < Steps::Channels(shape); ++c) {
    sum = Steps::template MulAdd<T>(ToFloat(t.w_pw[Steps::Weight(shape, at.k, c)]),
                                    DepthwiseAt<Steps, T>(shape, t, at.n, c, at.p, at.q), sum);
  }
  return Steps::template Out<T>(shape, Steps::template BiasPw<T>(shape, t, at.k), sum);
}

template <class Steps, class T>
__global__ void __launch_bounds__(kThreads) FusedKernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  if (Steps::Skip(shape, at)) return;
  Steps::template Store<T>(shape, t.y, i, at, OutputAt<Steps, T>(shape, t, at));
}

// Runs the kernel whose steps are those of `Steps`.
template <class Steps, class T>
cudaError_t RunFused(const Shape& problem, Tensors<T> t, void* stream) {
  const Shape shape = Steps::Bend(problem);
  Steps::template Swap<T>(shape, t);
  const std::int64_t total = Outputs(shape);
  return device::LaunchKernel(FusedKernel<Steps, T>, BlocksOf(total), dim3(kThreads), 0, stream, shape, t,
                              total);
}

// A fault that runs the fused kernel with steps of its own. A plan has an object of the fault, so that it may
// remember things.
struct Fused : Correct {
  static constexpr bool kLaunches = false;
  std::uint64_t WorkspaceBytes(const Shape&, assay_dtype) const { return 0; }
};

// A fault that launches in its own way, by
//   template <class T> cudaError_t Launch(const Shape&, const assay_buffers&, void* stream);
struct Launching : Fused {
  static constexpr bool kLaunches = true;
};

// A pack's row out of a fault: a struct that is derived from Fused or Launching and has a kName.
template <class Fault>
class FaultyPlan {
 public:
  static constexpr const char* kName = Fault::kName;
  static constexpr const char* kSummary = RowOf(Fault::kName).fault;

  static assay_promise Promise(assay_dtype dtype) { return Fault::Promise(dtype); }
  static std::string WhyNot(const assay_problem& problem, const Shape& shape, const assay_device_info&) {
    if ((Outputs(shape) + kThreads - 1) / kThreads > 0x7fffffff) return "y has too many elements";
    return Fault::WhyNot(shape, problem.dtype);
  }
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&) {
    return {};
  }
  FaultyPlan(const assay_problem& problem, const Shape& shape, const assay_device_info&)
      : shape_(shape), dtype_(problem.dtype) {}

  std::uint64_t workspace_bytes() const { return fault_.WorkspaceBytes(shape_, dtype_); }
  const std::string& description() const { return description_; }
  cudaError_t Prepare(const assay_buffers&, void*) { return cudaSuccess; }
  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      if constexpr (Fault::kLaunches) {
        return fault_.template Launch<T>(shape_, buffers, stream);
      } else {
        return RunFused<Fault, T>(shape_, TensorsOf<T>(buffers), stream);
      }
    });
  }

 private:
  Shape shape_;
  assay_dtype dtype_;
  Fault fault_;
  std::string description_;
};

using Variants = std::vector<assay_variant>;

template <class... Faults>
Variants VariantsOf() {
  return {dsconv::VariantOf<FaultyPlan<Faults>>::Row()...};
}

}  // namespace assay::faulty
