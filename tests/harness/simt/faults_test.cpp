// What the host device reports: who waits where, and that nothing is left behind.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr unsigned kAll = 0xffffffffu;

// The line of a statement in a kernel, noted by the kernel itself.
int noted_line = 0;
int other_line = 0;

std::string At(int line) { return "faults_test.cpp:" + std::to_string(line); }

class Faults : public InEachOrder {};
INSTANTIATE_TEST_SUITE_P(Orders, Faults, AllOrders(), OrderName);

#define EXPECT_FAULT(...) EXPECT_EQ((__VA_ARGS__), cudaErrorLaunchFailure) << LastFault()

__global__ void BarrierInBothBranches() {
  if (threadIdx.x < 40) {
    noted_line = __LINE__ + 1;
    __syncthreads();
  } else {
    other_line = __LINE__ + 1;
    __syncthreads();
  }
}

TEST_P(Faults, DivergentBarrierNamesLanesAndLines) {
  EXPECT_FAULT(RunKernel(1, 96, 0, BarrierInBothBranches));
  EXPECT_EQ(LastFault(),
            "block (0,0,0): divergent barrier: the threads of the block met at different block barriers\n"
            "  threads 0-39         wait at __syncthreads, " +
                At(noted_line) +
                "\n"
                "  threads 40-95        wait at __syncthreads, " +
                At(other_line));
}

__global__ void DifferentBarrierKinds() {
  // On one line, so that only the kind tells them apart.
  threadIdx.x == 0 ? static_cast<void>(__syncthreads_or(1)) : __syncthreads();
}

TEST_P(Faults, DifferentKindsOfBarrier) {
  EXPECT_FAULT(RunKernel(1, 64, 0, DifferentBarrierKinds));
  EXPECT_THAT(LastFault(), HasSubstr("divergent barrier"));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 0  +wait at __syncthreads_or, "));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 1-63  +wait at __syncthreads, "));
}

__global__ void BarrierAgainstShuffle(int* out) {
  if (threadIdx.x % 32 == 4) {
    noted_line = __LINE__ + 1;
    __syncthreads();
  } else {
    other_line = __LINE__ + 1;
    out[threadIdx.x] = __shfl_sync(kAll, 1, 0);
  }
}

TEST_P(Faults, DeadlockOfBarrierAndWarpCollective) {
  std::vector<int> out(64);
  EXPECT_FAULT(RunKernel(1, 64, 0, BarrierAgainstShuffle, out.data()));
  EXPECT_EQ(LastFault(),
            "block (0,0,0): deadlock: no thread can go on, since some wait at a block barrier and others in "
            "a warp collective\n"
            "  threads 0-3, 5-35, 37-63 wait at __shfl_sync with mask 0xffffffff, " +
                At(other_line) +
                "\n"
                "  threads 4, 36        wait at __syncthreads, " +
                At(noted_line));
}

__global__ void DifferentCollectives(int* out) {
  if (threadIdx.x < 8) {
    out[threadIdx.x] = __any_sync(kAll, 1);
  } else if (threadIdx.x < 31) {
    out[threadIdx.x] = __all_sync(kAll, 1);
  }
}

TEST_P(Faults, DeadlockOfTwoWarpCollectives) {
  std::vector<int> out(32);
  EXPECT_FAULT(RunKernel(1, 32, 0, DifferentCollectives, out.data()));
  EXPECT_THAT(LastFault(), HasSubstr("deadlock: no thread can go on, since not all lanes of a mask arrived"));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 0-7  +wait at __any_sync with mask 0xffffffff, "));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 8-30  +wait at __all_sync with mask 0xffffffff, "));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 31  +have ended"));
}

__global__ void DifferentMasks() { __syncwarp(threadIdx.x < 16 ? 0x0001ffffu : 0xffff8000u); }

TEST_P(Faults, DeadlockOfDifferentMasks) {
  EXPECT_FAULT(RunKernel(1, 32, 0, DifferentMasks));
  EXPECT_THAT(LastFault(), ContainsRegex("threads 0-15  +wait at __syncwarp with mask 0x0001ffff"));
}

