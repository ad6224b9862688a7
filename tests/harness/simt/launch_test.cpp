// Launches that a GPU would refuse, the rest of the runtime API, and the options.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

using testing::HasSubstr;

__global__ void Count(int* count) { atomicAdd(count, 1); }
__global__ void CountToo(int* count) { atomicAdd(count, 1); }

#if defined(__SSE2__)
__global__ void FlushSubnormals(float* product) {
  _mm_setcsr(_mm_getcsr() | 0x8040);
  product[threadIdx.x] *= 0.5F;
}
__global__ void Halve(float* product) { product[threadIdx.x] *= 0.5F; }
#endif

class Launch : public testing::Test {
 protected:
  void TearDown() override {
    cudaGetLastError();
    SetOptions({});
  }
  void ExpectRefused(dim3 grid, dim3 block, std::size_t shared_bytes, cudaError_t error, const char* why) {
    int count = 0;
    EXPECT_EQ(RunKernel(grid, block, shared_bytes, Count, &count), error) << why;
    EXPECT_EQ(count, 0) << why;
    EXPECT_THAT(LastFault(), HasSubstr(why));
    EXPECT_EQ(cudaGetLastError(), error);
  }
};

#if defined(__SSE2__)
// Neither those of the next launch nor the thread that launches.
TEST_F(Launch, AModeThatAKernelSetsIsItsOwn) {
  float product[64];
  for (const int threads : {1, 2}) {
    UseOrder(LaneOrder::kForward, 0, threads);
    std::fill(std::begin(product), std::end(product), 0x1p-126F);
    EXPECT_RUNS(RunKernel(4, 16, 0, FlushSubnormals, &product[0]));
    EXPECT_EQ(_mm_getcsr() & 0x8040, 0u);
    std::fill(std::begin(product), std::end(product), 0x1p-126F);
    EXPECT_RUNS(RunKernel(1, 64, 0, Halve, &product[0]));
    for (const float value : product) EXPECT_EQ(value, 0x1p-127F);
  }
}
#endif

TEST_F(Launch, RefusesBlocksThatAreTooLarge) {
  ExpectRefused(1, 1025, 0, cudaErrorInvalidConfiguration, "at most 1024 threads");
  ExpectRefused(1, dim3(64, 17), 0, cudaErrorInvalidConfiguration, "at most 1024 threads");
  ExpectRefused(1, dim3(1, 1, 65), 0, cudaErrorInvalidConfiguration, "and 64 in z");
  ExpectRefused(1, dim3(65536, 65536), 0, cudaErrorInvalidConfiguration, "at most 1024 threads");
  int count = 0;
  EXPECT_RUNS(RunKernel(1, dim3(4, 4, 64), 0, Count, &count));
  EXPECT_EQ(count, 1024);
}

TEST_F(Launch, RefusesEmptyGridsAndBlocks) {
  ExpectRefused(dim3(0, 1, 1), 32, 0, cudaErrorInvalidConfiguration, "grid (0,1,1): no dimension may be 0");
  ExpectRefused(dim3(1, 0, 1), 32, 0, cudaErrorInvalidConfiguration, "grid (1,0,1)");
  ExpectRefused(dim3(1, 1, 0), 32, 0, cudaErrorInvalidConfiguration, "grid (1,1,0)");
  ExpectRefused(1, dim3(0, 1, 1), 0, cudaErrorInvalidConfiguration, "block (0,1,1)");
}

TEST_F(Launch, RefusesGridsThatAreTooLarge) {
  ExpectRefused(dim3(1, 65536, 1), 1, 0, cudaErrorInvalidConfiguration, "grid (1,65536,1): at most");
  ExpectRefused(dim3(1, 1, 65536), 1, 0, cudaErrorInvalidConfiguration, "grid (1,1,65536): at most");
  ExpectRefused(dim3(0x80000000u, 1, 1), 1, 0, cudaErrorInvalidConfiguration, "at most");
  int count = 0;
  EXPECT_RUNS(RunKernel(dim3(1, 65535, 1), 1, 0, Count, &count));
  EXPECT_EQ(count, 65535);
}

