#include "harness/profile/cuda_profiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#if ASSAY_HAVE_CUDA
#include <cuda_runtime_api.h>
#endif

namespace assay {
namespace {

#if ASSAY_HAVE_CUDA
TEST(CudaProfiler, StartsAndStopsOnAGpuAndSaysWhyNotWithoutOne) {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess && count > 0) {
    EXPECT_TRUE(StartCudaProfiler());
    EXPECT_TRUE(StopCudaProfiler());
    return;
  }
  try {
    StartCudaProfiler();
    FAIL() << "no GPU, and yet no error";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("cudaProfilerStart: cudaError"));
  }
}
#else
TEST(CudaProfiler, IsLeftOutOfABuildWithoutCuda) {
  EXPECT_FALSE(StartCudaProfiler());
  EXPECT_FALSE(StopCudaProfiler());
}
#endif

}  // namespace
}  // namespace assay
