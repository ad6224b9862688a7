// Block barriers, shared memory between them, and blocks over several operating-system threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

class Barriers : public InEachOrder {};
INSTANTIATE_TEST_SUITE_P(Orders, Barriers, AllOrders(), OrderName);

constexpr int kThreads = 256;

struct Stage {
  float values[kThreads];
};

// A tree reduction; `skip_barrier` leaves out the barrier of one round.
__global__ void TreeSum(const float* in, float* out, int skip_barrier) {
  auto& stage = dynamic_shared<Stage>();
  const unsigned t = threadIdx.x;
  stage.values[t] = in[blockIdx.x * blockDim.x + t];
  if (skip_barrier != 0) __syncthreads();
  int round = 1;
  for (unsigned step = kThreads / 2; step > 0; step /= 2, ++round) {
    if (t < step) stage.values[t] += stage.values[t + step];
    if (round != skip_barrier) __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = stage.values[0];
}

TEST_P(Barriers, TreeReductionOverManyBlocks) {
  constexpr int kBlocks = 37;
  std::vector<float> in(kThreads * kBlocks);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 101);
  for (const int threads : {1, 2, 4}) {
    UseOrder(GetParam().order, GetParam().seed, threads);
    std::vector<float> out(kBlocks, -1);
    EXPECT_RUNS(RunKernel(kBlocks, kThreads, sizeof(Stage), TreeSum, in.data(), out.data(), -1));
    for (int block = 0; block < kBlocks; ++block) {
      const auto first = in.begin() + block * kThreads;
      EXPECT_EQ(out[block], std::accumulate(first, first + kThreads, 0.0f)) << "block " << block;
    }
  }
}

// Which bug shows in which order depends on the bug; each must show in at least one of the three.
bool ShowsInSomeOrder(int skip_barrier) {
  std::vector<float> in(kThreads);
  std::iota(in.begin(), in.end(), 1.0f);
  for (const LaneOrder order : {LaneOrder::kForward, LaneOrder::kReversed, LaneOrder::kShuffled}) {
    UseOrder(order, 1);
    float out = 0;
    EXPECT_RUNS(RunKernel(1, kThreads, sizeof(Stage), TreeSum, in.data(), &out, skip_barrier));
    if (out != kThreads * (kThreads + 1) / 2.0f) return true;
  }
  return false;
}

TEST(MissingBarrier, GivesAWrongResultInSomeOrder) {
  EXPECT_FALSE(ShowsInSomeOrder(-1)) << "the right kernel is right in all of them";
  // Round 0 is the barrier after filling the stage: poison is read. The others are between the rounds of the
  // sum.
  for (int skipped = 0; skipped <= 7; ++skipped)
    EXPECT_TRUE(ShowsInSomeOrder(skipped)) << "barrier " << skipped;
  SetOptions({});
}

__global__ void Reductions(int modulus, int* any, int* all, int* count) {
  const int predicate = threadIdx.x % modulus == 0;
  any[threadIdx.x] = __syncthreads_or(predicate);
  all[threadIdx.x] = __syncthreads_and(predicate);
  count[threadIdx.x] = __syncthreads_count(predicate);
}

TEST_P(Barriers, OrAndCount) {
  struct Case {
    int modulus, any, all, count;
  };
  for (const Case& c : {Case{1, 1, 1, 96}, Case{3, 1, 0, 32}, Case{1000, 1, 0, 1}}) {
    std::array<int, 96> any{};
    std::array<int, 96> all{};
    std::array<int, 96> count{};
    EXPECT_RUNS(RunKernel(1, 96, 0, Reductions, c.modulus, any.data(), all.data(), count.data()));
    EXPECT_THAT(any, testing::Each(c.any));
    EXPECT_THAT(all, testing::Each(c.all));
    EXPECT_THAT(count, testing::Each(c.count));
  }
}

__global__ void NobodyHolds(int* any) { any[threadIdx.x] = __syncthreads_or(0); }

TEST_P(Barriers, OrOfNothing) {
  std::array<int, 64> any{};
  any.fill(7);
  EXPECT_RUNS(RunKernel(1, 64, 0, NobodyHolds, any.data()));
  EXPECT_THAT(any, testing::Each(0));
}

