#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/scratch.h"

namespace assay::cudnn {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMaxBlocks = 1 << 16;  // kernels here stride over the rest

template <typename... Params, typename... Args>
void Launch(const char* name, void (*kernel)(Params...), std::int64_t items, cudaStream_t stream,
            Args... args) {
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned>(std::clamp<std::int64_t>((items + kThreads - 1) / kThreads, 1, kMaxBlocks)));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  CheckCuda(cudaLaunchKernelEx(&config, kernel, static_cast<Params>(args)...),
            std::string("launching ") + name);
}

__device__ std::int64_t FirstItem() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t ItemStep() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

// A 32-bit finalizer with full avalanche: Chris Wellons' "lowbias32",
// https://nullprogram.com/blog/2018/07/31/.
__device__ std::uint32_t Mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

template <typename T>
__global__ void FillKernel(T* data, std::int64_t count, float scale, std::uint32_t seed) {
  for (std::int64_t i = FirstItem(); i < count; i += ItemStep()) {
    const std::uint32_t bits =
        Mix(Mix(static_cast<std::uint32_t>(i)) + static_cast<std::uint32_t>(i >> 32) + seed);
    const float unit = static_cast<float>(bits >> 8) * 0x1p-23f - 1.0f;
    data[i] = static_cast<T>(unit * scale);
  }
}

// A NaN is a number whose bits, without the sign, are above those of infinity.
template <typename Bits>
__global__ void CountNanKernel(const Bits* data, std::int64_t count, Bits infinity,
                               unsigned long long* found) {
  constexpr Bits kSign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));
  unsigned long long mine = 0;
  for (std::int64_t i = FirstItem(); i < count; i += ItemStep())
    mine += static_cast<Bits>(data[i] & ~kSign) > infinity;
  if (mine != 0) atomicAdd(found, mine);
}

__global__ void ReadKernel(const uint4* data, std::int64_t count, std::uint32_t* sink) {
  std::uint32_t sum = 0;
  for (std::int64_t i = FirstItem(); i < count; i += ItemStep()) {
    const uint4 line = data[i];
    sum += line.x ^ line.y ^ line.z ^ line.w;
  }
  // The buffer holds zeros, which the compiler does not know: the reads stay and nothing is written.
  if (sum == 0xdeadbeefu) *sink = sum;
}

__global__ void DelayKernel(long long cycles) {
  if (threadIdx.x != 0 || blockIdx.x != 0) return;
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
}

int Attribute(cudaDeviceAttr attribute, int ordinal, const char* name) {
  int value = 0;
  CheckCuda(cudaDeviceGetAttribute(&value, attribute, ordinal),
            std::string("asking for the device's ") + name);
  return value;
}

}  // namespace

void CheckCuda(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // not to be found, and blamed on, by the next check
  throw Error(what + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

void CheckContext(const std::string& after_what) {
  CheckCuda(cudaDeviceSynchronize(), "the CUDA context broke after " + after_what);
}

DeviceScope::DeviceScope(int ordinal) {
  CheckCuda(cudaGetDevice(&previous_), "asking for the current device");
  CheckCuda(cudaSetDevice(ordinal), "selecting device " + std::to_string(ordinal));
}
DeviceScope::~DeviceScope() { (void)cudaSetDevice(previous_); }

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  if (bytes > 0)
    CheckCuda(cudaMalloc(&data_, bytes), "allocating " + std::to_string(bytes) + " bytes on the device");
}
DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) (void)cudaFree(data_);
}
DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Stream::Stream() {
  CheckCuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
}
Stream::~Stream() { (void)cudaStreamDestroy(stream_); }

Event::Event() { CheckCuda(cudaEventCreate(&event_), "creating an event"); }
Event::~Event() { (void)cudaEventDestroy(event_); }

