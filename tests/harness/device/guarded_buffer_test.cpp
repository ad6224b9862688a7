#include "harness/device/guarded_buffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "reference/dtype.h"

namespace assay {
namespace {

constexpr auto kGuard = static_cast<std::int64_t>(GuardedBuffer::kGuardBytes);

class GuardedBufferTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = MakeHostDevice(1);
};

TEST_F(GuardedBufferTest, IsIntactAfterUseWithinBounds) {
  for (std::size_t bytes : {0, 1, 2, 511, 4096, 100001}) {
    GuardedBuffer buffer(*device_, bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 512, 0u);
    buffer.PoisonWithNaN();
    const std::vector<std::byte> data(bytes, std::byte{0x11});
    buffer.Upload(data);
    std::vector<std::byte> back(bytes);
    buffer.Download(back);
    EXPECT_EQ(back, data);
    EXPECT_EQ(buffer.Hash(), HashBytes(data));
    EXPECT_FALSE(buffer.CheckGuards()) << bytes;
  }
}

TEST_F(GuardedBufferTest, ShowsOneByteBehindTheEnd) {
  for (std::size_t bytes : {1, 2, 511, 512, 4097}) {
    GuardedBuffer buffer(*device_, bytes);
    buffer.data()[bytes] = std::byte{0};
    const auto overrun = buffer.CheckGuards();
    ASSERT_TRUE(overrun) << bytes;
    EXPECT_EQ(overrun->offset, static_cast<std::int64_t>(bytes));
    EXPECT_EQ(overrun->count, 1);
  }
}

TEST_F(GuardedBufferTest, ShowsOneByteBeforeTheStart) {
  GuardedBuffer buffer(*device_, 100);
  buffer.data()[-1] = std::byte{0};
  const auto overrun = buffer.CheckGuards();
  ASSERT_TRUE(overrun);
  EXPECT_EQ(overrun->offset, -1);
  EXPECT_EQ(overrun->count, 1);
}

TEST_F(GuardedBufferTest, ShowsTheFarEndsOfBothZones) {
  GuardedBuffer buffer(*device_, 100);
  buffer.data()[-kGuard] = std::byte{0};
  buffer.data()[100 + kGuard - 1] = std::byte{0};
  const auto overrun = buffer.CheckGuards();
  ASSERT_TRUE(overrun);
  EXPECT_EQ(overrun->offset, -kGuard);
  EXPECT_EQ(overrun->count, 2);
}

TEST_F(GuardedBufferTest, ShowsPoisonWrittenPastTheEnd) {
  GuardedBuffer buffer(*device_, 8);
  device_->FillBytes(buffer.data() + 8, 4, GuardedBuffer::kPoisonByte);
  const auto overrun = buffer.CheckGuards();
  ASSERT_TRUE(overrun);
  EXPECT_EQ(overrun->offset, 8);
  EXPECT_EQ(overrun->count, 2) << "every second byte of a zone is 0xFF already";
}

// A kernel that reads past an end and uses what it reads must not get away with a number that changes
// nothing.
TEST_F(GuardedBufferTest, HoldsNaNOnBothSidesInEveryDType) {
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    const std::size_t element = DTypeBytes(dtype);
    GuardedBuffer buffer(*device_, 7 * element);
    for (const std::byte* at : {buffer.data() - element, buffer.data() + buffer.size()}) {
      float value = 0;
      Decode(at, dtype, {&value, 1});
      EXPECT_TRUE(std::isnan(value)) << DTypeName(dtype);
    }
  }
}

TEST_F(GuardedBufferTest, RefusesSizesThatOverflow) {
  EXPECT_THROW(GuardedBuffer(*device_, std::numeric_limits<std::size_t>::max() - 5), DeviceError);
}

}  // namespace
}  // namespace assay
