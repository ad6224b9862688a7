// `assay tune` and `--configuration` as a person meets them without a GPU: who asks for what cannot be had is
// told so, with the exit codes of the README.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/record/journal.h"
#include "tests/harness/worker/program.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kProblem = "--problem n1c8k8h6w6r3p1 --dtype fp32 --layout nchw ";

class TuneCommandTest : public testing::Test {
 protected:
  Output Run(const std::string& arguments) const { return Assay(folder_.path(), arguments); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  TestFolder folder_;
};

TEST_F(TuneCommandTest, NeedsAGpuAndSaysSo) {
  const Output output = Run(std::string("tune --device host ") + kProblem + "--out t");
  EXPECT_EQ(output.exit_code, 3) << output.text;
  EXPECT_THAT(output.text, HasSubstr("needs a GPU"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "t")) << "nothing was begun";
}

TEST_F(TuneCommandTest, MistakesAreSaidBeforeAnythingRuns) {
  const auto mistake = [&](const std::string& arguments, const char* words) {
    const Output output = Run("tune --device host " + arguments);
    EXPECT_EQ(output.exit_code, 2) << arguments << ": " << output.text;
    EXPECT_THAT(output.text, HasSubstr(words)) << arguments;
  };
  mistake("", "nothing to run");
  mistake("absent.yaml", "absent.yaml");
  mistake(std::string(kProblem) + "--variant fastest", "found fastest; allowed: ");
  mistake(std::string(kProblem) + "--picker auto", "--held-out");
  mistake(std::string(kProblem) + "--held-out --picker oracle", "--picker: found oracle; allowed:");
  mistake(std::string(kProblem) + "--resume", "--resume: give the run's folder by --out");
  std::filesystem::create_directory(folder_ / "t");
  Write("t/tune.jsonl", "");
  mistake(std::string(kProblem) + "--out t", "t holds the results of another run");
  Write("bad.csv", "# a table\ngpu,problem\n");
  mistake(std::string(kProblem) + "--table bad.csv",
          "bad.csv:2:1: found \"gpu,problem\"; allowed: the columns gpu,");
}

TEST_F(TuneCommandTest, AConfigurationCanBeRunByItself) {
  const std::string run = std::string("run --device host ") + kProblem;
  Output output = Run(run + "--variant warp_shuffle --configuration wide --out r");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  const Journal journal = ReadJournal(folder_ / "r/results.jsonl");
  ASSERT_EQ(journal.records.size(), 1u);
  EXPECT_THAT(journal.records[0].plan, HasSubstr("8 pixels x 128 channels"));
  EXPECT_THAT(journal.records[0].reproduce, HasSubstr("--variant warp_shuffle --configuration wide"));

  output = Run(run + "--variant warp_shuffle --configuration huge --out wrong");
  EXPECT_EQ(output.exit_code, 1) << output.text;
  EXPECT_THAT(output.text, HasSubstr("found configuration \"huge\"; allowed for this problem: "));
  output = Run(run + "--variant naive --configuration wide --out none");
  EXPECT_EQ(output.exit_code, 1) << output.text;
  EXPECT_THAT(output.text, HasSubstr("offers no configurations"));
  output = Run(run + "--variant warp_shuffle,naive --configuration wide");
  EXPECT_EQ(output.exit_code, 2) << output.text;
  EXPECT_THAT(output.text, HasSubstr("--configuration: found 2 names under --variant; allowed: one"));
}

TEST_F(TuneCommandTest, AutoSaysWhatItPickedAndWhy) {
  const Output output = Run(std::string("run --device host ") + kProblem + "--variant auto --out r");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  const Journal journal = ReadJournal(folder_ / "r/results.jsonl");
  EXPECT_THAT(journal.records.at(0).plan, HasSubstr("by rule: the table has nothing like it"));
}

}  // namespace
}  // namespace assay