void FillRandom(void* data, std::int64_t count, assay_dtype dtype, float scale, std::uint32_t seed,
                cudaStream_t stream) {
  switch (dtype) {
    case ASSAY_F32:
      return Launch("FillKernel", FillKernel<float>, count, stream, static_cast<float*>(data), count, scale,
                    seed);
    case ASSAY_F16:
      return Launch("FillKernel", FillKernel<__half>, count, stream, static_cast<__half*>(data), count, scale,
                    seed);
    case ASSAY_BF16:
      return Launch("FillKernel", FillKernel<__nv_bfloat16>, count, stream, static_cast<__nv_bfloat16*>(data),
                    count, scale, seed);
  }
  throw Error("unknown dtype");
}

void Poison(void* data, std::int64_t count, assay_dtype dtype, cudaStream_t stream) {
  const std::size_t bytes = static_cast<std::size_t>(count) * (dtype == ASSAY_F32 ? 4 : 2);
  CheckCuda(cudaMemsetAsync(data, 0xff, bytes, stream), "poisoning an output");
}

std::int64_t CountNan(const void* data, std::int64_t count, assay_dtype dtype, cudaStream_t stream) {
  using Counter = unsigned long long;
  const DeviceMemory counter(sizeof(Counter));
  auto* found = static_cast<Counter*>(counter.get());
  CheckCuda(cudaMemsetAsync(found, 0, sizeof(Counter), stream), "clearing a counter");
  if (dtype == ASSAY_F32) {
    Launch("CountNanKernel", CountNanKernel<std::uint32_t>, count, stream,
           static_cast<const std::uint32_t*>(data), count, 0x7f800000u, found);
  } else {
    Launch("CountNanKernel", CountNanKernel<std::uint16_t>, count, stream,
           static_cast<const std::uint16_t*>(data), count, dtype == ASSAY_F16 ? 0x7c00u : 0x7f80u, found);
  }
  Counter result = 0;
  CheckCuda(cudaMemcpyAsync(&result, found, sizeof(result), cudaMemcpyDeviceToHost, stream),
            "reading a counter");
  CheckCuda(cudaStreamSynchronize(stream), "waiting for a count");
  return static_cast<std::int64_t>(result);
}

ColdTimer::ColdTimer(int ordinal) {
  const auto l2_bytes = static_cast<std::size_t>(Attribute(cudaDevAttrL2CacheSize, ordinal, "L2 size"));
  constexpr std::size_t kAtLeast = std::size_t{16} << 20;
  flush_ = DeviceMemory((std::max(2 * l2_bytes, kAtLeast) + 255) / 256 * 256);
  sink_ = DeviceMemory(sizeof(std::uint32_t));
  CheckCuda(cudaMemset(flush_.get(), 0, flush_.bytes()), "clearing the flush buffer");
  CheckCuda(cudaDeviceSynchronize(), "clearing the flush buffer");
  clock_khz_ = Attribute(cudaDevAttrClockRate, ordinal, "clock rate");
}

double ColdTimer::Milliseconds(const std::function<void()>& enqueue, cudaStream_t stream) {
  using Clock = std::chrono::steady_clock;
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    const auto lines = static_cast<std::int64_t>(flush_.bytes() / sizeof(uint4));
    Launch("ReadKernel", ReadKernel, lines, stream, static_cast<const uint4*>(flush_.get()), lines,
           static_cast<std::uint32_t*>(sink_.get()));
    const auto begin = Clock::now();
    Launch("DelayKernel", DelayKernel, 1, stream, static_cast<long long>(delay_ms_ * clock_khz_));
    CheckCuda(cudaEventRecord(start_.get(), stream), "recording an event");
    enqueue();
    CheckCuda(cudaEventRecord(stop_.get(), stream), "recording an event");
    const double host_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    CheckCuda(cudaEventSynchronize(stop_.get()), "waiting for a timed plan");
    float elapsed_ms = 0;
    CheckCuda(cudaEventElapsedTime(&elapsed_ms, start_.get(), stop_.get()), "reading a timer");
    // A plan that itself waits for the device can never be enqueued in time: its wait is part of its cost.
    if (host_ms < delay_ms_ || attempt == kAttempts) return elapsed_ms;
    delay_ms_ = std::min(2 * host_ms, 20.0);
  }
}

}  // namespace assay::cudnn
