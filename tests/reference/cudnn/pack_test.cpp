// The pack's table as a process sees it that has, or lacks, cuDNN and a GPU.
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

TEST(CudnnPack, AlwaysHasTheBaselineInItsTable) {
  const std::string output = ProbePack(ASSAY_TEST_PACK, kNoGpu);
  EXPECT_EQ(ProbedLine(output, "abi"), std::to_string(ASSAY_PACK_ABI));
  EXPECT_EQ(ProbedLine(output, "name"), "cudnn");
  EXPECT_EQ(ProbedLine(output, "backend"), std::to_string(ASSAY_BACKEND_CUDA));
  EXPECT_EQ(ProbedLine(output, "variant"), "dsconv cudnn " + std::to_string(ASSAY_ROLE_BASELINE));
}

TEST(CudnnPack, HasAVariantThatMayUseTf32) {
  for (const char* pack : {ASSAY_TEST_PACK, ASSAY_TEST_ABSENT_PACK}) {
    const std::string output = ProbePack(pack, kNoGpu);
    EXPECT_EQ(ProbedLine(output, "variants"), "2");
    EXPECT_THAT(output,
                HasSubstr("variant: dsconv cudnn_tf32 " + std::to_string(ASSAY_ROLE_BASELINE) + "\n"));
  }
}

TEST(CudnnPack, WithoutAGpuItSaysSoAndRefusesEveryProblem) {
  const std::string output = ProbePack(ASSAY_TEST_PACK, kNoGpu);
  if (ASSAY_TEST_PACK_IS_ABSENT) {
    EXPECT_THAT(ProbedLine(output, "unavailable"), HasSubstr("built without"));
  } else {
    EXPECT_THAT(ProbedLine(output, "unavailable"), HasSubstr("no CUDA device can be used: "));
  }
  EXPECT_THAT(ProbedLine(output, "supports"), HasSubstr("1 unavailable: "));
  EXPECT_THAT(ProbedLine(output, "create"), HasSubstr("1 unavailable: "));
}

TEST(CudnnPack, AMissingLibraryIsNamedAndIsNoErrorOfOthers) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY=/nowhere/libcudnn.so.9");
  EXPECT_THAT(ProbedLine(output, "unavailable"),
              AllOf(HasSubstr("libcudnn.so.9 was not found"), HasSubstr("/nowhere/")));
  EXPECT_EQ(ProbedLine(output, "version"), "NULL");
  EXPECT_THAT(ProbedLine(output, "create"), HasSubstr("libcudnn.so.9 was not found"));
}

TEST(CudnnPack, AFolderMayBeGivenAndIsSearchedForTheLibrary) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY=/usr");
  EXPECT_THAT(ProbedLine(output, "unavailable"), HasSubstr("/usr/libcudnn.so.9"));
}

TEST(CudnnPack, ALibraryThatIsNotCudnnIsRefusedByName) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY='" ASSAY_TEST_FAKE_NONE "'");
  EXPECT_THAT(ProbedLine(output, "unavailable"),
              AllOf(HasSubstr("cudnnGetVersion"), HasSubstr("assay_fake_cudnn_none")));
}

TEST(CudnnPack, AnotherMajorVersionIsRefused) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY='" ASSAY_TEST_FAKE_8 "'");
  EXPECT_THAT(ProbedLine(output, "unavailable"), AllOf(HasSubstr("cuDNN 8.9.4"), HasSubstr("cuDNN 9.x")));
}

TEST(CudnnPack, ABuildWithoutCudnnSaysWhatWasMissing) {
  const std::string output = ProbePack(ASSAY_TEST_ABSENT_PACK);
  EXPECT_EQ(ProbedLine(output, "abi"), std::to_string(ASSAY_PACK_ABI));
  EXPECT_EQ(ProbedLine(output, "unavailable"), "built without cuDNN, for this test");
  EXPECT_EQ(ProbedLine(output, "variant"), "dsconv cudnn " + std::to_string(ASSAY_ROLE_BASELINE));
  EXPECT_THAT(ProbedLine(output, "supports"), HasSubstr("1 unavailable: built without cuDNN"));
  EXPECT_THAT(ProbedLine(output, "create"), HasSubstr("1 unavailable: built without cuDNN"));
}

// Where there is a library, what is missing is not blamed on it.
TEST(CudnnPack, AnInstalledLibraryIsOpenedAndItsVersionTold) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = ProbePack(ASSAY_TEST_PACK, kNoGpu);
  if (ProbedLine(output, "unavailable").find("was not found") != std::string::npos) {
    GTEST_SKIP() << ProbedLine(output, "unavailable");
  }
  EXPECT_THAT(ProbedLine(output, "version"), ::testing::MatchesRegex("cuDNN 9\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(ProbedLine(output, "unavailable"), Not(HasSubstr("libcudnn")));
}

}  // namespace
}  // namespace assay::testing
