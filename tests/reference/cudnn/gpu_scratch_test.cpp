// The pack's own kernels and its timer, on a GPU.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/epilogue.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/scratch.h"

namespace assay::cudnn {
namespace {

class CudnnScratch : public testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0)
      GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(status);
  }
};

template <typename T>
std::vector<T> Download(const void* from, std::int64_t count) {
  std::vector<T> result(static_cast<std::size_t>(count));
  CheckCuda(cudaMemcpy(result.data(), from, result.size() * sizeof(T), cudaMemcpyDeviceToHost), "download");
  return result;
}

double Expected(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kRelu6:
      return std::min(std::max(x, 0.0), 6.0);
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kHardswish:
      return x * std::min(std::max(x + 3, 0.0), 6.0) / 6;
  }
  return x;
}

template <typename T>
void CheckEpilogue(assay_dtype dtype, double unit_roundoff) {
  // Images and channels that are, and are not, multiples of a vector; a last vector that is not whole.
  const std::vector<Dims> shapes = {{2, 16, 8, 8}, {2, 24, 7, 7}, {3, 17, 5, 3},
                                    {1, 1, 1, 1},  {1, 40, 1, 1}, {1, 3, 14, 14}};
  for (const Dims& dims : shapes) {
    for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      for (int activation = 0; activation <= 4; ++activation) {
        for (const bool bias : {false, true}) {
          Convolution conv;
          conv.name = "tested";
          conv.n = dims[0];
          conv.in_channels = conv.out_channels = dims[1];
          conv.out = {dims[2], dims[3]};
          conv.bias = bias;
          conv.activation = static_cast<Activation>(activation);
          conv.dtype = dtype;
          conv.layout = layout;
          const std::int64_t count = Count(dims);
          const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
          constexpr std::size_t kGuard = 64;
          DeviceMemory y(bytes + kGuard), biases(static_cast<std::size_t>(dims[1]) * sizeof(T));
          CheckCuda(cudaMemset(y.get(), 0x5a, y.bytes()), "guard");
          FillRandom(y.get(), count, dtype, 8.0f, 5, nullptr);
          FillRandom(biases.get(), dims[1], dtype, 2.0f, 6, nullptr);
          const auto before = Download<T>(y.get(), count), bias_values = Download<T>(biases.get(), dims[1]);
          LaunchEpilogue(conv, y.get(), bias ? biases.get() : nullptr, nullptr);
          const auto after = Download<T>(y.get(), count);
          const std::int64_t inner = layout == ASSAY_NCHW ? dims[2] * dims[3] : 1;
          for (std::int64_t i = 0; i < count; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const double b =
                bias ? static_cast<float>(bias_values[static_cast<std::size_t>(i / inner % dims[1])]) : 0.0;
            const double sum = static_cast<float>(before[at]) + b;
            const double expected = Expected(conv.activation, sum);
            const double bound = unit_roundoff * std::abs(expected) +
                                 8 * 0x1p-24 * (std::abs(static_cast<float>(before[at])) + std::abs(b)) +
                                 0x1p-25;
            ASSERT_TRUE(std::abs(static_cast<float>(after[at]) - expected) <= bound)
                << conv.Key() << " element " << i << " is " << static_cast<float>(after[at]) << ", not "
                << expected;
          }
          const auto guard = Download<unsigned char>(static_cast<char*>(y.get()) + bytes, kGuard);
          for (const unsigned char byte : guard)
            ASSERT_EQ(byte, 0x5a) << "written past the end: " << conv.Key();
        }
      }
    }
  }
}

TEST_F(CudnnScratch, EpilogueIsBiasAndActivationInFp32) { CheckEpilogue<float>(ASSAY_F32, 0x1p-24); }
TEST_F(CudnnScratch, EpilogueIsBiasAndActivationInFp16) { CheckEpilogue<__half>(ASSAY_F16, 0x1p-11); }
TEST_F(CudnnScratch, EpilogueIsBiasAndActivationInBf16) { CheckEpilogue<__nv_bfloat16>(ASSAY_BF16, 0x1p-8); }

TEST_F(CudnnScratch, EpilogueKeepsNanAndKnowsInfinity) {
  constexpr float kInf = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> in = {kNan, kInf, -kInf, -100.0f};
  for (int activation = 0; activation <= 4; ++activation) {
    Convolution conv;
    conv.n = conv.out_channels = 1;
    conv.out = {1, 4};
    conv.activation = static_cast<Activation>(activation);
    DeviceMemory y(16);
    CheckCuda(cudaMemcpy(y.get(), in.data(), 16, cudaMemcpyHostToDevice), "upload");
    LaunchEpilogue(conv, y.get(), nullptr, nullptr);
    const auto out = Download<float>(y.get(), 4);
    EXPECT_TRUE(std::isnan(out[0])) << activation;
    EXPECT_EQ(out[1], activation == 2 ? 6.0f : kInf) << activation;
    EXPECT_EQ(out[2], activation == 0 ? -kInf : 0.0f) << activation;
    EXPECT_NEAR(out[3], activation == 0 ? -100.0f : 0.0f, 1e-30) << activation;
  }
}

