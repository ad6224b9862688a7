#include "harness/measure/nvml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr const char* kFakeLibrary = ASSAY_FAKE_NVML;  // from fake_nvml.cpp

TEST(NvmlGpu, ReadsClocksAndReasons) {
  const NvmlGpu gpu("0000:01:00.0", kFakeLibrary);
  ASSERT_THAT(gpu.unavailable(), IsEmpty());
  const ClockState clocks = gpu.Clocks();
  EXPECT_EQ(clocks.sm_mhz, 1755);
  EXPECT_EQ(clocks.reasons, clock_reason::kSwPowerCap | clock_reason::kGpuIdle);
}

TEST(NvmlGpu, DescribesWhatItCanAndSaysWhatItCannot) {
  const auto facts = NvmlGpu("0000:01:00.0", kFakeLibrary).Describe();
  EXPECT_THAT(facts, Contains(Pair("driver", "525.60.13")));
  EXPECT_THAT(facts, Contains(Pair("SM clock", "1755 MHz now, 1980 MHz at most")));
  EXPECT_THAT(facts, Contains(Pair("memory clock", "2619 MHz now, 2619 MHz at most")));
  EXPECT_THAT(facts, Contains(Pair("throttling", "SW power cap")));
  EXPECT_THAT(facts, Contains(Pair("ECC", "off")));
  EXPECT_THAT(facts, Contains(Pair("persistence mode", "on")));
  EXPECT_THAT(facts, Contains(Pair("MIG", "cannot be read: Not Supported")));
  EXPECT_THAT(facts, Contains(Pair("power limit", "700 W")));
  EXPECT_THAT(facts, Contains(Pair("temperature", "41 C")));
}

TEST(NvmlGpu, AMissingLibraryIsSaidNotThrown) {
  const NvmlGpu gpu("0000:01:00.0", "libno-such-nvml.so.1");
  EXPECT_EQ(gpu.unavailable(), "libno-such-nvml.so.1 was not found");
  EXPECT_EQ(gpu.Clocks().sm_mhz, 0);
  EXPECT_EQ(gpu.Clocks().reasons, 0u);
  ASSERT_THAT(gpu.Describe(), SizeIs(1));
  EXPECT_THAT(gpu.Describe()[0].second, HasSubstr("clocks and throttling are not watched"));
}

TEST(NvmlGpu, AnotherLibraryOrAnotherGpuIsSaid) {
  EXPECT_THAT(NvmlGpu("0000:01:00.0", "libm.so.6").unavailable(), HasSubstr("lacks nvmlInit_v2"));
  EXPECT_EQ(NvmlGpu("0000:99:00.0", kFakeLibrary).unavailable(),
            "NVML does not know the GPU at 0000:99:00.0: Not Found");
}

}  // namespace
}  // namespace assay