__global__ void ReadOutsideTheMask(int* out) {
  if (threadIdx.x < 8) {
    noted_line = __LINE__ + 1;
    out[threadIdx.x] = __shfl_sync(0xffu, static_cast<int>(threadIdx.x), static_cast<int>(threadIdx.x) + 1);
  }
}

TEST_P(Faults, ShuffleFromALaneOutsideTheMask) {
  std::vector<int> out(32);
  EXPECT_FAULT(RunKernel(1, 32, 0, ReadOutsideTheMask, out.data()));
  EXPECT_EQ(LastFault(),
            "block (0,0,0): thread 7 (7,0,0): __shfl_sync reads from lane 8, which is not in the mask "
            "0x000000ff, " +
                At(noted_line));
}

__global__ void ReadFromEnded(unsigned leaves, int* out) {
  if (threadIdx.x == leaves) return;
  out[threadIdx.x] = __shfl_xor_sync(kAll, static_cast<int>(threadIdx.x), 1);
}

TEST_P(Faults, ShuffleFromALaneThatEnded) {
  std::vector<int> out(32);
  EXPECT_FAULT(RunKernel(1, 32, 0, ReadFromEnded, 12u, out.data()));
  EXPECT_THAT(
      LastFault(),
      HasSubstr("thread 13 (13,0,0): __shfl_xor_sync reads from lane 12, which has ended or never was, "));
}

TEST_P(Faults, ShuffleFromALaneThatNeverWas) {
  std::vector<int> out(13);
  EXPECT_FAULT(RunKernel(1, 13, 0, ReadFromEnded, 99u, out.data()));
  EXPECT_THAT(
      LastFault(),
      HasSubstr("thread 12 (12,0,0): __shfl_xor_sync reads from lane 13, which has ended or never was, "));
}

__global__ void NotInOwnMask() { __syncwarp(~(1u << (threadIdx.x % 32))); }

TEST_P(Faults, CallingLaneNotInItsMask) {
  EXPECT_FAULT(RunKernel(1, 32, 0, NotInOwnMask));
  EXPECT_THAT(LastFault(),
              ContainsRegex("__syncwarp with mask 0x[0-9a-f]+, which leaves out the calling lane [0-9]+"));
}

__global__ void BadWidth(int width, int* out) { out[threadIdx.x] = __shfl_down_sync(kAll, 1, 1, width); }

TEST_P(Faults, WidthThatIsNoPowerOfTwo) {
  std::vector<int> out(32);
  for (const int width : {-32, 0, 3, 33, 64}) {
    EXPECT_FAULT(RunKernel(1, 32, 0, BadWidth, width, out.data()));
    EXPECT_THAT(LastFault(),
                HasSubstr("__shfl_down_sync with width " + std::to_string(width) + ", which is not"));
  }
}

__global__ void Traps() {
  if (threadIdx.x == 1 && threadIdx.y == 1 && blockIdx.y == 1) __trap();
  __syncthreads();
}

TEST_P(Faults, TrapNamesBlockAndThread) {
  EXPECT_FAULT(RunKernel(dim3(2, 3), dim3(2, 2), 0, Traps));
  EXPECT_THAT(LastFault(), StartsWith("block (0,1,0): thread 3 (1,1,0): __trap(), faults_test.cpp:"));
}

TEST_P(Faults, TrapOfOneThreadOfOneBlock) {
  EXPECT_RUNS(RunKernel(dim3(2, 1), dim3(2, 2), 0, Traps));
  EXPECT_EQ(LastFault(), "") << "the report of an earlier launch is gone";
}

__global__ void Throws(int who) {
  __syncthreads();
  if (static_cast<int>(threadIdx.x) == who) throw std::runtime_error("out of cheese");
  if (static_cast<int>(threadIdx.x) == -who) throw 42;
  __syncthreads();
}

TEST_P(Faults, ExceptionThatLeavesTheKernel) {
  EXPECT_FAULT(RunKernel(1, 64, 0, Throws, 33));
  EXPECT_EQ(LastFault(), "block (0,0,0): thread 33 (33,0,0): a C++ exception left the kernel: out of cheese");
}

// Destructors run on the stacks of an aborted block, also of those that only waited; ASan builds see the
// vectors leak if not.
std::atomic<int> alive{0};

struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
  std::vector<int> memory = std::vector<int>(100);
};

