#include "harness/tune/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "harness/config/config.h"

namespace assay {
namespace {

using testing::HasSubstr;

constexpr const char* kHeader =
    "gpu,capability,sms,op,problem,dtype,layout,variant,configuration,median_us\n";

TunedRow Row(const std::string& problem, const std::string& variant, const std::string& configuration,
             double us, const std::string& gpu = "H100") {
  return {gpu, 90, 132, {"dsconv", problem, "fp16", "nhwc"}, variant, configuration, us};
}

class TableTest : public testing::Test {
 protected:
  TableTest()
      : path_(std::filesystem::temp_directory_path() /
              ("assay-table-" + std::to_string(getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name() + ".csv")) {}
  ~TableTest() override { std::filesystem::remove(path_); }

  TunedTable Read(const std::string& text) const {
    std::ofstream(path_, std::ios::binary) << text;
    return ReadTunedTable(path_);
  }
  std::string ErrorOf(const std::string& text) const {
    try {
      Read(text);
    } catch (const ConfigError& error) {
      const std::string what = error.what();
      return what.starts_with(path_.string()) ? what.substr(path_.string().size()) : "elsewhere: " + what;
    }
    return "no error";
  }

  std::filesystem::path path_;
};

TEST_F(TableTest, IsReadAsItWasWritten) {
  TunedTable table;
  table.rows = {Row("n1c8k8h9w9r3p1", "mma", "t4", 1.25), Row("n2c8k8h9w9r3p1", "tiled", "wide8", 1234.5678)};
  table.environments["H100"] = "driver 580, CUDA 13.0, 2026-11-28";
  WriteTunedTable(path_, table);
  const TunedTable read = ReadTunedTable(path_);
  EXPECT_EQ(TunedTableText(read), TunedTableText(table));
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].gpu, "H100");
  EXPECT_EQ(read.rows[0].capability, 90);
  EXPECT_EQ(read.rows[0].sms, 132);
  EXPECT_EQ(read.rows[0].key.Text(), "dsconv/n1c8k8h9w9r3p1/fp16/nhwc");
  EXPECT_EQ(read.rows[0].configuration, "t4");
  EXPECT_DOUBLE_EQ(read.rows[1].median_us, 1234.6);
  EXPECT_EQ(read.environments.at("H100"), "driver 580, CUDA 13.0, 2026-11-28");
  EXPECT_THAT(TunedTableText(table),
              HasSubstr("\nH100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1.25\n"));
}

TEST_F(TableTest, AMissingFileIsAnEmptyTableAndSoIsOneOfComments) {
  EXPECT_TRUE(ReadTunedTable("/nowhere/tuned.csv").rows.empty());
  EXPECT_TRUE(Read("# nothing yet\n").rows.empty());
  EXPECT_TRUE(Read(std::string("# nothing yet\n\n") + kHeader).rows.empty());
}

TEST_F(TableTest, SaysWhereAndWhatIsWrong) {
  const auto row = [](const std::string& text) {
    return std::string("# made by hand\n") + kHeader + text + "\n";
  };
  EXPECT_THAT(ErrorOf("gpu,problem\n"),
              HasSubstr(":1:1: found \"gpu,problem\"; allowed: the columns gpu,capa"));
  EXPECT_EQ(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4")),
            ":3:1: found 9 fields; allowed: 10");
  EXPECT_EQ(ErrorOf(row(",9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1")),
            ":3:1: found nothing; allowed: a GPU's name");
  EXPECT_EQ(ErrorOf(row("H100,90,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1")),
            ":3:6: found \"90\"; allowed: a compute capability, as 9.0");
  EXPECT_THAT(ErrorOf(row("H100,9.0,0,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1")),
              HasSubstr(":3:10: found \"0\"; allowed: a number of multiprocessors"));
  EXPECT_EQ(ErrorOf(row("H100,9.0,132,gemm,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1")),
            ":3:14: found \"gemm\"; allowed: dsconv");
  EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8,fp16,nhwc,mma,t4,1")),
              HasSubstr(":3:21: problem \"n1c8\""));
  EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3s3p1,fp16,nhwc,mma,t4,1")),
              HasSubstr("allowed: the id as reports write it, n1c8k8h9w9r3p1"));
  EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp8,nhwc,mma,t4,1")),
              HasSubstr("found \"fp8\"; allowed: fp32, fp16, bf16"));
  EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhcw,mma,t4,1")),
              HasSubstr("found \"nhcw\"; allowed: nchw, nhwc"));
  EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t 4,1")),
              HasSubstr("found \"t 4\"; allowed: a configuration"));
  for (const char* time : {"0", "-1", "nan", "inf", "1us", ""}) {
    EXPECT_THAT(ErrorOf(row("H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4," + std::string(time))),
                HasSubstr("allowed: microseconds, above 0"))
        << time;
  }
  const std::string good = "H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1";
  EXPECT_THAT(ErrorOf(row(good + "\n" + good)), HasSubstr(":4:1: found a second row"));
  EXPECT_EQ(Read(row(good)).rows.size(), 1u);
}

