// Every warp collective, in every lane order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = 64;

class Collectives : public InEachOrder {};
INSTANTIATE_TEST_SUITE_P(Orders, Collectives, AllOrders(), OrderName);

enum class Kind { kIndex, kUp, kDown, kXor };

// The value of lane l of warp w is 100 w + l.
__global__ void ShuffleOnce(Kind kind, int operand, int width, int* out) {
  const int own = 100 * (threadIdx.x / 32) + threadIdx.x % 32;
  int got = -1;
  switch (kind) {
    case Kind::kIndex:
      got = __shfl_sync(kAll, own, operand, width);
      break;
    case Kind::kUp:
      got = __shfl_up_sync(kAll, own, operand, width);
      break;
    case Kind::kDown:
      got = __shfl_down_sync(kAll, own, operand, width);
      break;
    case Kind::kXor:
      got = __shfl_xor_sync(kAll, own, operand, width);
      break;
  }
  out[threadIdx.x] = got;
}

// The CUDA C++ Programming Guide's words (Warp Shuffle Functions), lane by lane.
int ExpectedSource(Kind kind, int lane, int operand, int width) {
  const int first = lane / width * width;
  switch (kind) {
    case Kind::kIndex:
      return first + ((operand % width) + width) % width;
    case Kind::kUp:
      return lane - operand >= first ? lane - operand : lane;
    case Kind::kDown:
      return lane + operand < first + width ? lane + operand : lane;
    case Kind::kXor:
      // A lower segment may be read, a higher one not.
      return (lane ^ operand) < first + width ? lane ^ operand : lane;
  }
  return -1;
}

TEST_P(Collectives, ShufflesTakeTheDocumentedLane) {
  for (const Kind kind : {Kind::kIndex, Kind::kUp, Kind::kDown, Kind::kXor}) {
    for (const int width : {1, 2, 4, 8, 16, 32}) {
      for (int operand = kind == Kind::kIndex ? -3 : 0; operand < 32; ++operand) {
        std::array<int, kThreads> out{};
        ASSERT_EQ(RunKernel(1, kThreads, 0, ShuffleOnce, kind, operand, width, out.data()), cudaSuccess)
            << LastFault();
        for (int thread = 0; thread < kThreads; ++thread) {
          const int source = ExpectedSource(kind, thread % 32, operand, width);
          ASSERT_EQ(out[thread], thread / 32 * 100 + source)
              << "kind " << static_cast<int>(kind) << " operand " << operand << " width " << width
              << " thread " << thread;
        }
      }
    }
  }
}

template <class T>
__global__ void RotateBits(const T* in, T* out) {
  out[threadIdx.x] = __shfl_sync(kAll, in[threadIdx.x], static_cast<int>(threadIdx.x) + 1);
}

template <class T>
void ExpectEveryBitTravels() {
  std::array<std::array<unsigned char, sizeof(T)>, 32> in{};
  unsigned char next = 0;
  for (auto& value : in) {
    for (unsigned char& byte : value) byte = static_cast<unsigned char>(next++ * 37 + 11);
  }
  auto out = in;
  EXPECT_RUNS(RunKernel(1, 32, 0, RotateBits<T>, reinterpret_cast<const T*>(in.data()),
                        reinterpret_cast<T*>(out.data())));
  for (std::size_t lane = 0; lane < 32; ++lane) EXPECT_EQ(out[lane], in[(lane + 1) % 32]) << lane;
}

TEST_P(Collectives, ShufflesTakeEveryType) {
  ExpectEveryBitTravels<int>();
  ExpectEveryBitTravels<unsigned>();
  ExpectEveryBitTravels<long>();
  ExpectEveryBitTravels<unsigned long>();
  ExpectEveryBitTravels<long long>();
  ExpectEveryBitTravels<unsigned long long>();
  ExpectEveryBitTravels<float>();
  ExpectEveryBitTravels<double>();
  ExpectEveryBitTravels<__half>();
  ExpectEveryBitTravels<__half2>();
  ExpectEveryBitTravels<__nv_bfloat16>();
  ExpectEveryBitTravels<__nv_bfloat162>();
}

__global__ void VoteOnce(unsigned chosen, unsigned* ballot, int* any, int* all) {
  const int predicate = static_cast<int>(chosen >> threadIdx.x & 1u) * 5;
  ballot[threadIdx.x] = __ballot_sync(kAll, predicate);
  any[threadIdx.x] = __any_sync(kAll, predicate);
  all[threadIdx.x] = __all_sync(kAll, predicate);
}