// Threads that have ended do not count; on a GPU since Volta either.
__global__ void SomeLeave(int* count) {
  if (threadIdx.x >= 40 || threadIdx.x == 7) return;
  count[threadIdx.x] = __syncthreads_count(1);
}

TEST_P(Barriers, ThreadsThatEndedDoNotCount) {
  std::array<int, 100> count{};
  EXPECT_RUNS(RunKernel(1, 100, 0, SomeLeave, count.data()));
  for (int thread = 0; thread < 100; ++thread)
    EXPECT_EQ(count[thread], thread >= 40 || thread == 7 ? 0 : 39) << thread;
}

// The last to leave does so while all others wait.
__global__ void LeaveAfterTheOthersWait(int* count) {
  if (threadIdx.x / 32 == 1) {
    __syncwarp();
    return;
  }
  count[threadIdx.x] = __syncthreads_count(1);
}

TEST_P(Barriers, AThreadThatEndsReleasesTheOthers) {
  std::array<int, 96> count{};
  EXPECT_RUNS(RunKernel(1, 96, 0, LeaveAfterTheOthersWait, count.data()));
  EXPECT_EQ(count[0], 64);
  EXPECT_EQ(count[95], 64);
}

__global__ void LargeBlock(std::int64_t* sum, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    if (threadIdx.x == static_cast<unsigned>(round)) *sum = *sum * 3 + 1;
    __syncthreads();
  }
}

TEST_P(Barriers, ABlockOf1024) {
  std::int64_t sum = 0;
  EXPECT_RUNS(RunKernel(1, 1024, 0, LargeBlock, &sum, 30));
  std::int64_t expected = 0;
  for (int round = 0; round < 30; ++round) expected = expected * 3 + 1;
  EXPECT_EQ(sum, expected);
}

struct Words {
  unsigned words[64];
};

__global__ void ReadThenDirty(unsigned* out) {
  auto& shared = dynamic_shared<Words>();
  out[blockIdx.x * 64 + threadIdx.x] = shared.words[threadIdx.x];
  shared.words[threadIdx.x] = 0;
}

TEST_P(Barriers, SharedMemoryIsPoisonedBeforeEveryBlock) {
  std::vector<unsigned> out(64 * 5);
  EXPECT_RUNS(RunKernel(5, 64, sizeof(Words), ReadThenDirty, out.data()));
  EXPECT_THAT(out, testing::Each(0xffffffffu));
  EXPECT_TRUE(std::isnan(__uint_as_float(out[0])));
}

__global__ void Indices(std::atomic<int>* visits, int* order_free_sum) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  visits[block].fetch_add(1);
  atomicAdd(order_free_sum, static_cast<int>(block));
}

TEST(Blocks, EachRunsOnceOnHoweverManyThreads) {
  for (const int threads : {1, 2, 3, 8}) {
    UseOrder(LaneOrder::kForward, 0, threads);
    constexpr int kBlocks = 3 * 5 * 7;
    std::array<std::atomic<int>, kBlocks> visits{};
    int sum = 0;
    EXPECT_RUNS(RunKernel(dim3(3, 5, 7), 16, 0, Indices, visits.data(), &sum));
    for (const std::atomic<int>& count : visits) EXPECT_EQ(count.load(), 16);
    EXPECT_EQ(sum, 16 * kBlocks * (kBlocks - 1) / 2);
  }
  SetOptions({});
}

template <class T>
__global__ void Add(T* sum, T* olds) {
  olds[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(sum, T{1});
}

template <class T>
void ExpectAtomic() {
  constexpr int kTotal = 16 * 64;
  T sum = 0;
  std::vector<T> olds(kTotal);
  EXPECT_RUNS(RunKernel(16, 64, 0, Add<T>, &sum, olds.data()));
  EXPECT_EQ(sum, static_cast<T>(kTotal));
  std::sort(olds.begin(), olds.end());
  for (int i = 0; i < kTotal; ++i) ASSERT_EQ(olds[i], static_cast<T>(i));
}

TEST(Blocks, AtomicAddAcrossThreads) {
  UseOrder(LaneOrder::kForward, 0, 4);
  ExpectAtomic<int>();
  ExpectAtomic<unsigned>();
  ExpectAtomic<unsigned long long>();
  ExpectAtomic<float>();
  ExpectAtomic<double>();
  SetOptions({});
}

}  // namespace
}  // namespace assay::simt