TEST_F(TableTest, MergingReplacesWhatWasTunedAndKeepsTheRest) {
  TunedTable table;
  table.rows = {Row("n1c8k8h9w9r3p1", "mma", "old", 2), Row("n1c8k8h9w9r3p1", "tiled", "wide8", 9),
                Row("n2c8k8h9w9r3p1", "mma", "other", 3), Row("n1c8k8h9w9r3p1", "mma", "theirs", 5, "A100")};
  table.environments = {{"A100", "theirs"}, {"H100", "old"}};
  const TunedProblem tuned{
      {"dsconv", "n1c8k8h9w9r3p1", "fp16", "nhwc"}, {"mma"}, {Row("n1c8k8h9w9r3p1", "mma", "new", 1)}};
  Merge(table, "H100", "new", {&tuned, 1});
  std::vector<std::string> left;
  for (const TunedRow& row : table.rows)
    left.push_back(row.gpu + " " + row.key.problem + " " + row.configuration);
  EXPECT_THAT(left, testing::ElementsAre("A100 n1c8k8h9w9r3p1 theirs", "H100 n1c8k8h9w9r3p1 new",
                                         "H100 n1c8k8h9w9r3p1 wide8", "H100 n2c8k8h9w9r3p1 other"));
  EXPECT_EQ(table.environments.at("A100"), "theirs");
  EXPECT_EQ(table.environments.at("H100"), "new");
}

TEST_F(TableTest, RunsThatEndAtTheSameTimeLoseNothing) {
  std::vector<std::thread> runs;
  for (int i = 1; i <= 8; ++i) {
    runs.emplace_back([this, i] {
      const std::string problem = "n" + std::to_string(i) + "c8k8h9w9r3p1";
      const TunedProblem tuned{{"dsconv", problem, "fp16", "nhwc"}, {"mma"}, {Row(problem, "mma", "new", 1)}};
      MergeIntoFile(path_, "H100", "words", {&tuned, 1});
    });
  }
  for (std::thread& run : runs) run.join();
  EXPECT_EQ(ReadTunedTable(path_).rows.size(), 8u);
}

TEST_F(TableTest, TheOrderOfLinesIsThatOfWhatTheyAreOfAndNotOfTimes) {
  std::vector<TunedProblem> problems;
  for (const char* problem : {"n16c8k8h9w9r3p1", "n2c16k8h9w9r3p1", "n2c8k8h9w9r3p1", "n2c8k8h9w9r3p1-b"}) {
    problems.push_back(
        {{"dsconv", problem, "fp16", "nhwc"},
         {},
         {Row(problem, "tiled", "wide8", 1), Row(problem, "mma", "b", 2), Row(problem, "mma", "a", 3)}});
  }
  TunedTable table, again;
  Merge(table, "H100", "", problems);
  std::vector<std::string> order;
  for (const TunedRow& row : table.rows) {
    if (row.configuration == "a") order.push_back(row.key.problem);
  }
  EXPECT_THAT(order, testing::ElementsAre("n2c8k8h9w9r3p1", "n2c8k8h9w9r3p1-b", "n2c16k8h9w9r3p1",
                                          "n16c8k8h9w9r3p1"));
  EXPECT_EQ(table.rows[0].configuration, "a");
  EXPECT_EQ(table.rows[2].variant, "tiled");
  std::reverse(problems.begin(), problems.end());
  for (TunedProblem& problem : problems) {
    for (TunedRow& row : problem.rows) row.median_us = 4 - row.median_us;
  }
  Merge(again, "H100", "", problems);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    EXPECT_EQ(again.rows[i].key.problem + again.rows[i].configuration,
              table.rows[i].key.problem + table.rows[i].configuration);
  }
}

TEST_F(TableTest, WhatCannotBeWrittenIsSaid) {
  EXPECT_THROW(WriteTunedTable("/dev/null/tuned.csv", TunedTable{}), std::exception);
}

}  // namespace
}  // namespace assay