__global__ void HoldAndFail(int how) {
  const Counted outer;
  __syncthreads();
  const Counted inner;
  if (threadIdx.x == 50) {
    if (how == 0) __trap();
    if (how == 1) throw std::runtime_error("thrown");
    if (how == 2) __syncwarp();
  }
  __syncthreads();
}

TEST_P(Faults, AbortedBlocksLeaveNothingBehind) {
  for (const int how : {0, 1, 2}) {
    EXPECT_FAULT(RunKernel(3, 128, 0, HoldAndFail, how)) << how;
    EXPECT_EQ(alive, 0) << how;
  }
  EXPECT_RUNS(RunKernel(3, 128, 0, HoldAndFail, 3));
  EXPECT_EQ(alive, 0);
}

// A destructor that synchronises while its lane is unwound must neither wait nor end the process.
struct Synchronises {
  ~Synchronises() noexcept(false) {
    __syncwarp();
    __syncthreads();
  }
};

__global__ void FailWithWaitingDestructors() {
  const Synchronises guard;
  __syncthreads();
  if (threadIdx.x == 0) __trap();
}

TEST_P(Faults, DestructorsThatWaitWhileUnwound) {
  EXPECT_FAULT(RunKernel(1, 64, 0, FailWithWaitingDestructors));
  EXPECT_THAT(LastFault(), HasSubstr("__trap()"));
}

// Two blocks fault at once, on two threads; `first` of them faults well before the other.
std::atomic<int> started{0};
std::atomic<bool> first_faults{false};

__global__ void BothBlocksFail(unsigned first) {
  ++started;
  while (started < 2) std::this_thread::yield();
  if (blockIdx.x == first) {
    first_faults = true;
  } else {
    while (!first_faults) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  __trap();
}

TEST(FaultsOfManyBlocks, TheLowestIsReportedWhicheverCameFirst) {
  UseOrder(LaneOrder::kForward, 0, 2);
  for (const unsigned first : {0u, 1u}) {
    started = 0;
    first_faults = false;
    EXPECT_FAULT(RunKernel(2, 1, 0, BothBlocksFail, first));
    EXPECT_THAT(LastFault(), StartsWith("block (0,0,0): ")) << first;
  }
  SetOptions({});
}

__global__ void FailFrom(unsigned first) {
  if (blockIdx.x >= first) __trap();
}

TEST(FaultsOfManyBlocks, TheFirstFaultyOneIsFound) {
  UseOrder(LaneOrder::kForward, 0, 4);
  for (int round = 0; round < 20; ++round) {
    EXPECT_FAULT(RunKernel(200, 32, 0, FailFrom, 17u));
    EXPECT_THAT(LastFault(), StartsWith("block (17,0,0): "));
  }
  SetOptions({});
}

struct Big {
  int values[1000];
};

__global__ void AsksForMore() { dynamic_shared<Big>().values[0] = 1; }

TEST_P(Faults, SharedMemoryThatTheLaunchDidNotGive) {
  EXPECT_FAULT(RunKernel(1, 1, 64, AsksForMore));
  EXPECT_THAT(LastFault(),
              HasSubstr("dynamic_shared() of 4000 bytes, but the launch gave the block 64 bytes"));
}

#if !defined(__SANITIZE_ADDRESS__)  // which stops the process at the store
struct Three {
  int values[3];
};

__global__ void WritesPastTheEnd(int index) { dynamic_shared<Three>().values[index] = 1; }

TEST_P(Faults, StoreJustPastSharedMemory) {
  EXPECT_RUNS(RunKernel(1, 1, sizeof(Three), WritesPastTheEnd, 2));
  EXPECT_FAULT(RunKernel(1, 1, sizeof(Three), WritesPastTheEnd, 3));
  EXPECT_THAT(LastFault(), HasSubstr("just past the end of the block's 12 bytes of shared memory"));
  EXPECT_RUNS(RunKernel(1, 1, sizeof(Three), WritesPastTheEnd, 0));
}
#endif

TEST_P(Faults, TheErrorIsKeptForCudaGetLastError) {
  cudaGetLastError();
  EXPECT_FAULT(RunKernel(1, 64, 0, BarrierInBothBranches));
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

}  // namespace
}  // namespace assay::simt
