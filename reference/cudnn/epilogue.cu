// A thread owns one 16-byte vector of the output. Where a vector lies in one channel (NCHW, an image that is
// a multiple of the vector) it reads one bias; where its channels are consecutive (NHWC, channels a multiple
// of the vector) it reads a vector of biases; otherwise each element finds its own. All time goes into one
// read and one write of the tensor.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <string>

#include "reference/cudnn/activate.cuh"
#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/epilogue.h"
#include "reference/cudnn/error.h"

namespace assay::cudnn {
namespace {

constexpr int kThreads = 256;

enum class BiasRead { kNone, kOne, kVector, kEach };

template <typename T>
struct alignas(16) Vector {
  static constexpr int kSize = 16 / static_cast<int>(sizeof(T));
  T values[kSize];
};

// The channel of element i is i / inner % channels; inner is the image's size (NCHW) or 1 (NHWC). Index is 32
// bits wide where that is enough: a 64-bit division would cost more than the memory access that it places.
template <typename T, typename Index, BiasRead kRead>
__global__ void __launch_bounds__(kThreads)
    EpilogueKernel(T* y, const T* bias, Index count, Index inner, Index channels, Activation activation) {
  constexpr int kSize = Vector<T>::kSize;
  const Index first = (static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x) * kSize;
  if (first >= count) return;
  const bool whole = count - first >= kSize;
  Vector<T> vector = {};
  if (whole) {
    vector = *reinterpret_cast<const Vector<T>*>(y + first);
  } else {
    for (int i = 0; i < kSize; ++i) {
      if (i < count - first) vector.values[i] = y[first + i];
    }
  }
  Index position = 0, channel = 0;
  Vector<T> biases = {};
  if constexpr (kRead == BiasRead::kVector)
    biases = *reinterpret_cast<const Vector<T>*>(bias + first % channels);
  if constexpr (kRead == BiasRead::kOne || kRead == BiasRead::kEach) {
    position = first % inner;
    channel = first / inner % channels;
  }
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    float x = static_cast<float>(vector.values[i]);
    if constexpr (kRead == BiasRead::kVector) x += static_cast<float>(biases.values[i]);
    if constexpr (kRead == BiasRead::kOne || kRead == BiasRead::kEach) x += static_cast<float>(bias[channel]);
    if constexpr (kRead == BiasRead::kEach) {
      if (++position == inner) {
        position = 0;
        if (++channel == channels) channel = 0;
      }
    }
    vector.values[i] = static_cast<T>(Activate(x, activation));
  }
  if (whole) {
    *reinterpret_cast<Vector<T>*>(y + first) = vector;
  } else {
    for (int i = 0; i < kSize; ++i) {
      if (i < count - first) y[first + i] = vector.values[i];
    }
  }
}

template <typename T, typename Index>
void LaunchIndexed(const Convolution& conv, T* y, const T* bias, cudaStream_t stream) {
  constexpr int kSize = Vector<T>::kSize;
  const std::int64_t count = Count(conv.OutputDims());
  const std::int64_t inner = conv.layout == ASSAY_NHWC ? 1 : conv.out[0] * conv.out[1];
  auto* kernel = EpilogueKernel<T, Index, BiasRead::kEach>;
  if (!conv.bias) {
    kernel = EpilogueKernel<T, Index, BiasRead::kNone>;
  } else if (inner % kSize == 0) {
    kernel = EpilogueKernel<T, Index, BiasRead::kOne>;
  } else if (inner == 1 && conv.out_channels % kSize == 0) {
    kernel = EpilogueKernel<T, Index, BiasRead::kVector>;
  }
  const std::int64_t per_block = std::int64_t{kThreads} * kSize;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>((count + per_block - 1) / per_block));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  CheckCuda(cudaLaunchKernelEx(&config, kernel, y, bias, static_cast<Index>(count), static_cast<Index>(inner),
                               static_cast<Index>(conv.out_channels), conv.activation),
            std::string("launching the ") + conv.name + " epilogue");
}

template <typename T>
void LaunchTyped(const Convolution& conv, void* y, const void* bias, cudaStream_t stream) {
  constexpr std::int64_t kSmall = std::int64_t{1} << 31;  // with room for the last block's overhang
  if (Count(conv.OutputDims()) < kSmall) {
    LaunchIndexed<T, std::uint32_t>(conv, static_cast<T*>(y), static_cast<const T*>(bias), stream);
  } else {
    LaunchIndexed<T, std::uint64_t>(conv, static_cast<T*>(y), static_cast<const T*>(bias), stream);
  }
}

}  // namespace

void LaunchEpilogue(const Convolution& conv, void* y, const void* bias, cudaStream_t stream) {
  switch (conv.dtype) {
    case ASSAY_F32:
      return LaunchTyped<float>(conv, y, bias, stream);
    case ASSAY_F16:
      return LaunchTyped<__half>(conv, y, bias, stream);
    case ASSAY_BF16:
      return LaunchTyped<__nv_bfloat16>(conv, y, bias, stream);
  }
  throw Error("unknown dtype");
}

}  // namespace assay::cudnn