TEST_P(Collectives, Votes) {
  for (const unsigned chosen : {0u, 1u, 0x80000000u, 0x0f0f1234u, 0x7fffffffu, 0xffffffffu}) {
    std::array<unsigned, 32> ballot{};
    std::array<int, 32> any{};
    std::array<int, 32> all{};
    EXPECT_RUNS(RunKernel(1, 32, 0, VoteOnce, chosen, ballot.data(), any.data(), all.data()));
    EXPECT_THAT(ballot, testing::Each(chosen));
    EXPECT_THAT(any, testing::Each(chosen != 0));
    EXPECT_THAT(all, testing::Each(chosen == kAll));
  }
}

// Back to back shuffles: a lane that runs ahead must not overwrite what a slower one has still to read.
__global__ void ButterflySum(int rounds, std::int64_t* out) {
  long long total = 0;
  for (int round = 0; round < rounds; ++round) {
    long long value = static_cast<long long>(threadIdx.x) * (round + 1);
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
    total += value;
  }
  out[threadIdx.x] = total;
}

TEST_P(Collectives, ManyInARow) {
  std::array<std::int64_t, 32> out{};
  EXPECT_RUNS(RunKernel(1, 32, 0, ButterflySum, 50, out.data()));
  EXPECT_THAT(out, testing::Each(std::int64_t{31 * 32 / 2} * (50 * 51 / 2)));
}

// Each half of the warp runs its own number of collectives with its own mask, then quarters, then all meet.
__global__ void PartialMasks(int* out) {
  const unsigned lane = threadIdx.x;
  const bool low = lane < 16;
  const unsigned half_mask = low ? 0x0000ffffu : 0xffff0000u;
  int sum = static_cast<int>(lane);
  for (int round = 0; round < (low ? 3 : 7); ++round) sum += __shfl_xor_sync(half_mask, sum, 1);
  const unsigned quarter_mask = 0xffu << (lane / 8 * 8);
  sum = __shfl_sync(quarter_mask, sum, static_cast<int>(lane / 8 * 8));
  __syncwarp();
  out[lane] = __shfl_sync(kAll, sum, static_cast<int>(lane) ^ 31);
}

TEST_P(Collectives, PartialAndNestedMasks) {
  std::array<int, 32> out{};
  EXPECT_RUNS(RunKernel(1, 32, 0, PartialMasks, out.data()));
  std::array<int, 32> sum{};
  std::iota(sum.begin(), sum.end(), 0);
  for (int lane = 0; lane < 32; lane += 2) {
    for (int round = 0; round < (lane < 16 ? 3 : 7); ++round)
      sum[lane] = sum[lane + 1] = sum[lane] + sum[lane + 1];
  }
  for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(out[lane], sum[(lane ^ 31) / 8 * 8]) << lane;
}

// One lane alone does a collective between two of the whole warp; its partial one must not disturb them.
__global__ void AloneBetween(int* out) {
  int value = __shfl_sync(kAll, static_cast<int>(threadIdx.x), static_cast<int>(threadIdx.x) + 1);
  if (threadIdx.x == 5) value += 1000 * __popc(__ballot_sync(1u << 5, 1));
  out[threadIdx.x] = __shfl_sync(kAll, value, static_cast<int>(threadIdx.x) + 1);
}

TEST_P(Collectives, OneLaneAlone) {
  std::array<int, 32> out{};
  EXPECT_RUNS(RunKernel(1, 32, 0, AloneBetween, out.data()));
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], (lane + 2) % 32 + (lane == 4 ? 1000 : 0)) << lane;
}

// Lanes may leave; a mask that names them then means those that are left (CUDA: "all non-exited threads named
// in mask").
__global__ void OddLanesLeave(unsigned* ballot, int* shuffled) {
  if (threadIdx.x % 2 == 1) return;
  __syncwarp();
  ballot[threadIdx.x] = __ballot_sync(kAll, 1);
  shuffled[threadIdx.x] = __shfl_xor_sync(kAll, static_cast<int>(threadIdx.x), 2);
}

