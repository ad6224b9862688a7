#include "reference/tensor_vector.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace assay {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class FreedTensors : public ::testing::Test {
 protected:
  ~FreedTensors() override { KeepFreedTensors(0); }
};

TEST_F(FreedTensors, AreGivenBackUnlessTheyAreToBeKept) {
  { const TensorVector<std::byte> tensor(16 * kMiB); }
  EXPECT_EQ(FreedTensorBytes(), 0u);
}

TEST_F(FreedTensors, AreHandedOutAgain) {
  KeepFreedTensors(64 * kMiB);
  void* first = AllocateTensor(16 * kMiB);
  std::memset(first, 1, 16 * kMiB);
  FreeTensor(first, 16 * kMiB);
  EXPECT_EQ(FreedTensorBytes(), 16 * kMiB);
  void* again = AllocateTensor(16 * kMiB);
  EXPECT_EQ(again, first);
  EXPECT_EQ(FreedTensorBytes(), 0u);
  FreeTensor(again, 16 * kMiB);
}

TEST_F(FreedTensors, AreCutAndJoined) {
  KeepFreedTensors(64 * kMiB);
  FreeTensor(AllocateTensor(32 * kMiB), 32 * kMiB);
  void* one = AllocateTensor(9 * kMiB + 1);  // whole pages of 2 MiB
  void* two = AllocateTensor(10 * kMiB);
  void* three = AllocateTensor(12 * kMiB);
  EXPECT_EQ(FreedTensorBytes(), 0u);
  for (void* block : {one, two, three}) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (2 * kMiB), 0u);
  std::memset(one, 1, 9 * kMiB + 1);
  std::memset(two, 2, 10 * kMiB);
  std::memset(three, 3, 12 * kMiB);
  EXPECT_EQ(static_cast<const char*>(one)[9 * kMiB], 1);
  EXPECT_EQ(static_cast<const char*>(two)[10 * kMiB - 1], 2);
  FreeTensor(two, 10 * kMiB);
  FreeTensor(one, 9 * kMiB + 1);
  FreeTensor(three, 12 * kMiB);
  void* whole = AllocateTensor(32 * kMiB);
  EXPECT_EQ(whole, one);
  FreeTensor(whole, 32 * kMiB);
}

TEST_F(FreedTensors, BeyondTheLimitGoBackToTheSystem) {
  KeepFreedTensors(20 * kMiB);
  void* one = AllocateTensor(16 * kMiB);
  void* two = AllocateTensor(16 * kMiB);
  FreeTensor(one, 16 * kMiB);
  FreeTensor(two, 16 * kMiB);
  EXPECT_EQ(FreedTensorBytes(), 20 * kMiB);
  void* again = AllocateTensor(16 * kMiB);
  std::memset(again, 1, 16 * kMiB);
  FreeTensor(again, 16 * kMiB);
  ReleaseFreedTensors();
  EXPECT_EQ(FreedTensorBytes(), 0u);
}

}  // namespace
}  // namespace assay
