// Measured ceilings: what this GPU's memory and arithmetic units do at best, on random data.
#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "harness/measure/cuda/ceiling_kernels.h"
#include "harness/measure/cuda/owners.h"
#include "harness/measure/cuda/require_gpu.h"
#include "harness/measure/measure.h"

namespace assay {
namespace {

using cuda::Arithmetic;

constexpr int kRepeats = 8;
constexpr double kLaunchSeconds = 4e-3;  // eight launches of it: over 20 ms a unit

class CeilingMeter {
 public:
  explicit CeilingMeter(int ordinal) {
    ASSAY_CUDA_CHECK(cudaSetDevice(ordinal));
    ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&sms_, cudaDevAttrMultiProcessorCount, ordinal));
    stream_ = cuda::MakeStream();
    start_ = cuda::MakeEvent();
    stop_ = cuda::MakeEvent();
  }

  // Bytes per second, read plus written.
  double CopyRate() {
    auto [to, from, bytes] = CopyBuffers();
    cuda::EnqueueRandomFill(from.get(), bytes, stream_.get());
    const auto own = [&] { cuda::EnqueueCopy(to.get(), from.get(), bytes, sms_, stream_.get()); };
    const auto library = [&] {
      ASSAY_CUDA_CHECK(cudaMemcpyAsync(to.get(), from.get(), bytes, cudaMemcpyDeviceToDevice, stream_.get()));
    };
    return 2.0 * static_cast<double>(bytes) / std::min(Shortest(own), Shortest(library));
  }

  // FLOP/s; 0 if the GPU lacks the unit.
  double ArithmeticRate(Arithmetic arithmetic) {
    const cuda::Buffer sink = cuda::Allocate(cuda::kArithmeticSinkBytes);
    const cuda::Buffer flops_memory = cuda::Allocate(sizeof(double));
    unsigned blocks = 0;
    int iterations = 256;
    const auto launch = [&] {
      blocks = cuda::EnqueueArithmetic(arithmetic, iterations, sms_, static_cast<float*>(sink.get()),
                                       static_cast<double*>(flops_memory.get()), stream_.get())
                   .blocks;
    };
    Seconds(launch);  // loads the module
    const double probe = Seconds(launch);
    double flops = 0;
    ASSAY_CUDA_CHECK(cudaMemcpy(&flops, flops_memory.get(), sizeof flops, cudaMemcpyDeviceToHost));
    if (flops == 0) return 0;
    iterations = static_cast<int>(std::clamp(iterations * kLaunchSeconds / probe, 256.0, 1e8));
    return flops * iterations * blocks / Shortest(launch);
  }

 private:
  struct Buffers {
    cuda::Buffer to, from;
    std::size_t bytes = 0;
  };

  // 2 GiB each, or an eighth of the memory; less where that is not free.
  static Buffers CopyBuffers() {
    constexpr std::size_t kMost = std::size_t{2} << 30, kLeast = std::size_t{64} << 20;
    std::size_t free_bytes = 0, total = 0;
    ASSAY_CUDA_CHECK(cudaMemGetInfo(&free_bytes, &total));
    std::size_t bytes = std::min({kMost, total / 8, free_bytes / 4}) / 4096 * 4096;
    if (bytes < kLeast) {
      throw DeviceError(
          "measuring the copy bandwidth takes at least 256 MiB of free device memory; there are " +
          std::to_string(free_bytes >> 20) + " MiB");
    }
    return {cuda::Allocate(bytes), cuda::Allocate(bytes), bytes};
  }

  double Seconds(const std::function<void()>& enqueue) {
    ASSAY_CUDA_CHECK(cudaEventRecord(start_.get(), stream_.get()));
    enqueue();
    ASSAY_CUDA_CHECK(cudaEventRecord(stop_.get(), stream_.get()));
    ASSAY_CUDA_CHECK(cudaEventSynchronize(stop_.get()));
    float milliseconds = 0;
    ASSAY_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start_.get(), stop_.get()));
    return milliseconds * 1e-3;
  }

  double Shortest(const std::function<void()>& enqueue) {
    Seconds(enqueue);
    double shortest = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kRepeats; ++i) shortest = std::min(shortest, Seconds(enqueue));
    return shortest;
  }

  int sms_ = 0;
  cuda::StreamOwner stream_;
  cuda::EventOwner start_, stop_;
};

}  // namespace

Ceilings MeasureCeilings(Device& device) {
  CeilingMeter meter(cuda::RequireGpu(device));
  Ceilings ceilings;
  ceilings.copy_bytes = meter.CopyRate();
  ceilings.ffma_flops = meter.ArithmeticRate(Arithmetic::kFfma);
  ceilings.tensor_fp16_flops = meter.ArithmeticRate(Arithmetic::kTensorFp16);
  ceilings.tensor_bf16_flops = meter.ArithmeticRate(Arithmetic::kTensorBf16);
  ceilings.tensor_tf32_flops = meter.ArithmeticRate(Arithmetic::kTensorTf32);
  return ceilings;
}

}  // namespace assay
