#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/device/device.h"

namespace assay {
namespace {

TEST(CudaAbsent, SaysThatTheProgramWasBuiltWithoutIt) {
  const CudaProbe probe = ProbeCuda();
  EXPECT_EQ(probe.devices, 0);
  EXPECT_THAT(probe.unavailable, ::testing::HasSubstr("built without CUDA"));
  try {
    MakeCudaDevice(0);
    FAIL() << "made a GPU out of nothing";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("cuda:0: " + probe.unavailable));
    EXPECT_FALSE(error.sticky);
  }
}

}  // namespace
}  // namespace assay
