// Kernels that take their process down, or try to speak in its name: each costs its own case alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "harness/record/journal.h"
#include "tests/harness/worker/program.h"

namespace assay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kRun =
    "run --problem n1c3k4h5w6r1 --dtype fp32 --layout nchw --device host --pack '" ASSAY_MISBEHAVING_PACK
    "' --out r --variant ";

class MisbehaviourTest : public testing::Test {
 protected:
  // The records of a run, by variant.
  std::map<std::string, Record> Run(const std::string& variants, int exit_code) {
    const Output output = Assay(folder_.path(), kRun + variants);
    EXPECT_EQ(output.exit_code, exit_code) << output.text;
    text_ = output.text;
    std::map<std::string, Record> records;
    for (const Record& record : ReadJournal(folder_ / "r/results.jsonl").records)
      records[record.variant] = record;
    return records;
  }

  TestFolder folder_;
  std::string text_;
};

TEST_F(MisbehaviourTest, EachFaultCostsItsOwnCaseAndNamesTheCause) {
  auto records = Run("good,crash,abort,exit,crash_in_create,good_too", 1);
  ASSERT_EQ(records.size(), 6u);
  EXPECT_EQ(records["good"].verdict, Verdict::kRight) << records["good"].reason;
  EXPECT_EQ(records["good_too"].verdict, Verdict::kRight) << records["good_too"].reason;
  for (const char* variant : {"crash", "abort", "exit", "crash_in_create"}) {
    EXPECT_EQ(records[variant].verdict, Verdict::kFailed) << variant;
    EXPECT_FALSE(records[variant].transient) << variant;
  }
  EXPECT_THAT(records["crash"].reason,
              AllOf(HasSubstr("SIGSEGV"), HasSubstr("launch()"), HasSubstr("not there")));
  EXPECT_THAT(records["abort"].reason, HasSubstr("SIGABRT"));
  EXPECT_THAT(records["exit"].reason, HasSubstr("exit code 0 in launch()"));
  EXPECT_THAT(records["crash_in_create"].reason, HasSubstr("create()"));
}

TEST_F(MisbehaviourTest, WhoPrintsIsHeardAndNotBelieved) {
  auto records = Run("print,good", 0);
  EXPECT_THAT(records["print"].printed, HasSubstr("{\"verdict\": \"right\"}"));
  EXPECT_EQ(records["good"].printed, "");
  EXPECT_THAT(text_, Not(HasSubstr("{\"verdict\"")));
}

TEST_F(MisbehaviourTest, WhoWritesToEveryDescriptorIsCaught) {
  auto records = Run("good,forge,close,good_too", 1);
  EXPECT_EQ(records["forge"].verdict, Verdict::kFailed);
  EXPECT_THAT(records["forge"].reason, HasSubstr("written to"));
  EXPECT_EQ(records["close"].verdict, Verdict::kFailed) << records["close"].reason;
  EXPECT_EQ(records["good"].verdict, Verdict::kRight);
  EXPECT_EQ(records["good_too"].verdict, Verdict::kRight);
}

TEST_F(MisbehaviourTest, WhoeverIsKilledTwiceFailsAndIsTriedAgainOnResume) {
  auto records = Run("killed,good", 1);
  EXPECT_EQ(records["killed"].verdict, Verdict::kFailed);
  EXPECT_THAT(records["killed"].reason, HasSubstr("killed from outside"));
  EXPECT_TRUE(records["killed"].transient);
  EXPECT_EQ(records["good"].verdict, Verdict::kRight);
}