TEST_F(CudnnScratch, UnwrittenElementsAreCounted) {
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    constexpr std::int64_t kCount = 100001, kWritten = 99991;
    DeviceMemory data(kCount * 4);
    Poison(data.get(), kCount, dtype, nullptr);
    EXPECT_EQ(CountNan(data.get(), kCount, dtype, nullptr), kCount);
    FillRandom(data.get(), kWritten, dtype, 100.0f, 7, nullptr);
    EXPECT_EQ(CountNan(data.get(), kCount, dtype, nullptr), kCount - kWritten);
  }
}

// The epilogue of a plan turns poison into another NaN; it must be found still.
TEST_F(CudnnScratch, UnwrittenElementsAreCountedAfterAnEpilogue) {
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (int activation = 0; activation <= 4; ++activation) {
      Convolution conv;
      conv.n = 1;
      conv.out_channels = 3;
      conv.out = {33, 7};
      conv.bias = true;
      conv.activation = static_cast<Activation>(activation);
      conv.dtype = dtype;
      const std::int64_t count = Count(conv.OutputDims());
      DeviceMemory y(static_cast<std::size_t>(count) * 4), bias(16);
      Poison(y.get(), count, dtype, nullptr);
      FillRandom(y.get(), count - 5, dtype, 1.0f, 8, nullptr);
      FillRandom(bias.get(), 3, dtype, 1.0f, 9, nullptr);
      LaunchEpilogue(conv, y.get(), bias.get(), nullptr);
      EXPECT_EQ(CountNan(y.get(), count, dtype, nullptr), 5)
          << "dtype " << dtype << " activation " << activation;
    }
  }
}

TEST_F(CudnnScratch, RandomNumbersAreNeitherConstantNorOutOfRange) {
  constexpr std::int64_t kCount = 10000;
  DeviceMemory data(kCount * sizeof(float));
  FillRandom(data.get(), kCount, ASSAY_F32, 2.0f, 1, nullptr);
  double sum = 0, squares = 0;
  for (const float value : Download<float>(data.get(), kCount)) {
    ASSERT_LE(std::abs(value), 2.0f);
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 0.06);            // five standard errors of the mean of a uniform on (-2, 2)
  EXPECT_NEAR(squares / kCount, 4.0 / 3.0, 0.06);  // five of its variance
}

// A copy of 256 MiB takes at least as long as the fastest memory there is, 16 TB/s, needs; and a copy that
// the L2 cache could serve is timed as one that it cannot.
TEST_F(CudnnScratch, TimesAreColdAndLeaveOutTheFlush) {
  ColdTimer timer(0);
  Stream stream;
  DeviceMemory from(std::size_t{256} << 20), to(std::size_t{256} << 20);
  const auto copy = [&](std::size_t bytes) {
    return timer.Milliseconds(
        [&] {
          CheckCuda(cudaMemcpyAsync(to.get(), from.get(), bytes, cudaMemcpyDeviceToDevice, stream.get()),
                    "copy");
        },
        stream.get());
  };
  for (int i = 0; i < 3; ++i) copy(from.bytes());  // the first calls load modules
  const double large_ms = copy(from.bytes()), tiny_ms = copy(256);
  EXPECT_GT(large_ms, 2.0 * static_cast<double>(from.bytes()) / 16e12 * 1e3);
  EXPECT_LT(tiny_ms, 0.1) << "the flush or the delay was timed too";
  EXPECT_LT(tiny_ms, large_ms / 2);
}

TEST_F(CudnnScratch, ErrorsPassThroughTheTimer) {
  ColdTimer timer(0);
  Stream stream;
  EXPECT_THROW(timer.Milliseconds([] { throw Error("a plan failed"); }, stream.get()), Error);
  EXPECT_GE(timer.Milliseconds([] {}, stream.get()), 0);
}

TEST_F(CudnnScratch, AFailedAllocationSaysWhatWasWanted) {
  try {
    DeviceMemory memory(std::size_t{1} << 60);
    FAIL() << "allocated an exbibyte";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("1152921504606846976 bytes"), std::string::npos) << error.what();
  }
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

}  // namespace
}  // namespace assay::cudnn
