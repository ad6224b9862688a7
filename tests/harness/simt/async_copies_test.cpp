// Asynchronous copies into shared memory: nothing moves before the wait.
#include <array>
#include <cstring>
#include <numeric>
#include <vector>

#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

using testing::HasSubstr;

class AsyncCopiesTest : public InEachOrder {};
INSTANTIATE_TEST_SUITE_P(Orders, AsyncCopiesTest, AllOrders(), OrderName);

constexpr int kThreads = 64;
constexpr unsigned kPoison = 0xffffffffu;

struct Stage {
  uint4 words[kThreads];
};

enum class Waiting { kNone, kGroups, kAll };

__global__ void CopyReversed(const uint4* in, uint4* out, Waiting waiting) {
  auto& stage = dynamic_shared<Stage>();
  AsyncCopy(&stage.words[threadIdx.x], &in[threadIdx.x], 16, 16);
  if (waiting != Waiting::kAll) AsyncCommit();
  if (waiting == Waiting::kGroups) AsyncWait(0);
  if (waiting == Waiting::kAll) AsyncWaitAll();
  __syncthreads();
  out[threadIdx.x] = stage.words[kThreads - 1 - threadIdx.x];
}

std::vector<uint4> Input() {
  std::vector<uint4> in(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) in[i] = {i, i + 100, i + 200, i + 300};
  return in;
}

TEST_P(AsyncCopiesTest, ArriveAtTheWait) {
  const std::vector<uint4> in = Input();
  for (const Waiting waiting : {Waiting::kGroups, Waiting::kAll}) {
    std::vector<uint4> out(kThreads);
    EXPECT_RUNS(RunKernel(2, kThreads, sizeof(Stage), CopyReversed, in.data(), out.data(), waiting));
    for (int i = 0; i < kThreads; ++i)
      EXPECT_EQ(std::memcmp(&out[i], &in[kThreads - 1 - i], sizeof(uint4)), 0) << i;
  }
}

TEST_P(AsyncCopiesTest, AMissingWaitShows) {
  const std::vector<uint4> in = Input();
  std::vector<uint4> out(kThreads);
  EXPECT_RUNS(RunKernel(2, kThreads, sizeof(Stage), CopyReversed, in.data(), out.data(), Waiting::kNone));
  for (const uint4& word : out) EXPECT_EQ(word.w, kPoison);
}

struct Four {
  unsigned words[4];
};

// Four groups of one word; after each wait the words are noted.
__global__ void FourGroups(const unsigned* in, unsigned* noted) {
  auto& stage = dynamic_shared<Four>();
  for (int i = 0; i < 4; ++i) {
    AsyncCopy(&stage.words[i], &in[i], 4, 4);
    AsyncCommit();
  }
  const unsigned left[] = {9, 4, 3, 1, 0};
  for (int wait = 0; wait < 5; ++wait) {
    AsyncWait(left[wait]);
    for (int i = 0; i < 4; ++i) noted[4 * wait + i] = stage.words[i];
  }
}

TEST_P(AsyncCopiesTest, WaitLeavesTheLatestGroups) {
  const std::array<unsigned, 4> in{1, 2, 3, 4};
  std::array<unsigned, 20> noted{};
  EXPECT_RUNS(RunKernel(1, 1, sizeof(Four), FourGroups, in.data(), noted.data()));
  const unsigned P = kPoison;
  EXPECT_THAT(noted, testing::ElementsAre(P, P, P, P,  //
                                          P, P, P, P,  //
                                          1, P, P, P,  //
                                          1, 2, 3, P,  //
                                          1, 2, 3, 4));
}

// A copy that is not committed does not belong to any group that a wait for groups covers.
__global__ void Uncommitted(const unsigned* in, unsigned* noted) {
  auto& stage = dynamic_shared<Four>();
  AsyncCopy(&stage.words[0], &in[0], 4, 4);
  AsyncCommit();
  AsyncCopy(&stage.words[1], &in[1], 4, 4);
  AsyncWait(0);
  noted[0] = stage.words[0];
  noted[1] = stage.words[1];
}

TEST_P(AsyncCopiesTest, UncommittedCopiesAreNotWaitedFor) {
  const std::array<unsigned, 2> in{1, 2};
  std::array<unsigned, 2> noted{};
  EXPECT_RUNS(RunKernel(1, 1, sizeof(Four), Uncommitted, in.data(), noted.data()));
  EXPECT_THAT(noted, testing::ElementsAre(1, kPoison));
}