TEST_F(MisbehaviourTest, ACrashIsSeenWhoeverHoldsTheChannelOpen) {
  const auto start = std::chrono::steady_clock::now();
  auto records = Run("orphan,good", 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
  EXPECT_EQ(records["orphan"].verdict, Verdict::kFailed);
  EXPECT_THAT(records["orphan"].reason, HasSubstr("SIGABRT"));
  EXPECT_EQ(records["good"].verdict, Verdict::kRight);
}

TEST_F(MisbehaviourTest, WhatAPackStartedEndsWithTheWorker) {
  auto records = Run("child,good", 0);
  int child = 0;
  ASSERT_EQ(std::sscanf(records["child"].printed.c_str(), "child %d", &child), 1) << records["child"].printed;
  // Dead, whether or not somebody has taken note of it.
  const auto runs = [child] {
    std::ifstream in("/proc/" + std::to_string(child) + "/stat");
    std::string number, name, state;
    return in >> number >> name >> state && state != "Z";
  };
  for (int i = 0; i < 500 && runs(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(runs());
}

TEST_F(MisbehaviourTest, WhatAPackChangedOfItsProcessIsNotLeftToTheNext) {
  for (const char* variants : {"limits,needs", "signals,needs"}) {
    std::filesystem::remove_all(folder_ / "r");
    auto records = Run(variants, 0);
    EXPECT_EQ(records["needs"].verdict, Verdict::kRight) << records["needs"].reason;
  }
}

TEST_F(MisbehaviourTest, WhatReleaseDoesIsItsOwnCases) {
  auto records = Run("unreleasable,needs", 1);
  EXPECT_EQ(records["unreleasable"].verdict, Verdict::kFailed) << records["unreleasable"].reason;
  EXPECT_THAT(records["unreleasable"].reason, AllOf(HasSubstr("released"), HasSubstr("SIGABRT")));
  EXPECT_EQ(records["needs"].verdict, Verdict::kRight) << records["needs"].reason;
}

TEST_F(MisbehaviourTest, ATileThatFailsIsNamedAndLeftOut) {
  auto records = Run("untiled,needs --boundary", 0);
  EXPECT_THAT(text_, AllOf(HasSubstr("untiled"), HasSubstr("tile()"), HasSubstr("SIGABRT")));
  EXPECT_EQ(records.size(), 2u);
}

TEST_F(MisbehaviourTest, AHangIsEndedByTheLimit) {
  std::ofstream(folder_ / "hang.yaml") << "name: hang\n"
                                          "problems:\n"
                                          "  - list: [{n: 1, c: 3, k: 4, h: 5, w: 6, kernel: 1}]\n"
                                          "dtypes: [fp32]\n"
                                          "layouts: [nchw]\n"
                                          "variants: [good, hang, good_too]\n"
                                          "limits: {seconds: 1.5}\n";
  const Output output =
      Assay(folder_.path(), "run hang.yaml --device host --out r --pack '" ASSAY_MISBEHAVING_PACK "'");
  EXPECT_EQ(output.exit_code, 1) << output.text;
  const Journal journal = ReadJournal(folder_ / "r/results.jsonl");
  ASSERT_GE(journal.records.size(), 3u);  // and baselines
  EXPECT_EQ(journal.records[0].verdict, Verdict::kRight);
  EXPECT_EQ(journal.records[1].verdict, Verdict::kFailed);
  EXPECT_THAT(journal.records[1].reason, AllOf(HasSubstr("hung"), HasSubstr("launch()"), HasSubstr("1.5 s")));
  EXPECT_EQ(journal.records[2].verdict, Verdict::kRight);
}

TEST_F(MisbehaviourTest, APackThatCrashesWhileItIsLoadedIsRefusedByName) {
  const Output output = Assay(
      folder_.path(), "run --problem n1c3k4h5w6r1 --device host --out r --pack '" ASSAY_CRASHING_PACK "'");
  EXPECT_EQ(output.exit_code, 2) << output.text;
  EXPECT_THAT(output.text, AllOf(HasSubstr("worker_fixture_constructor"), HasSubstr("SIGSEGV")));
}

TEST_F(MisbehaviourTest, AFileThatIsNoPackIsRefused) {
  std::ofstream(folder_ / "text.so") << "this is text\n";
  for (const char* pack : {"text.so", "nowhere.so"}) {
    const Output output =
        Assay(folder_.path(), std::string("run --problem n1c3k4h5w6r1 --device host --out r --pack ") + pack);
    EXPECT_EQ(output.exit_code, 2) << output.text;
    EXPECT_THAT(output.text, HasSubstr(pack));
  }
}

}  // namespace
}  // namespace assay