TEST_F(Launch, SharedMemoryAbove48KiBNeedsTheOptIn) {
  int count = 0;
  EXPECT_RUNS(RunKernel(1, 1, 48 * 1024, Count, &count));
  ExpectRefused(1, 1, 48 * 1024 + 1, cudaErrorInvalidValue, "the kernel may have 49152");
  ASSERT_EQ(cudaFuncSetAttribute(Count, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024),
            cudaSuccess);
  EXPECT_RUNS(RunKernel(1, 1, 100 * 1024, Count, &count));
  ExpectRefused(1, 1, 100 * 1024 + 1, cudaErrorInvalidValue, "the kernel may have 102400");
  EXPECT_EQ(RunKernel(1, 1, 100 * 1024, CountToo, &count), cudaErrorInvalidValue)
      << "the opt-in is the other kernel's";
  EXPECT_EQ(count, 2);
  ASSERT_EQ(cudaFuncSetAttribute(Count, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024),
            cudaSuccess);
  EXPECT_RUNS(RunKernel(1, 1, 227 * 1024, Count, &count));
  EXPECT_EQ(cudaFuncSetAttribute(Count, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
            cudaErrorInvalidValue);
  cudaFuncAttributes attributes{};
  ASSERT_EQ(cudaFuncGetAttributes(&attributes, Count), cudaSuccess);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 227 * 1024);
  EXPECT_EQ(attributes.maxThreadsPerBlock, 1024);
}

TEST_F(Launch, RefusesClustersAndMissingKernels) {
  int count = 0;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {2, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = 2;
  config.blockDim = 1;
  config.attrs = &attribute;
  config.numAttrs = 1;
  EXPECT_EQ(cudaLaunchKernelEx(&config, Count, &count), cudaErrorNotSupported);
  attribute.val.clusterDim = {1, 1, 1};
  EXPECT_EQ(cudaLaunchKernelEx(&config, Count, &count), cudaSuccess);
  void (*none)(int*) = nullptr;
  EXPECT_EQ(cudaLaunchKernelEx(&config, none, &count), cudaErrorInvalidDeviceFunction);
  EXPECT_EQ(cudaLaunchKernelEx(nullptr, Count, &count), cudaErrorInvalidValue);
  EXPECT_EQ(count, 2);
}

__global__ void LaunchInside(cudaError_t* error, int* count) { *error = RunKernel(1, 1, 0, Count, count); }

TEST_F(Launch, AKernelCannotLaunchAKernel) {
  cudaError_t error = cudaSuccess;
  int count = 0;
  EXPECT_EQ(RunKernel(1, 1, 0, LaunchInside, &error, &count), cudaSuccess);
  EXPECT_EQ(error, cudaErrorNotSupported);
  EXPECT_EQ(count, 0);
}

struct Arguments {
  std::int64_t large;
  char small;
  float values[9];
};

__global__ void TakeArguments(Arguments arguments, double scale, float* out) {
  arguments.values[threadIdx.x] *= static_cast<float>(scale);  // each thread has its own copy
  __syncthreads();
  for (int i = 0; i < 9; ++i)
    out[threadIdx.x * 9 + i] = arguments.values[i] + static_cast<float>(arguments.large);
}

TEST_F(Launch, ArgumentsAreConvertedAndCopiedForEachThread) {
  Arguments arguments{1000, 'c', {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  std::vector<float> out(81);
  EXPECT_RUNS(RunKernel(1, 9, 0, TakeArguments, arguments, 2, out.data()));
  for (int thread = 0; thread < 9; ++thread) {
    for (int i = 0; i < 9; ++i)
      EXPECT_EQ(out[thread * 9 + i], 1000.0f + static_cast<float>((i + 1) * (i == thread ? 2 : 1)));
  }
}

TEST_F(Launch, FromSeveralThreadsAtOnce) {
  SetOptions({.threads = 3});
  std::vector<int> counts(4);
  std::vector<std::thread> threads;
  for (int& count : counts) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 25; ++i) EXPECT_EQ(RunKernel(8, 8, 0, Count, &count), cudaSuccess);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(counts, testing::Each(25 * 64));
}

TEST_F(Launch, OptionsAreCheckedAndScoped) {
  EXPECT_THROW(SetOptions({.threads = -1}), std::invalid_argument);
  EXPECT_THROW(SetOptions({.threads = 1025}), std::invalid_argument);
  SetOptions({.order = LaneOrder::kReversed, .seed = 9, .threads = 2});
  {
    const ScopedOptions scoped({.order = LaneOrder::kShuffled, .seed = 4, .threads = 1});
    EXPECT_EQ(GetOptions().seed, 4u);
  }
  EXPECT_EQ(GetOptions().order, LaneOrder::kReversed);
  EXPECT_EQ(GetOptions().seed, 9u);
  EXPECT_EQ(GetOptions().threads, 2);
}

// What leaves its memory by far stops the process there; a worker process of the harness is lost, the sweep
// is not.
__global__ void Recurse(int depth, volatile int* sum) {
  volatile char frame[1024];
  frame[0] = static_cast<char>(depth);
  if (depth > 0) Recurse(depth - 1, sum);
  *sum = *sum + frame[0];
}

struct Word {
  int value;
};

__global__ void WriteFarPastTheEnd() { (&dynamic_shared<Word>().value)[4096] = 1; }

TEST_F(Launch, StacksAndSharedMemoryEndAtAGuard) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  int sum = 0;
  EXPECT_RUNS(RunKernel(1, 1, 0, Recurse, 20, &sum));
  EXPECT_DEATH(RunKernel(1, 1, 0, Recurse, 10000, &sum), "");
  EXPECT_DEATH(RunKernel(1, 1, sizeof(Word), WriteFarPastTheEnd), "");
}

TEST_F(Launch, ErrorsHaveNamesAndWords) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorLaunchFailure), "cudaErrorLaunchFailure");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorInvalidConfiguration), "invalid configuration argument");
  EXPECT_STREQ(cudaGetErrorString(static_cast<cudaError_t>(12345)), "unrecognized error code");
}

