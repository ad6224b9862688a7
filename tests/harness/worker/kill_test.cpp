// Whatever process is killed at whatever moment, --resume ends with the records of an uninterrupted run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "harness/record/journal.h"
#include "tests/harness/worker/program.h"

namespace assay {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kRun =
    "run --problem n1c3k4h9w8r3p1,n2c5k3h7w9r3,n1c1k1h1w1r1,n1c8k8h6w6r5p2,n1c2k2h12w12r3p1st2 "
    "--variant naive,tiled,warp_shuffle --device host --out r --resume";

// Id and verdict of every record; each id once.
std::set<std::pair<std::string, std::string>> Verdicts(const std::filesystem::path& journal) {
  std::set<std::pair<std::string, std::string>> verdicts;
  std::set<std::string> ids;
  for (const Record& record : ReadJournal(journal).records) {
    EXPECT_TRUE(ids.insert(record.id).second) << record.id << " is there twice";
    verdicts.emplace(record.id, VerdictName(record.verdict));
  }
  return verdicts;
}

// A number of rounds that a person may raise: ASSAY_KILL_ROUNDS=50.
int Rounds() {
  const char* given = std::getenv("ASSAY_KILL_ROUNDS");
  return given != nullptr ? std::atoi(given) : 8;
}

TEST(KillTest, ResumeEndsWithTheRecordsOfAnUninterruptedRun) {
  TestFolder folder;
  std::filesystem::create_directories(folder / "once");
  const Output once = Assay(folder / "once", kRun);
  ASSERT_EQ(once.exit_code, 0) << once.text;
  const auto expected = Verdicts(folder / "once/r/results.jsonl");
  ASSERT_EQ(expected.size(), 90u);

  std::mt19937 random(std::random_device{}());
  int killed = 0;
  for (int round = 0; round < Rounds(); ++round) {
    const pid_t supervisor = StartAssay(folder.path(), kRun);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 400));
    const std::vector<pid_t> workers = ChildrenOf(supervisor);
    const bool kill_worker = random() % 2 == 0 && !workers.empty();
    if (kill(kill_worker ? workers.front() : supervisor, SIGKILL) == 0) ++killed;
    if (kill_worker) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
      kill(supervisor, SIGKILL);
    }
    WaitForAssay(supervisor, folder.path());
    if (std::filesystem::exists(folder / "r/results.jsonl")) Verdicts(folder / "r/results.jsonl");
  }
  EXPECT_GT(killed, 0);
  const Output last = Assay(folder.path(), kRun);
  EXPECT_EQ(last.exit_code, 0) << last.text;
  EXPECT_EQ(Verdicts(folder / "r/results.jsonl"), expected);
}

TEST(KillTest, AWorkerKilledOnceCostsNothing) {
  TestFolder folder;
  const pid_t supervisor = StartAssay(folder.path(), kRun);
  int killed = 0;
  for (int i = 0; i < 2000 && killed < 1; ++i) {
    const bool running = std::filesystem::exists(folder / "r/results.jsonl");
    const std::vector<pid_t> workers = ChildrenOf(supervisor);
    if (running && !workers.empty() && kill(workers.front(), SIGKILL) == 0) ++killed;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Output output = WaitForAssay(supervisor, folder.path());
  ASSERT_EQ(killed, 1);
  EXPECT_EQ(output.exit_code, 0) << output.text;
  EXPECT_EQ(Verdicts(folder / "r/results.jsonl").size(), 90u);
}

TEST(KillTest, TheWorkerDiesWithItsSupervisor) {
  TestFolder folder;
  const pid_t supervisor = StartAssay(folder.path(), kRun);
  std::vector<pid_t> workers;
  for (int i = 0; i < 2000 && workers.empty(); ++i) {
    workers = ChildrenOf(supervisor);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_FALSE(workers.empty());
  kill(supervisor, SIGKILL);
  WaitForAssay(supervisor, folder.path());
  bool gone = false;
  for (int i = 0; i < 2000 && !gone; ++i) {
    gone = kill(workers.front(), 0) != 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(gone);
}

TEST(KillTest, AnInterruptLeavesReportsAndSaysHowToGoOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    TestFolder folder;
    const pid_t supervisor = StartAssay(folder.path(), kRun);
    for (int i = 0; i < 5000; ++i) {
      std::error_code ignored;
      if (std::filesystem::file_size(folder / "r/results.jsonl", ignored) > 8000 && !ignored) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    kill(supervisor, signal);
    const Output output = WaitForAssay(supervisor, folder.path());
    EXPECT_EQ(output.exit_code, 128 + signal) << output.text;
    EXPECT_THAT(output.text, AllOf(HasSubstr("interrupted after"), HasSubstr("Go on with:  assay run"),
                                   HasSubstr("--resume")));
    for (const char* file : {"results.csv", "report.html", "junit.xml"}) {
      EXPECT_TRUE(std::filesystem::exists(folder / "r" / file)) << file;
    }
    EXPECT_EQ(Assay(folder.path(), kRun).exit_code, 0);
    EXPECT_EQ(Verdicts(folder / "r/results.jsonl").size(), 90u);
  }
}

TEST(KillTest, AnUnwritableFolderIsSaidBeforeAnythingRuns) {
  TestFolder folder;
  std::ofstream(folder / "file") << "no folder\n";
  const Output output = Assay(folder.path(), "run --problem n1c3k4h5w6r1 --device host --out file/r");
  EXPECT_EQ(output.exit_code, 3) << output.text;
  EXPECT_THAT(output.text, HasSubstr("file"));
}

}  // namespace
}  // namespace assay
