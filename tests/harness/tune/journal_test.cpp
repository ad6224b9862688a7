#include "harness/tune/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace assay {
namespace {

using testing::HasSubstr;

TuneHeader Header() {
  TuneHeader header;
  header.name = "tune";
  header.gpu = "H100";
  header.config_text = "name: tune\n";
  header.planned = 2;
  return header;
}

TuneRecord Record() {
  TuneRecord record;
  record.key = {"dsconv", "n1c8k8h9w9r3p1", "fp16", "nhwc"};
  record.label = "a \"label\"";
  record.seconds = 1.5;
  Trial trial;
  trial.variant = "mma";
  trial.configuration = "t4";
  trial.cost = 12;
  trial.own_choice = true;
  trial.state = TrialState::kRight;
  trial.plan = "4 tiles";
  trial.median = 1e-5, trial.low = 0.9e-5, trial.high = 1.1e-5;
  trial.samples = 20, trial.rounds = 3;
  record.trials.push_back(trial);
  trial = {};
  trial.variant = "tiled";
  trial.configuration = "wide8";
  trial.incumbent = true;
  trial.why = "out of registers";
  record.trials.push_back(trial);
  return record;
}

class TuneJournalTest : public testing::Test {
 protected:
  TuneJournalTest()
      : path_(std::filesystem::temp_directory_path() /
              ("assay-tune-journal-" + std::to_string(getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove(path_);
  }
  ~TuneJournalTest() override { std::filesystem::remove(path_); }
  std::string ErrorOf(const std::string& text) const {
    std::ofstream(path_, std::ios::binary) << text;
    try {
      ReadTuneJournal(path_);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  }
  std::filesystem::path path_;
};

TEST_F(TuneJournalTest, IsReadAsItWasWritten) {
  {
    LineWriter writer(path_, ToJson(Header()));
    writer.Append(ToJson(Record()));
  }
  const TuneJournal journal = ReadTuneJournal(path_);
  EXPECT_EQ(ToJson(journal.header), ToJson(Header()));
  ASSERT_EQ(journal.records.size(), 1u);
  EXPECT_EQ(ToJson(journal.records[0]), ToJson(Record()));
  EXPECT_FALSE(journal.torn);
  const Trial& failed = journal.records[0].trials.at(1);
  EXPECT_FALSE(failed.timed());
  EXPECT_TRUE(failed.incumbent);
  EXPECT_EQ(failed.why, "out of registers");
}

TEST_F(TuneJournalTest, ATornLastLineIsLeftOutAndGoneOnFrom) {
  {
    LineWriter writer(path_, ToJson(Header()));
    writer.Append(ToJson(Record()));
    writer.Append(ToJson(Record()));
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 7);
  TuneJournal journal = ReadTuneJournal(path_);
  EXPECT_TRUE(journal.torn);
  EXPECT_EQ(journal.records.size(), 1u);
  LineWriter::Resume(path_).Append(ToJson(Record()));
  journal = ReadTuneJournal(path_);
  EXPECT_FALSE(journal.torn);
  EXPECT_EQ(journal.records.size(), 2u);
}

TEST_F(TuneJournalTest, SaysWhichLineIsNone) {
  EXPECT_THAT(ErrorOf(""), HasSubstr(":1: there is no whole line"));
  EXPECT_THAT(ErrorOf("{}\n"), HasSubstr(":1: "));
  EXPECT_THAT(ErrorOf(ToJson(Header()) + "\nnotes\n"), HasSubstr(":2: "));
  std::string strange = ToJson(Record());
  strange.replace(strange.find("\"right\""), 7, "\"great\"");
  EXPECT_THAT(ErrorOf(ToJson(Header()) + "\n" + strange + "\n"), HasSubstr(":2: \"state\" is \"great\""));
}

}  // namespace
}  // namespace assay
