// Reading what compute-sanitizer prints.
#include "harness/run/sanitizer.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(SanitizerOutput, NothingButItsOwnFrameIsNoFinding) {
  const SanitizerReport report = ReadSanitizerOutput(
      "========= COMPUTE-SANITIZER\n"
      "what the program says\n"
      "========= ERROR SUMMARY: 0 errors\n"
      "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)\n");
  EXPECT_EQ(report.findings, 0);
  EXPECT_EQ(ReadSanitizerOutput("").findings, 0);
}

TEST(SanitizerOutput, CountsFindingsAndKeepsTheFirst) {
  const SanitizerReport report = ReadSanitizerOutput(
      "========= COMPUTE-SANITIZER\n"
      "========= Invalid __global__ write of size 4 bytes\n"
      "=========     at Kernel(float *)+0x90\n"
      "=========     by thread (31,0,0) in block (0,0,0)\n"
      "========= \n"
      "========= Invalid __global__ write of size 4 bytes\n"
      "=========     at Kernel(float *)+0x90\n"
      "========= Target application returned an error\n"
      "========= ERROR SUMMARY: 2 errors\n");
  EXPECT_EQ(report.findings, 2);
  EXPECT_EQ(report.first, "Invalid __global__ write of size 4 bytes at Kernel(float *)+0x90");
}

TEST(SanitizerOutput, SaysBothSidesOfARace) {
  const SanitizerReport report = ReadSanitizerOutput(
      "========= COMPUTE-SANITIZER\n"
      "========= Error: Race reported between Write access at Kernel(float *)+0x90\n"
      "=========     and Read access at Kernel(float *)+0x120 [32 hazards]\n"
      "=========     and Read access at Other(float *)+0x40 [1 hazards]\n"
      "========= Error: Race reported between Write access at Kernel(float *)+0xa0\n"
      "=========     and Read access at Kernel(float *)+0x130 [32 hazards]\n"
      "========= RACECHECK SUMMARY: 2 hazards displayed (2 errors, 0 warnings)\n");
  EXPECT_EQ(report.findings, 2);
  EXPECT_EQ(report.first,
            "Error: Race reported between Write access at Kernel(float *)+0x90 and Read access at "
            "Kernel(float *)+0x120 [32 hazards] and Read access at Other(float *)+0x40 [1 hazards]");
}

}  // namespace
}  // namespace assay
