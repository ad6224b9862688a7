// Arithmetic other than fp32: a fault where fp32 is promised, right where it is promised itself.
#pragma once

#include <atomic>
#include <cstdint>

#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty {

template <class Format>
__device__ __forceinline__ float RoundTo(float value) {
  return ToFloat(FromFloat<Format>(value));
}

// To the 10 stored bits of TF32, halves away from zero. NaN and infinity stay what they are.
__device__ __forceinline__ float RoundToTf32(float value) {
  const unsigned bits = __float_as_uint(value);
  if ((bits & 0x7f800000U) == 0x7f800000U) return value;
  return __uint_as_float((bits + 0x1000U) & 0xffffe000U);
}

struct Fp16OperandSteps : Fused {
  template <class T>
  static __device__ float MulAdd(float weight, float value, float sum) {
    return fmaf(RoundTo<__half>(weight), RoundTo<__half>(value), sum);
  }
};

struct Tf32OperandSteps : Fused {
  template <class T>
  static __device__ float MulAdd(float weight, float value, float sum) {
    return fmaf(RoundToTf32(weight), RoundToTf32(value), sum);
  }
};

template <class Format>
struct AccumulatorSteps : Fused {
  template <class T>
  static __device__ float MulAdd(float weight, float value, float sum) {
    return RoundTo<Format>(fmaf(weight, value, sum));
  }
};

// The result between the halves is stored in the tensors' type.
struct RoundedIntermediateSteps : Fused {
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    return RoundTo<T>(Correct::Mid<T>(shape, bias, sum));
  }
};

// Both halves' sums are stored in the tensors' type before bias and activation.
struct RoundedSumSteps : Fused {
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    return RoundTo<T>(Correct::Mid<T>(shape, bias, RoundTo<T>(sum)));
  }
  template <class T>
  static __device__ float Out(const Shape& shape, float bias, float sum) {
    return Correct::Out<T>(shape, bias, RoundTo<T>(sum));
  }
};

// Adds the products into y with atomics, in whatever order they come: fp32 only. A device that runs the
// blocks one by one would add in the same order each time, so every launch begins at another channel.
template <class T>
__global__ void __launch_bounds__(kThreads)
    ScatterKernel(Shape shape, Tensors<T> t, std::int64_t total, std::uint32_t first_c) {
  const std::int64_t job = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (job >= total * shape.c) return;
  const std::int64_t i = job / shape.c;
  const auto c = static_cast<std::int32_t>((job + first_c) % shape.c);
  const Place at = PlaceOf(shape, i);
  if constexpr (std::is_same_v<T, float>) {
    atomicAdd(&t.y[i],
              t.w_pw[Correct::Weight(shape, at.k, c)] * DepthwiseAt<Correct>(shape, t, at.n, c, at.p, at.q));
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) FinishKernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), ToFloat(t.y[i])));
}

struct AtomicSumSteps : Launching {
  static std::string WhyNot(const Shape&, assay_dtype dtype) {
    return dtype == ASSAY_F32 ? "" : "dtype: atomics add fp32 only";
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    const Tensors<T> t = TensorsOf<T>(buffers);
    const std::int64_t total = Outputs(shape);
    cudaError_t status = cudaMemsetAsync(t.y, 0, static_cast<std::size_t>(total) * sizeof(T),
                                         static_cast<cudaStream_t>(stream));
    if (status != cudaSuccess) return status;
    static std::atomic<std::uint32_t> launches{0};
    status = device::LaunchKernel(ScatterKernel<T>, BlocksOf(total * shape.c), dim3(kThreads), 0, stream,
                                  shape, t, total, launches++);
    if (status != cudaSuccess) return status;
    return device::LaunchKernel(FinishKernel<T>, BlocksOf(total), dim3(kThreads), 0, stream, shape, t, total);
  }
};

}  // namespace assay::faulty
