// The pack's table as a process sees it that has, or lacks, cuDNN and a GPU.
#include "kernels/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// What the probe prints about `pack`, run with the shell's variable assignments `environment`.
std::string Probe(const std::string& pack, const std::string& environment = "") {
  const std::string command =
      "env -u ASSAY_CUDNN_LIBRARY " + environment + " '" ASSAY_TEST_PROBE "' '" + pack + "' 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return "";
  }
  std::string output;
  std::array<char, 4096> chunk;
  while (std::fgets(chunk.data(), chunk.size(), pipe) != nullptr) output += chunk.data();
  EXPECT_EQ(pclose(pipe), 0) << command << "\n" << output;
  return output;
}

// The value of one line of the probe's output.
std::string Line(const std::string& output, const std::string& key) {
  const std::string start = "\n" + key + ": ";
  const std::string text = "\n" + output;
  const auto at = text.find(start);
  if (at == std::string::npos) return "no line '" + key + "'";
  const auto value = at + start.size();
  return text.substr(value, text.find('\n', value) - value);
}

constexpr const char* kNoGpu = "CUDA_VISIBLE_DEVICES=";

TEST(CudnnPack, AlwaysHasTheBaselineInItsTable) {
  const std::string output = Probe(ASSAY_TEST_PACK, kNoGpu);
  EXPECT_EQ(Line(output, "abi"), std::to_string(ASSAY_PACK_ABI));
  EXPECT_EQ(Line(output, "name"), "cudnn");
  EXPECT_EQ(Line(output, "backend"), std::to_string(ASSAY_BACKEND_CUDA));
  EXPECT_EQ(Line(output, "variant"), "dsconv cudnn " + std::to_string(ASSAY_ROLE_BASELINE));
}

TEST(CudnnPack, WithoutAGpuItSaysSoAndRefusesEveryProblem) {
  const std::string output = Probe(ASSAY_TEST_PACK, kNoGpu);
  if (ASSAY_TEST_PACK_IS_ABSENT) {
    EXPECT_THAT(Line(output, "unavailable"), HasSubstr("built without"));
  } else {
    EXPECT_THAT(Line(output, "unavailable"), HasSubstr("no CUDA device can be used: "));
  }
  EXPECT_THAT(Line(output, "supports"), HasSubstr("1 unavailable: "));
  EXPECT_THAT(Line(output, "create"), HasSubstr("1 unavailable: "));
}

TEST(CudnnPack, AMissingLibraryIsNamedAndIsNoErrorOfOthers) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = Probe(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY=/nowhere/libcudnn.so.9");
  EXPECT_THAT(Line(output, "unavailable"),
              AllOf(HasSubstr("libcudnn.so.9 was not found"), HasSubstr("/nowhere/")));
  EXPECT_EQ(Line(output, "version"), "NULL");
  EXPECT_THAT(Line(output, "create"), HasSubstr("libcudnn.so.9 was not found"));
}

TEST(CudnnPack, AFolderMayBeGivenAndIsSearchedForTheLibrary) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = Probe(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY=/usr");
  EXPECT_THAT(Line(output, "unavailable"), HasSubstr("/usr/libcudnn.so.9"));
}

TEST(CudnnPack, ALibraryThatIsNotCudnnIsRefusedByName) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = Probe(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY='" ASSAY_TEST_FAKE_NONE "'");
  EXPECT_THAT(Line(output, "unavailable"),
              AllOf(HasSubstr("cudnnGetVersion"), HasSubstr("assay_fake_cudnn_none")));
}

TEST(CudnnPack, AnotherMajorVersionIsRefused) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = Probe(ASSAY_TEST_PACK, "ASSAY_CUDNN_LIBRARY='" ASSAY_TEST_FAKE_8 "'");
  EXPECT_THAT(Line(output, "unavailable"), AllOf(HasSubstr("cuDNN 8.9.4"), HasSubstr("cuDNN 9.x")));
}

TEST(CudnnPack, ABuildWithoutCudnnSaysWhatWasMissing) {
  const std::string output = Probe(ASSAY_TEST_ABSENT_PACK);
  EXPECT_EQ(Line(output, "abi"), std::to_string(ASSAY_PACK_ABI));
  EXPECT_EQ(Line(output, "unavailable"), "built without cuDNN, for this test");
  EXPECT_EQ(Line(output, "variant"), "dsconv cudnn " + std::to_string(ASSAY_ROLE_BASELINE));
  EXPECT_THAT(Line(output, "supports"), HasSubstr("1 unavailable: built without cuDNN"));
  EXPECT_THAT(Line(output, "create"), HasSubstr("1 unavailable: built without cuDNN"));
}

// Where there is a library, what is missing is not blamed on it.
TEST(CudnnPack, AnInstalledLibraryIsOpenedAndItsVersionTold) {
  if (ASSAY_TEST_PACK_IS_ABSENT) GTEST_SKIP() << "the pack was built without cuDNN";
  const std::string output = Probe(ASSAY_TEST_PACK, kNoGpu);
  if (Line(output, "unavailable").find("was not found") != std::string::npos) {
    GTEST_SKIP() << Line(output, "unavailable");
  }
  EXPECT_THAT(Line(output, "version"), testing::MatchesRegex("cuDNN 9\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(Line(output, "unavailable"), Not(HasSubstr("libcudnn")));
}

}  // namespace