TEST_F(Launch, MemoryCalls) {
  float* buffer = nullptr;
  ASSERT_EQ(cudaMalloc(&buffer, 100 * sizeof(float)), cudaSuccess);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer) % 256, 0u);
  ASSERT_EQ(cudaMemsetAsync(buffer, 0, 100 * sizeof(float)), cudaSuccess);
  const float two[2] = {1.5f, 2.5f};
  ASSERT_EQ(cudaMemcpyAsync(buffer + 98, two, sizeof two, cudaMemcpyHostToDevice), cudaSuccess);
  float back[100];
  ASSERT_EQ(cudaMemcpy(back, buffer, sizeof back, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(back[97], 0.0f);
  EXPECT_EQ(back[99], 2.5f);
  EXPECT_EQ(cudaMemcpy(back, buffer, 4, static_cast<cudaMemcpyKind>(9)), cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaMemcpy(back, nullptr, 4, cudaMemcpyDefault), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(buffer), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&buffer, 0), cudaSuccess) << "and the pointer is null";
  EXPECT_EQ(buffer, nullptr);
  void* huge = nullptr;
  EXPECT_EQ(cudaMalloc(&huge, SIZE_MAX), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
}

TEST_F(Launch, DeviceAttributes) {
  int value = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(value, 232448);
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, 1), cudaErrorInvalidDevice);
}

// The sizes and alignments that nvcc gives these types.
static_assert(sizeof(float4) == 16 && alignof(float4) == 16 && alignof(float2) == 8 && alignof(float3) == 4);
static_assert(sizeof(int4) == 16 && alignof(int4) == 16 && alignof(uint2) == 8 && sizeof(uint3) == 12 &&
              alignof(uint3) == 4);
static_assert(alignof(ushort4) == 8 && alignof(uchar4) == 4 && alignof(double2) == 16 && sizeof(dim3) == 12);
static_assert(std::is_trivial_v<float4> && std::is_trivial_v<uint4>);

TEST_F(Launch, IntegerAndBitHelpers) {
  EXPECT_EQ(min(3, -2), -2);
  EXPECT_EQ(max(3u, 5), 5u);
  EXPECT_EQ(max(0.5f, NAN), 0.5f) << "as on a GPU, the number";
  EXPECT_EQ(__float_as_uint(-0.0f), 0x80000000u);
  EXPECT_EQ(__int_as_float(0x3f800000), 1.0f);
  EXPECT_EQ(__umulhi(0xffffffffu, 0xffffffffu), 0xfffffffeu);
  EXPECT_EQ(__byte_perm(0x33221100u, 0x77665544u, 0x7150u), 0x77115500u);
  EXPECT_EQ(__byte_perm(0x80ff7f00u, 0, 0xb9a8u), 0xff00ff00u) << "the signs of bytes 3, 1, 2, 0";
  EXPECT_EQ(__clz(0), 32);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__ffs(0), 0);
  // One rounding: 1 + 2^-24 + 2^-24 x 2^-24 rounds up only if the product is not rounded away first.
  EXPECT_EQ(__fmaf_rn(0x1p-24f, 1.0f + 0x1p-23f, 1.0f), 1.0f + 0x1p-23f);
}

// Not contracted: a product and a sum written apart are rounded apart.
TEST_F(Launch, ProductsAndSumsAreNotFused) {
  volatile float a = 1.0f + 0x1p-12f;
  const float x = a;
  const float product = x * x;
  EXPECT_EQ(x * x - product, 0.0f);
  EXPECT_NE(fmaf(x, x, -product), 0.0f);
}

}  // namespace
}  // namespace assay::simt
