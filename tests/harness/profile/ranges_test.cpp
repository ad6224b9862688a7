// Opens ranges under a real NVTX tool (injection.cpp) and looks at what the tool was told.
#include "harness/profile/ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "tests/harness/profile/nvtx_log.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = ProfileRange::Kind;

// Where the tool writes; gone when the process ends.
struct LogFile {
  std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / ("assay_ranges_" + std::to_string(getpid()) + ".log");
  LogFile() = default;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

class RangesTest : public ::testing::Test {
 protected:
  // Before the process's first NVTX call, which is when NVTX looks for a tool, and never again.
  static void SetUpTestSuite() {
    if (announced_ != 0) return;
    std::filesystem::remove(file_.path);
    ASSERT_EQ(setenv("NVTX_INJECTION64_PATH", ASSAY_TEST_INJECTION, 1), 0);
    ASSERT_EQ(setenv("ASSAY_NVTX_LOG", file_.path.c_str(), 1), 0);
    // The domain and the categories are announced with the first range, and once only.
    { const ProfileRange first(Kind::kSweep, "first"); }
    const NvtxLog log = ReadNvtxLog(file_.path);
    ASSERT_THAT(log.domains, ElementsAre("assay"));
    ASSERT_THAT(log.ranges, SizeIs(1));
    announced_ = std::filesystem::file_size(file_.path);
  }

  // Each test finds the announcements and the first range, and nothing of the tests before it.
  void SetUp() override { std::filesystem::resize_file(file_.path, announced_); }

  static NvtxLog Log() {
    NvtxLog log = ReadNvtxLog(file_.path);
    EXPECT_THAT(log.faults, IsEmpty());
    EXPECT_THAT(log.domains, SizeIs(1));
    std::erase_if(log.ranges, [](const LoggedRange& range) { return range.message == "first"; });
    return log;
  }

  static inline const LogFile file_;
  static inline std::uintmax_t announced_ = 0;
};

TEST_F(RangesTest, NestAsTheirScopesDo) {
  {
    const ProfileRange sweep(Kind::kSweep, "quick");
    for (std::uint64_t number : {1, 2}) {
      const ProfileRange one_case(Kind::kCase, "dsconv/n1c8/fp32/nchw/case" + std::to_string(number), number);
      { const ProfileRange verify(Kind::kVerify, number); }
      { const ProfileRange warm_up(Kind::kWarmUp, number); }
      { const ProfileRange measure(Kind::kMeasure, number); }
    }
  }
  const NvtxLog log = Log();
  ASSERT_THAT(log.ranges, SizeIs(1));
  const LoggedRange& sweep = log.ranges[0];
  EXPECT_EQ(sweep.domain, "assay");
  EXPECT_EQ(sweep.message, "quick");
  EXPECT_EQ(sweep.category, "sweep");
  EXPECT_EQ(sweep.payload, "0");
  ASSERT_THAT(sweep.inside, SizeIs(2));
  for (int i = 0; i < 2; ++i) {
    const LoggedRange& one_case = sweep.inside[i];
    const std::string number = std::to_string(i + 1);
    EXPECT_EQ(one_case.message, "dsconv/n1c8/fp32/nchw/case" + number);
    EXPECT_EQ(one_case.category, "case");
    EXPECT_EQ(one_case.payload, number);
    ASSERT_THAT(one_case.inside, SizeIs(3));
    const char* names[] = {"verify", "warm-up", "measure"};
    for (int phase = 0; phase < 3; ++phase) {
      EXPECT_EQ(one_case.inside[phase].domain, "assay");
      EXPECT_EQ(one_case.inside[phase].message, names[phase]);
      EXPECT_EQ(one_case.inside[phase].category, names[phase]);
      EXPECT_EQ(one_case.inside[phase].payload, number);
      EXPECT_THAT(one_case.inside[phase].inside, IsEmpty());
    }
  }
}

TEST_F(RangesTest, KindsHaveColoursOfTheirOwn) {
  { const ProfileRange sweep(Kind::kSweep, "a"); }
  { const ProfileRange one_case(Kind::kCase, "b"); }
  { const ProfileRange verify(Kind::kVerify, 0); }
  { const ProfileRange warm_up(Kind::kWarmUp, 0); }
  { const ProfileRange measure(Kind::kMeasure, 0); }
  const NvtxLog log = Log();
  ASSERT_THAT(log.ranges, SizeIs(5));
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < i; ++j) EXPECT_NE(log.ranges[i].colour, log.ranges[j].colour) << i << " and " << j;
  }
}

TEST_F(RangesTest, KeepAPayloadOfSixtyFourBits) {
  { const ProfileRange one_case(Kind::kCase, "big", 0xFFFF'FFFF'FFFF'FFFEU); }
  EXPECT_EQ(Log().ranges.at(0).payload, "18446744073709551614");
}

TEST_F(RangesTest, CloseWhenAnExceptionPasses) {
  try {
    const ProfileRange one_case(Kind::kCase, "throws");
    const ProfileRange verify(Kind::kVerify, 0);
    throw 1;
  } catch (int) {
    const ProfileRange after(Kind::kCase, "after");
  }
  const NvtxLog log = Log();
  ASSERT_THAT(log.ranges, SizeIs(2));
  EXPECT_EQ(log.ranges[0].message, "throws");
  EXPECT_EQ(log.ranges[1].message, "after");
}

TEST_F(RangesTest, StandOnTheStackOfTheirThread) {
  {
    const ProfileRange here(Kind::kSweep, "here");
    std::thread([] { const ProfileRange there(Kind::kMeasure, 3); }).join();
  }
  const NvtxLog log = Log();
  ASSERT_THAT(log.ranges, SizeIs(2));
  EXPECT_THAT(RangesOf(log, "sweep").at(0)->inside, IsEmpty());
  EXPECT_NE(log.ranges[0].thread, log.ranges[1].thread);
}

}  // namespace
}  // namespace assay
