// What a profiler sees of the program itself: `assay run` and `assay profile` on the host device under an
// NVTX tool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "harness/record/journal.h"
#include "tests/harness/profile/nvtx_log.h"

namespace assay {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

class SweepRangesTest : public ::testing::Test {
 protected:
  SweepRangesTest()
      : dir_(fs::path(::testing::TempDir()) / ("assay_sweep_ranges_" + std::to_string(getpid()))) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  ~SweepRangesTest() override { fs::remove_all(dir_); }

  int Assay(const std::string& arguments) const {
    const std::string command =
        "cd '" + dir_.string() + "' && NVTX_INJECTION64_PATH='" ASSAY_TEST_INJECTION "' ASSAY_NVTX_LOG='" +
        (dir_ / "nvtx.log").string() + "' '" ASSAY_PROGRAM "' " + arguments + " >output.txt 2>&1 </dev/null";
    return std::system(command.c_str());
  }

  fs::path dir_;
};

TEST_F(SweepRangesTest, RunOpensSweepThenCaseThenVerify) {
  ASSERT_EQ(Assay("run --problem n1c2k2h5w5r3p1 --dtype fp32,fp16 --layout nchw --device host --out r"), 0);
  const NvtxLog log = ReadNvtxLog(dir_ / "nvtx.log");
  EXPECT_THAT(log.faults, IsEmpty());
  const Journal journal = ReadJournal(dir_ / "r/results.jsonl");

  ASSERT_THAT(log.ranges, SizeIs(1));
  const LoggedRange& sweep = log.ranges[0];
  EXPECT_EQ(sweep.category, "sweep");
  EXPECT_EQ(sweep.message, journal.header.name);
  ASSERT_THAT(sweep.inside, SizeIs(journal.records.size()));
  int verified = 0;
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    const LoggedRange& one_case = sweep.inside[i];
    const Record& record = journal.records[i];
    const std::string number = std::to_string(i + 1);
    EXPECT_EQ(one_case.category, "case");
    EXPECT_EQ(one_case.message, record.id);
    EXPECT_EQ(one_case.payload, number);
    if (record.verdict != Verdict::kRight) continue;  // a baseline that is not to be had here
    ASSERT_THAT(one_case.inside, SizeIs(1)) << record.id;
    EXPECT_EQ(one_case.inside[0].message, "verify");
    EXPECT_EQ(one_case.inside[0].category, "verify");
    EXPECT_EQ(one_case.inside[0].payload, number);
    ++verified;
  }
  EXPECT_GE(verified, 2);
}

TEST_F(SweepRangesTest, ProfileMeasuresInsideTheCase) {
  const std::string id = "dsconv/n1c2k2h5w5r3p1/fp32/nchw/tiled";
  ASSERT_EQ(Assay("profile --case " + id + " --device host --launches 2"), 0);
  const NvtxLog log = ReadNvtxLog(dir_ / "nvtx.log");
  EXPECT_THAT(log.faults, IsEmpty());
  ASSERT_THAT(log.ranges, SizeIs(1));
  EXPECT_EQ(log.ranges[0].message, id);
  ASSERT_THAT(log.ranges[0].inside, SizeIs(2));
  EXPECT_EQ(log.ranges[0].inside[0].message, "warm-up");
  // The name that scripts/profile_ncu asks for.
  EXPECT_EQ(log.ranges[0].inside[1].message, "measure");
}

}  // namespace
}  // namespace assay
