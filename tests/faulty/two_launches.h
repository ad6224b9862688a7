// The operator in two kernels with the intermediate in memory between them.
#pragma once

#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty {

inline std::int64_t Intermediates(const Shape& shape) {
  return static_cast<std::int64_t>(shape.n) * shape.c * shape.p * shape.q;
}

// mid[n,c,p,q] in fp32.
template <class T>
__global__ void __launch_bounds__(kThreads)
    DepthwiseKernel(Shape shape, Tensors<T> t, float* mid, std::int64_t total) {
  std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  float* to = mid + i;
  const auto q = static_cast<std::int32_t>(i % shape.q);
  i /= shape.q;
  const auto p = static_cast<std::int32_t>(i % shape.p);
  i /= shape.p;
  *to = DepthwiseAt<Correct>(shape, t, static_cast<std::int32_t>(i / shape.c),
                             static_cast<std::int32_t>(i % shape.c), p, q);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    PointwiseKernel(Shape shape, Tensors<T> t, const float* mid, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  float sum = 0.0f;
  for (std::int32_t c = 0; c < shape.c; ++c) {
    const std::int64_t from =
        ((static_cast<std::int64_t>(at.n) * shape.c + c) * shape.p + at.p) * shape.q + at.q;
    sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]), mid[from], sum);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), sum));
}

template <class T>
cudaError_t RunTwoLaunches(const Shape& shape, const Tensors<T>& t, float* mid, void* stream) {
  const std::int64_t intermediates = Intermediates(shape), outputs = Outputs(shape);
  const cudaError_t status = device::LaunchKernel(DepthwiseKernel<T>, BlocksOf(intermediates), dim3(kThreads),
                                                  0, stream, shape, t, mid, intermediates);
  if (status != cudaSuccess) return status;
  return device::LaunchKernel(PointwiseKernel<T>, BlocksOf(outputs), dim3(kThreads), 0, stream, shape, t,
                              static_cast<const float*>(mid), outputs);
}

}  // namespace assay::faulty
