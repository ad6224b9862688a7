#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "harness/device/device.h"

namespace assay {
namespace {

std::vector<std::byte> RandomBytes(std::size_t size, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(generator() & 0xFF);
  return bytes;
}

// The definition in device.h, written out once more.
std::uint64_t HashByDefinition(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; 8 * i < bytes.size(); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * i, std::min<std::size_t>(8, bytes.size() - 8 * i));
    std::uint64_t z = word + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    sum += z ^ (z >> 31);
  }
  return sum;
}

TEST(HashBytes, FollowsItsDefinitionAtAllSizes) {
  EXPECT_EQ(HashBytes({}), 0u);
  for (std::size_t size = 1; size < 70; ++size) {
    const auto bytes = RandomBytes(size, static_cast<unsigned>(size));
    EXPECT_EQ(HashBytes(bytes), HashByDefinition(bytes)) << size << " bytes";
  }
}

TEST(HashBytes, IsTheSameWhenManyThreadsShareTheWork) {
  const auto bytes = RandomBytes((std::size_t{3} << 20) + 5, 1);
  EXPECT_EQ(HashBytes(bytes), HashByDefinition(bytes));
}

TEST(HashBytes, TellsAnyChangedBitApart) {
  auto bytes = RandomBytes(1003, 2);
  const std::uint64_t before = HashBytes(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{0x10};
    EXPECT_NE(HashBytes(bytes), before) << "byte " << i;
    bytes[i] ^= std::byte{0x10};
  }
}

TEST(HashBytes, TellsWordsThatChangedPlacesApart) {
  auto bytes = RandomBytes(64, 3);
  const std::uint64_t before = HashBytes(bytes);
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 24);
  EXPECT_NE(HashBytes(bytes), before);
}

}  // namespace
}  // namespace assay