__global__ void ZeroFill(const unsigned char* in, unsigned char* out, unsigned bytes, unsigned source_bytes) {
  auto& stage = dynamic_shared<Four>();
  AsyncCopy(&stage, source_bytes == 0 ? nullptr : in, bytes, source_bytes);
  AsyncWaitAll();
  std::memcpy(out, &stage, sizeof stage);
}

TEST_P(AsyncCopiesTest, TheRestIsZero) {
  alignas(16) std::array<unsigned char, 16> in;
  std::iota(in.begin(), in.end(), static_cast<unsigned char>(1));
  for (const unsigned bytes : {4u, 8u, 16u}) {
    for (unsigned source_bytes = 0; source_bytes <= bytes; ++source_bytes) {
      std::array<unsigned char, 16> out{};
      EXPECT_RUNS(RunKernel(1, 1, sizeof(Four), ZeroFill, in.data(), out.data(), bytes, source_bytes));
      for (unsigned i = 0; i < 16; ++i)
        EXPECT_EQ(out[i], i < source_bytes ? i + 1 : i < bytes ? 0 : 0xff) << i;
    }
  }
}

// Only the lane that waits makes its copies.
__global__ void OneLaneWaits(const unsigned* in, unsigned* out) {
  auto& stage = dynamic_shared<Four>();
  AsyncCopy(&stage.words[threadIdx.x], &in[threadIdx.x], 4, 4);
  AsyncCommit();
  if (threadIdx.x == 2) AsyncWait(0);
  __syncthreads();
  out[threadIdx.x] = stage.words[threadIdx.x];
}

TEST_P(AsyncCopiesTest, AWaitIsForTheWaitingLaneOnly) {
  const std::array<unsigned, 4> in{1, 2, 3, 4};
  std::array<unsigned, 4> out{};
  EXPECT_RUNS(RunKernel(1, 4, sizeof(Four), OneLaneWaits, in.data(), out.data()));
  EXPECT_THAT(out, testing::ElementsAre(kPoison, kPoison, 3, kPoison));
}

// What one block left unwaited must not arrive in the next.
__global__ void LeaveThenWait(const unsigned* in, unsigned* out) {
  auto& stage = dynamic_shared<Four>();
  if (blockIdx.x == 0) {
    AsyncCopy(&stage.words[0], in, 4, 4);
    AsyncCommit();
  } else {
    AsyncWait(0);
    AsyncWaitAll();
    *out = stage.words[0];
  }
}

TEST_P(AsyncCopiesTest, CopiesNeverWaitedForEndWithTheirBlock) {
  const unsigned in = 1;
  unsigned out = 0;
  EXPECT_RUNS(RunKernel(2, 1, sizeof(Four), LeaveThenWait, &in, &out));
  EXPECT_EQ(out, kPoison);
}

__global__ void Misuse(int how, const unsigned char* in, unsigned char* outside) {
  auto& stage = dynamic_shared<Stage>();
  auto* to = reinterpret_cast<unsigned char*>(&stage);
  if (how == 0) AsyncCopy(to, in, 12, 12);
  if (how == 1) AsyncCopy(to, in, 8, 9);
  if (how == 2) AsyncCopy(to + 4, in, 8, 8);
  if (how == 3) AsyncCopy(to, in + 1, 4, 4);
  if (how == 4) AsyncCopy(outside, in, 4, 4);
  if (how == 5) AsyncCopy(to + sizeof(Stage), in, 16, 16);
}

TEST_P(AsyncCopiesTest, MisuseIsAFault) {
  alignas(16) std::array<unsigned char, 32> in{};
  alignas(16) std::array<unsigned char, 16> outside{};
  const char* const expected[] = {
      "of 12 bytes; allowed are 4, 8 and 16", "of 8 bytes that reads 9",
      "an address that is no multiple",       "an address that is no multiple",
      "outside of the block's shared memory", "outside of the block's shared memory"};
  for (int how = 0; how < 6; ++how) {
    EXPECT_EQ(RunKernel(1, 1, sizeof(Stage), Misuse, how, in.data(), outside.data()), cudaErrorLaunchFailure)
        << how;
    EXPECT_THAT(LastFault(), HasSubstr(expected[how]));
    EXPECT_THAT(LastFault(), HasSubstr("async_copies_test.cpp:"));
  }
}

}  // namespace
}  // namespace assay::simt
