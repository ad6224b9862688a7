// Spikes in device memory, and what stood there put back.
#include "harness/device/spikes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "harness/device/guarded_buffer.h"
#include "reference/dtype.h"

namespace assay {
namespace {

class SpikesTest : public testing::TestWithParam<assay_dtype> {
 protected:
  static constexpr std::size_t kElements = 300;

  SpikesTest() {
    std::vector<float> values(kElements, 0.5F);
    Encode(values, GetParam(), bits_.data());
    buffer_.Upload(bits_);
  }
  std::vector<float> Values() {
    std::vector<std::byte> bits(bits_.size());
    buffer_.Download(bits);
    std::vector<float> values(kElements);
    Decode(bits.data(), GetParam(), values);
    return values;
  }

  std::unique_ptr<Device> device_ = MakeHostDevice(1);
  std::vector<std::byte> bits_ = std::vector<std::byte>(kElements * DTypeBytes(GetParam()));
  GuardedBuffer buffer_{*device_, bits_.size()};
};

TEST_P(SpikesTest, StandWhereTheirRunSays) {
  Spikes spikes(*device_);
  spikes.Put(buffer_.data(), buffer_.size(), GetParam(), 5);
  const SpikeRun run = SpikesOf(kElements, 5);
  EXPECT_EQ(run.count, SpikeRun::kMostSpikes);
  const std::vector<float> values = Values();
  for (std::size_t i = 0; i < kElements; ++i) {
    const bool in_run = i >= run.first && i < run.first + run.count;
    EXPECT_EQ(values[i], in_run ? run.Value(i - run.first) : 0.5F) << i;
    EXPECT_EQ(std::abs(values[i]), in_run ? 64 : 0.5F);
  }
}

TEST_P(SpikesTest, AreTakenOutTheLastFirst) {
  const std::uint64_t before = buffer_.Hash();
  Spikes spikes(*device_);
  // Of so many some overlap.
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    spikes.Put(buffer_.data(), buffer_.size(), GetParam(), seed);
  EXPECT_NE(buffer_.Hash(), before);
  spikes.TakeOut();
  EXPECT_EQ(buffer_.Hash(), before);
  EXPECT_FALSE(buffer_.CheckGuards());
}

INSTANTIATE_TEST_SUITE_P(DTypes, SpikesTest, testing::Values(ASSAY_F32, ASSAY_F16, ASSAY_BF16),
                         [](const auto& param) { return std::string(DTypeName(param.param)); });

TEST(SpikesOf, CoverATensorThatIsSmallerThanARun) {
  const SpikeRun run = SpikesOf(3, 1);
  EXPECT_EQ(run.first, 0u);
  EXPECT_EQ(run.count, 3u);
}

TEST(SpikesOf, DifferFromSeedToSeed) {
  std::set<std::pair<std::size_t, std::uint64_t>> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const SpikeRun run = SpikesOf(100000, seed);
    seen.emplace(run.first, run.signs);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace assay
