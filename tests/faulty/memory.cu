// Kernels that read or write where they should not. Their results are right unless what they read shows in
// them.
#include "tests/faulty/device_bytes.h"
#include "tests/faulty/two_launches.h"

namespace assay::faulty::memory {
namespace {

__device__ __forceinline__ bool IsLast(const Shape& shape, const Place& at) {
  return at.n == shape.n - 1 && at.k == shape.k - 1 && at.p == shape.p - 1 && at.q == shape.q - 1;
}

struct WritesPastEnd : Fused {
  static constexpr const char* kName = "writes_past_end";
  template <class T>
  static __device__ void Store(const Shape& shape, T* y, std::int64_t i, const Place& at, float value) {
    y[i] = FromFloat<T>(value);
    if (IsLast(shape, at)) y[i + 1] = FromFloat<T>(value);
  }
};

struct WritesBeforeStart : Fused {
  static constexpr const char* kName = "writes_before_start";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    y[i] = FromFloat<T>(value);
    if (i == 0) y[i - 1] = FromFloat<T>(value);
  }
};

// Loads first and multiplies by zero where the pixel is outside the image.
struct ReadsPastInput : Fused {
  static constexpr const char* kName = "reads_past_input";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    const float inside = h >= 0 && h < shape.h && w >= 0 && w < shape.w ? 1.0f : 0.0f;
    return inside * ToFloat(plane[static_cast<std::int64_t>(h) * shape.x.h + w * shape.x.w]);
  }
};

// Takes the weights of a row four at a time, the ragged rest with a zero beside each.
template <class T>
__global__ void __launch_bounds__(kThreads) RaggedKernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  float sum = 0.0f;
  for (std::int32_t c = 0; c < (shape.c + 3) / 4 * 4; ++c) {
    const float mid = c < shape.c ? DepthwiseAt<Correct>(shape, t, at.n, c, at.p, at.q) : 0.0f;
    sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]), mid, sum);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), sum));
}

struct ReadsPastWeights : Launching {
  static constexpr const char* kName = "reads_past_weights";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return device::LaunchKernel(RaggedKernel<T>, BlocksOf(Outputs(shape)), dim3(kThreads), 0, stream, shape,
                                TensorsOf<T>(buffers), Outputs(shape));
  }
};

// Empties the input and then computes: a reference evaluated afterwards from the same memory agrees.
struct InputZeroedFirst : Launching {
  static constexpr const char* kName = "input_zeroed_first";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    const Tensors<T> t = TensorsOf<T>(buffers);
    const cudaError_t status =
        cudaMemsetAsync(const_cast<T*>(t.x), 0, static_cast<std::size_t>(Inputs(shape)) * sizeof(T),
                        static_cast<cudaStream_t>(stream));
    return status == cudaSuccess ? RunFused<Correct>(shape, t, stream) : status;
  }
};

struct InputUsedAsScratch : Launching {
  static constexpr const char* kName = "input_used_as_scratch";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    const Tensors<T> t = TensorsOf<T>(buffers);
    const cudaError_t status = RunFused<Correct>(shape, t, stream);
    if (status != cudaSuccess) return status;
    return cudaMemsetAsync(const_cast<T*>(t.w_pw), 0x11, sizeof(T), static_cast<cudaStream_t>(stream));
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    AddToWorkspaceKernel(Shape shape, Tensors<T> t, float* workspace, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  for (std::int32_t c = 0; c < shape.c; ++c) {
    workspace[i] = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]),
                        DepthwiseAt<Correct>(shape, t, at.n, c, at.p, at.q), workspace[i]);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), workspace[i]));
}

struct WorkspaceTakenForZero : Launching {
  static constexpr const char* kName = "workspace_taken_for_zero";
  std::uint64_t WorkspaceBytes(const Shape& shape, assay_dtype) const {
    return sizeof(float) * Outputs(shape);
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return device::LaunchKernel(AddToWorkspaceKernel<T>, BlocksOf(Outputs(shape)), dim3(kThreads), 0, stream,
                                shape, TensorsOf<T>(buffers), static_cast<float*>(buffers.workspace),
                                Outputs(shape));
  }
};

// Asks for one element less than it writes.
struct WritesPastWorkspace : Launching {
  static constexpr const char* kName = "writes_past_workspace";
  std::uint64_t WorkspaceBytes(const Shape& shape, assay_dtype) const {
    return sizeof(float) * (Intermediates(shape) - 1);
  }
  static std::string WhyNot(const Shape& shape, assay_dtype) {
    return Intermediates(shape) > 1 ? "" : "n * c * p * q is 1: no workspace would be left";
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunTwoLaunches<T>(shape, TensorsOf<T>(buffers), static_cast<float*>(buffers.workspace), stream);
  }
};

// One buffer for the whole process, as a static one in a library is: two launches that run at once mix their
// intermediates.
struct ScratchOfAllLaunches : Launching {
  static constexpr const char* kName = "scratch_of_all_launches";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    static DeviceBytes* const scratch = new DeviceBytes;  // outlives the CUDA runtime, like such statics do
    const cudaError_t status =
        scratch->Reserve(sizeof(float) * static_cast<std::size_t>(Intermediates(shape)));
    if (status != cudaSuccess) return status;
    return RunTwoLaunches<T>(shape, TensorsOf<T>(buffers), static_cast<float*>(scratch->data()), stream);
  }
};

}  // namespace

Variants Rows() {
  return VariantsOf<WritesPastEnd, WritesBeforeStart, ReadsPastInput, ReadsPastWeights, InputZeroedFirst,
                    InputUsedAsScratch, WorkspaceTakenForZero, WritesPastWorkspace, ScratchOfAllLaunches>();
}

}  // namespace assay::faulty::memory
