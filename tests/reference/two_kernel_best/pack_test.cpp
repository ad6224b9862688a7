// The pack's table as a process sees it that has, or lacks, the libraries and a GPU.
#include "kernels/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/reference/cudnn/probe_pack.h"

namespace assay::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNoGpu = "CUDA_VISIBLE_DEVICES=";
constexpr const char* kNoCudnn = "ASSAY_CUDNN_LIBRARY=/nowhere/libcudnn.so.9";
constexpr const char* kNoCublasLt = "ASSAY_CUBLASLT_LIBRARY=/nowhere/libcublasLt.so.13";

TEST(TwoKernelBestPack, AlwaysHasTheBaselineInItsTable) {
  const std::string output = ProbePack(ASSAY_TEST_PACK, kNoGpu);
  EXPECT_EQ(ProbedLine(output, "abi"), std::to_string(ASSAY_PACK_ABI));
  EXPECT_EQ(ProbedLine(output, "name"), "two_kernel_best");
  EXPECT_EQ(ProbedLine(output, "backend"), std::to_string(ASSAY_BACKEND_CUDA));
  EXPECT_EQ(ProbedLine(output, "variant"), "dsconv two_kernel_best " + std::to_string(ASSAY_ROLE_BASELINE));
  EXPECT_THAT(ProbedLine(output, "supports"), HasSubstr("1 unavailable: "));
  EXPECT_THAT(ProbedLine(output, "create"), HasSubstr("1 unavailable: "));
}

TEST(TwoKernelBestPack, HasAVariantThatMayUseTf32) {
  const std::string output = ProbePack(ASSAY_TEST_PACK, kNoGpu);
  EXPECT_EQ(ProbedLine(output, "variants"), "2");
  EXPECT_THAT(output, HasSubstr("variant: dsconv two_kernel_best_tf32 " +
                                std::to_string(ASSAY_ROLE_BASELINE) + "\n"));
}

// One library is enough: what is missing then is the GPU alone, and the version names the other library.
TEST(TwoKernelBestPack, OneLibraryIsEnough) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, std::string(kNoGpu) + " " + kNoCudnn);
  if (ProbedLine(output, "unavailable").find("cublasLt") != std::string::npos)
    GTEST_SKIP() << "this machine has no cuBLASLt: " << ProbedLine(output, "unavailable");
  EXPECT_THAT(ProbedLine(output, "unavailable"),
              AllOf(HasSubstr("no CUDA device can be used: "), Not(HasSubstr("libcudnn"))));
  EXPECT_THAT(ProbedLine(output, "version"), ::testing::MatchesRegex("cuBLASLt 1[0-9]\\.[0-9]+\\.[0-9]+"));
}

TEST(TwoKernelBestPack, WithoutBothLibrariesBothAreNamed) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output =
      ProbePack(ASSAY_TEST_PACK, std::string(kNoGpu) + " " + kNoCudnn + " " + kNoCublasLt);
  EXPECT_THAT(ProbedLine(output, "unavailable"),
              AllOf(HasSubstr("libcudnn.so.9 was not found"), HasSubstr("/nowhere/libcublasLt.so.13")));
  EXPECT_EQ(ProbedLine(output, "version"), "NULL");
}

}  // namespace
}  // namespace assay::testing