TEST_P(Collectives, LanesThatEndedAreNotWaitedFor) {
  std::array<unsigned, 32> ballot{};
  std::array<int, 32> shuffled{};
  EXPECT_RUNS(RunKernel(1, 32, 0, OddLanesLeave, ballot.data(), shuffled.data()));
  for (int lane = 0; lane < 32; lane += 2) {
    EXPECT_EQ(ballot[lane], 0x55555555u);
    EXPECT_EQ(shuffled[lane], lane ^ 2);
  }
}

// The same when the others wait already as the last one leaves.
__global__ void LeaveLate(unsigned* ballot) {
  if (threadIdx.x == 9) {
    __syncwarp(1u << 9);
    return;
  }
  ballot[threadIdx.x] = __ballot_sync(kAll, threadIdx.x != 3);
}

TEST_P(Collectives, ALaneThatEndsReleasesTheOthers) {
  std::array<unsigned, 32> ballot{};
  EXPECT_RUNS(RunKernel(1, 32, 0, LeaveLate, ballot.data()));
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(ballot[lane], lane == 9 ? 0u : ~((1u << 9) | (1u << 3))) << lane;
}

// A block of 40 threads has a second warp of 8 lanes.
__global__ void ShortWarp(unsigned* ballot) { ballot[threadIdx.x] = __ballot_sync(kAll, 1); }

TEST_P(Collectives, AShortWarp) {
  std::array<unsigned, 40> ballot{};
  EXPECT_RUNS(RunKernel(1, 40, 0, ShortWarp, ballot.data()));
  EXPECT_EQ(ballot[0], kAll);
  EXPECT_EQ(ballot[39], 0xffu);
}

// __syncwarp orders shared memory within a warp.
struct WarpStage {
  int values[32];
};

__global__ void ReverseThroughShared(bool wait, int* out) {
  auto& stage = dynamic_shared<WarpStage>();
  stage.values[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (wait) __syncwarp();
  out[threadIdx.x] = stage.values[31 - threadIdx.x];
}

TEST_P(Collectives, SyncWarpMakesOtherLanesStoresVisible) {
  std::array<int, 32> out{};
  EXPECT_RUNS(RunKernel(1, 32, sizeof(WarpStage), ReverseThroughShared, true, out.data()));
  for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(out[lane], 31 - lane);
}

TEST_P(Collectives, AMissingSyncWarpShows) {
  std::array<int, 32> out{};
  EXPECT_RUNS(RunKernel(1, 32, sizeof(WarpStage), ReverseThroughShared, false, out.data()));
  EXPECT_THAT(out, testing::Contains(-1));  // poison
}

// The orders are what they say: lanes note when they run.
__global__ void NoteTurn(int* turns, int* next) { turns[threadIdx.x] = (*next)++; }

std::vector<int> Turns(LaneOrder order, std::uint64_t seed) {
  UseOrder(order, seed);
  std::vector<int> turns(96);
  int next = 0;
  EXPECT_RUNS(RunKernel(1, 96, 0, NoteTurn, turns.data(), &next));
  SetOptions({});
  return turns;
}

TEST(LaneOrders, ForwardAndReversed) {
  std::vector<int> expected(96);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(Turns(LaneOrder::kForward, 0), expected);
  EXPECT_EQ(Turns(LaneOrder::kReversed, 0), std::vector<int>(expected.rbegin(), expected.rend()));
}

TEST(LaneOrders, ShuffledFollowsTheSeed) {
  const std::vector<int> one = Turns(LaneOrder::kShuffled, 1);
  std::vector<int> sorted = one;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, Turns(LaneOrder::kForward, 0)) << "each lane runs once";
  EXPECT_NE(one, sorted);
  EXPECT_EQ(one, Turns(LaneOrder::kShuffled, 1));
  EXPECT_NE(one, Turns(LaneOrder::kShuffled, 2));
}

__global__ void NoteIndices(uint3* indices) {
  __syncwarp();
  const uint3& bound = threadIdx;  // a real object
  indices[threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)] = bound;
}

TEST_P(Collectives, IndicesSurviveSwitches) {
  std::array<uint3, 5 * 7 * 3> indices{};
  EXPECT_RUNS(RunKernel(1, dim3(5, 7, 3), 0, NoteIndices, indices.data()));
  for (unsigned i = 0; i < indices.size(); ++i) {
    EXPECT_EQ(indices[i].x, i % 5);
    EXPECT_EQ(indices[i].y, i / 5 % 7);
    EXPECT_EQ(indices[i].z, i / 35);
  }
}

}  // namespace
}  // namespace assay::simt
