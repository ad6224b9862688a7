// `assay tune` as a person runs it on a GPU; skipped where there is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "harness/tune/journal.h"
#include "harness/tune/table.h"
#include "tests/harness/worker/program.h"

namespace assay {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kTune =
    "tune --problem n1c64k64h28w28r3p1,n4c32k48h20w20r3p1 --dtype fp16 --layout nhwc --table t.csv --out t ";

class TuneOnGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    first_ = Assay(folder_.path(), kTune);
    if (first_.exit_code == 3 && first_.text.find("needs a GPU") != std::string::npos)
      GTEST_SKIP() << "there is no GPU";
  }
  TestFolder folder_;
  Output first_;
};

TEST_F(TuneOnGpuTest, FindsWinnersGoesOnAndSaysWhatAPickerLoses) {
  ASSERT_EQ(first_.exit_code, 0) << first_.text;
  const TunedTable table = ReadTunedTable(folder_ / "t.csv");
  EXPECT_GE(table.rows.size(), 4u) << first_.text;
  const TuneJournal journal = ReadTuneJournal(folder_ / "t/tune.jsonl");
  ASSERT_EQ(journal.records.size(), 2u);
  for (const TuneRecord& record : journal.records) {
    for (const Trial& trial : record.trials) {
      EXPECT_THAT(trial.state, AnyOf(TrialState::kPruned, TrialState::kFinalist, TrialState::kRight))
          << trial.variant << " " << trial.configuration << ": " << trial.why;
      if (trial.state == TrialState::kRight) {
        EXPECT_GT(trial.median, 1e-6);
        EXPECT_LT(trial.median, 1e-3);
      }
    }
  }

  const std::string before = TunedTableText(table);
  const Output again = Assay(folder_.path(), std::string(kTune) + "--resume");
  EXPECT_EQ(again.exit_code, 0) << again.text;
  EXPECT_EQ(TunedTableText(ReadTunedTable(folder_ / "t.csv")), before) << "nothing was searched again";

  const Output held_out =
      Assay(folder_.path(),
            "tune --problem n2c40k56h17w19r3p1 --dtype fp16 --layout nhwc --table t.csv --out h "
            "--held-out");
  EXPECT_EQ(held_out.exit_code, 0) << held_out.text;
  EXPECT_THAT(held_out.text, HasSubstr("geometric mean of auto/best: "));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "h/held_out.csv"));
}

}  // namespace
}  // namespace assay
