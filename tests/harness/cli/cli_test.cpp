// The program as a person uses it: its subcommands, exit codes and what it leaves on the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "harness/record/journal.h"
#include "tests/kernels/dsconv_refusals.h"

namespace assay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Output {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class CliTest : public testing::Test {
 protected:
  CliTest()
      : dir_(std::filesystem::temp_directory_path() /
             ("assay-cli-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(dir_);
  }
  ~CliTest() override { std::filesystem::remove_all(dir_); }

  Output Assay(const std::string& arguments, const std::string& redirection = "2>&1") const {
    const std::string command =
        "cd '" + dir_.string() + "' && '" ASSAY_PROGRAM "' " + arguments + " </dev/null " + redirection;
    std::FILE* pipe = popen(command.c_str(), "r");
    Output output;
    std::array<char, 4096> part;
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe))
      output.text.append(part.data(), got);
    const int status = pclose(pipe);
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
  }

  std::filesystem::path dir_;
};

TEST_F(CliTest, AProblemAloneIsJudgedAndReported) {
  const Output output =
      Assay("run --problem n1c3k5h7w6r3p1-b-mid.relu6 --dtype fp16 --layout nhwc --device host --out r");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  const Journal journal = ReadJournal(dir_ / "r/results.jsonl");
  ASSERT_GE(journal.records.size(), 3u);
  for (const Record& record : journal.records) {
    if (record.baseline) continue;
    if (record.verdict == Verdict::kUnsupported &&
        (MayRefuse(record.variant, record.reason) || record.reason == DueRefusal(record.variant, ASSAY_F16)))
      continue;
    EXPECT_EQ(record.verdict, Verdict::kRight) << record.id << ": " << record.reason;
  }
  for (const char* file : {"results.csv", "report.html", "junit.xml"}) {
    EXPECT_GT(std::filesystem::file_size(dir_ / "r" / file), 100u) << file;
  }
}

TEST_F(CliTest, ReportMakesTheSameFilesAgain) {
  ASSERT_EQ(Assay("run --problem n1c2k2h5w5r3p1 --dtype fp32 --device host --out r").exit_code, 0);
  for (const char* file : {"results.csv", "report.html", "junit.xml"}) {
    const std::string before = ReadFile(dir_ / "r" / file);
    std::filesystem::remove(dir_ / "r" / file);
    ASSERT_EQ(Assay("report r").exit_code, 0);
    EXPECT_EQ(ReadFile(dir_ / "r" / file), before) << file;
  }
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsNoticedAndTheFilesStayWhole) {
  const std::string run = "run --problem n1c2k2h5w5r3p1 --dtype fp32 --device host --out ";
  ASSERT_EQ(Assay(run + "whole").exit_code, 0);
  const auto cases = [&](const std::string& folder) {
    return ReadJournal(dir_ / folder / "results.jsonl").records.size();
  };
  int number = 0;
  // Only what goes to standard error is read.
  for (const char* to : {"2>&1 >/dev/full", "2>&1 >&-"}) {
    const std::string out = "r" + std::to_string(++number);
    const Output output = Assay(run + out, to);
    EXPECT_EQ(output.exit_code, 3) << to << output.text;
    EXPECT_THAT(output.text, HasSubstr("could be written")) << to;
    EXPECT_EQ(cases(out), cases("whole")) << to;
    for (const char* file : {"results.csv", "report.html", "junit.xml"}) {
      EXPECT_GT(std::filesystem::file_size(dir_ / out / file), 100u) << file;
    }
    for (const std::string& command : {"report " + out, std::string("list"), std::string("doctor"),
                                       std::string("--help"), std::string("--version")}) {
      const Output other = Assay(command, to);
      EXPECT_EQ(other.exit_code, 3) << command << to << other.text;
      EXPECT_THAT(other.text, HasSubstr("writ")) << command << to;
    }
  }
}

TEST_F(CliTest, BoundaryProblemsTooLargeForTheHostDeviceAreNotLeftOutInSilence) {
  const Output output = Assay(
      "run --problem n1c1k1h3w3r3 --variant naive --dtype fp16 --layout nchw --seeds 1 --device host "
      "--boundary "
      "--out r");
  const std::string notice =
      "4 of 4 problems with more than 2^31 elements in a tensor (counted in each dtype) are left out: the "
      "host "
      "device is too slow for so large a problem.";
  EXPECT_THAT(output.text, HasSubstr(notice));
  EXPECT_THAT(ReadFile(dir_ / "r/report.html"), HasSubstr(notice));
  EXPECT_EQ(ReadJournal(dir_ / "r/results.jsonl").header.notices, std::vector<std::string>{notice});
}

TEST_F(CliTest, ResultsAreNeverOverwritten) {
  ASSERT_EQ(Assay("run --problem n1c2k2h5w5r3p1 --dtype fp32 --device host --out r").exit_code, 0);
  const std::string before = ReadFile(dir_ / "r/results.jsonl");
  const Output output = Assay("run --problem n1c1k1h3w3r3 --dtype fp32 --device host --out r");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, HasSubstr("holds the results of another run"));
  EXPECT_EQ(ReadFile(dir_ / "r/results.jsonl"), before);
}

TEST_F(CliTest, AResumedRunEndsWithEveryCaseOnce) {
  const std::string run = "run " ASSAY_CONFIGS "/quick.yaml --device host --dtype fp32 --layout nchw --out r";
  ASSERT_EQ(Assay(run + " --filter c1k1").exit_code, 0);
  const Journal before = ReadJournal(dir_ / "r/results.jsonl");
  std::ofstream(dir_ / "r/results.jsonl", std::ios::app) << "{\"id\": \"torn";
  const Output output = Assay(run + " --filter 'c1k1|c32k33' --resume");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  const Journal after = ReadJournal(dir_ / "r/results.jsonl");
  EXPECT_FALSE(after.torn);
  ASSERT_EQ(after.records.size(), 2 * before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i)
    EXPECT_EQ(after.records[i].id, before.records[i].id);
  for (std::size_t i = before.records.size(); i < after.records.size(); ++i) {
    EXPECT_THAT(after.records[i].id, HasSubstr("c32k33"));
  }
}

TEST_F(CliTest, AnIdWithDefaultsWrittenOutIsTheSameProblem) {
  const Output output =
      Assay("run --problem n1c1k1h3w3r3s3st1d1 --dtype fp32 --layout nchw --device host --out r");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  EXPECT_EQ(ReadJournal(dir_ / "r/results.jsonl").records.at(0).problem, "n1c1k1h3w3r3");
}

TEST_F(CliTest, AProblemThatIsNotThereIsNotDroppedInSilence) {
  const std::string run =
      "run " ASSAY_CONFIGS "/quick.yaml --device host --out r --problem n1c1k1h9w9r3-bpw,";
  EXPECT_THAT(Assay(run + "n1c2k3h4w5r1").text, HasSubstr("n1c2k3h4w5r1 is no problem of"));
  EXPECT_EQ(Assay(run + "typo").exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "r"));
}

TEST_F(CliTest, SeedsOutOfRangeAreRefused) {
  EXPECT_EQ(Assay("run --problem n1c1k1h3w3r3 --first-seed -1 --out r").exit_code, 2);
  EXPECT_EQ(Assay("run --problem n1c1k1h3w3r3 --seeds 0 --out r").exit_code, 2);
}

TEST_F(CliTest, ARunWithOtherSeedsIsNotResumed) {
  const std::string run = "run --problem n1c1k1h3w3r3 --dtype fp32 --device host --out r";
  ASSERT_EQ(Assay(run).exit_code, 0);
  const Output output = Assay(run + " --seeds 1 --resume");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, HasSubstr("3 seeds from 1 on"));
}

TEST_F(CliTest, ANarrowerResumeDoesNotMakeARunLookWhole) {
  const std::string run = "run " ASSAY_CONFIGS "/quick.yaml --device host --dtype fp32 --layout nchw --out r";
  ASSERT_EQ(Assay(run).exit_code, 0);
  Journal journal = ReadJournal(dir_ / "r/results.jsonl");
  const int planned = journal.header.planned_cases;
  journal.records.resize(3);
  JournalWriter::Resume(dir_ / "r/results.jsonl", journal);
  ASSERT_EQ(Assay(run + " --resume --filter c1k1").exit_code, 0);
  EXPECT_EQ(ReadJournal(dir_ / "r/results.jsonl").header.planned_cases, planned);
}

TEST_F(CliTest, ARunOfAnotherConfigIsNotResumed) {
  ASSERT_EQ(Assay("run --problem n1c2k2h5w5r3p1 --dtype fp32 --device host --out r").exit_code, 0);
  const Output other = Assay("run " ASSAY_CONFIGS "/quick.yaml --device host --out r --resume");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.text, HasSubstr("of another config"));
}

TEST_F(CliTest, ResumeWithNothingToGoOnWithBeginsAnew) {
  const std::string run =
      "run --problem n1c2k2h5w5r3p1 --dtype fp32 --layout nchw --variant naive --device host --resume";
  EXPECT_EQ(Assay(run + " --out r").exit_code, 0);
  // What a process leaves that was killed before its header was whole.
  for (const char* rest : {"", "{\"schema\": 1, \"na"}) {
    std::ofstream(dir_ / "r/results.jsonl") << rest;
    EXPECT_EQ(Assay(run + " --out r").exit_code, 0);
    EXPECT_EQ(ReadJournal(dir_ / "r/results.jsonl").records.size(), 1u);
  }
  EXPECT_EQ(Assay(run).exit_code, 2) << "without --out it is not known what to go on with";
}

TEST_F(CliTest, AMistakeInTheConfigIsPointedAtAndNothingRuns) {
  std::ofstream(dir_ / "bad.yaml")
      << "name: bad\nproblems:\n  - list:\n      - {n: 1, c: 2, k: 2, h: 5, w: 5, kernal: 3}\n";
  const Output output = Assay("run bad.yaml --out r");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, AllOf(HasSubstr("bad.yaml:4:"), HasSubstr("kernal"), HasSubstr("kernel")));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "r"));
}

TEST_F(CliTest, AProblemThatBreaksARuleIsRefusedByName) {
  const Output output = Assay("run --problem n1c2k2h2w2r5 --out r");
  EXPECT_EQ(output.exit_code, 2) << output.text;
  EXPECT_THAT(output.text, HasSubstr("kernel"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "r"));
}

TEST_F(CliTest, UnknownNamesSayWhatIsAllowed) {
  const std::string config = std::string(ASSAY_CONFIGS) + "/quick.yaml";
  for (const auto& [option, allowed] :
       {std::pair{"--dtype fp8", "fp32, fp16, bf16"}, std::pair{"--layout nchwc", "nchw, nhwc"},
        std::pair{"--variant tilde", "tiled"}, std::pair{"--device gpu", "auto, host, cuda"},
        std::pair{"--filter 'a('", "not a regular expression"},
        std::pair{"--filter nosuchcase", "no case is left"}}) {
    const Output output = Assay("run " + config + " " + option + " --out r");
    EXPECT_EQ(output.exit_code, 2) << option << output.text;
    EXPECT_THAT(output.text, HasSubstr(allowed)) << option;
  }
  EXPECT_FALSE(std::filesystem::exists(dir_ / "r"));
}

TEST_F(CliTest, ACudaDeviceThatIsNotThereIsTheEnvironmentsFault) {
  const Output output = Assay("run --problem n1c2k2h5w5r3p1 --device cuda:63 --out r");
  EXPECT_EQ(output.exit_code, 3) << output.text;
  EXPECT_THAT(output.text, HasSubstr("--device cuda:63"));
}

TEST_F(CliTest, TheFilterKeepsWhatItIsFoundIn) {
  const Output output =
      Assay("run " ASSAY_CONFIGS "/quick.yaml --device host --filter 'fp32/nhwc/tiled$' --out r");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  for (const Record& record : ReadJournal(dir_ / "r/results.jsonl").records) {
    EXPECT_THAT(record.id, testing::EndsWith("/fp32/nhwc/tiled"));
  }
}

std::vector<std::string> Ids(const Journal& journal) {
  std::vector<std::string> ids;
  for (const Record& record : journal.records) ids.push_back(record.id);
  return ids;
}

class ShardTest : public CliTest {
 protected:
  static constexpr const char* kProblems =
      "--problem n1c3k5h7w6r3p1,n2c3k5h7w6r3p1,n3c3k5h7w6r3p1 --dtype fp32,fp16 --variant naive,tiled "
      "--device "
      "host ";
};

TEST_F(ShardTest, MergedShardsAreTheWholeRun) {
  ASSERT_EQ(Assay(std::string("run --out whole ") + kProblems).exit_code, 0);
  ASSERT_EQ(Assay(std::string("run --shard 1/2 --out a ") + kProblems).exit_code, 0);
  ASSERT_EQ(Assay(std::string("run --shard 2/2 --out b ") + kProblems).exit_code, 0);
  const Output merged = Assay("merge a b --out merged");
  ASSERT_EQ(merged.exit_code, 0) << merged.text;
  const Journal whole = ReadJournal(dir_ / "whole/results.jsonl"),
                parts = ReadJournal(dir_ / "merged/results.jsonl");
  EXPECT_EQ(ReadJournal(dir_ / "a/results.jsonl").records.size(), whole.records.size() / 3 * 2);
  EXPECT_EQ(Ids(parts), Ids(whole));
  EXPECT_EQ(parts.header.planned_cases, whole.header.planned_cases);
  EXPECT_EQ(parts.header.command, "assay merge a b --out merged");
  ASSERT_FALSE(parts.header.notices.empty());
  EXPECT_THAT(parts.header.notices.back(), AllOf(HasSubstr("2 runs"), HasSubstr("--shard 2/2")));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "merged/report.html"));
  const Output again = Assay("merge a b --out merged");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.text, HasSubstr("holds the results of another run"));
}

TEST_F(ShardTest, RunsThatAreNotOfOneSweepAreNotMerged) {
  ASSERT_EQ(Assay(std::string("run --shard 1/2 --out a ") + kProblems).exit_code, 0);
  ASSERT_EQ(Assay(std::string("run --shard 2/2 --out b --seeds 2 ") + kProblems).exit_code, 0);
  const Output seeds = Assay("merge a b --out merged");
  EXPECT_EQ(seeds.exit_code, 2);
  EXPECT_THAT(seeds.text,
              AllOf(HasSubstr("b: inputs judged: found 2 seeds"), HasSubstr("allowed: that of a")));
  const Output twice = Assay("merge a a --out merged");
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.text, AllOf(HasSubstr("dsconv/n1c3k5h7w6r3p1/fp32/n"), HasSubstr("of one run")));
  const Output none = Assay("merge a nothing --out merged");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.text, HasSubstr("nothing holds no results.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "merged"));
}

TEST_F(ShardTest, AShardIsKOfN) {
  for (const char* shard : {"0/2", "3/2", "1", "1/0", "a/2", "-1/2", "1/99999999999"}) {
    const Output output = Assay(std::string("run --shard ") + shard + " --out r " + kProblems);
    EXPECT_EQ(output.exit_code, 2) << shard;
    EXPECT_THAT(output.text, HasSubstr("allowed: K/N, K from 1 to N, as 1/4")) << shard;
  }
  const Output none = Assay(std::string("run --shard 4/4 --out r ") + kProblems);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.text, HasSubstr("no case is left"));
}

TEST_F(CliTest, ProfileLaunchesOneCase) {
  const Output output =
      Assay("profile --case dsconv/n1c2k2h5w5r3p1/fp32/nchw/tiled --device host --launches 2");
  EXPECT_EQ(output.exit_code, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("2 launches on host"));
}

TEST_F(CliTest, ProfileNamesACaseThatTheConfigHas) {
  const Output output = Assay("profile " ASSAY_CONFIGS "/quick.yaml --case dsconv/none --device host");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, HasSubstr("one of them is dsconv/"));
}

TEST_F(CliTest, ListAndDoctorKnowVariantsAndDevices) {
  const Output list = Assay("list");
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.text, AllOf(HasSubstr("dsconv/warp_shuffle"), HasSubstr("dilation"), HasSubstr("host")));
  // What a variant itself answers for shapes that break kernels.
  EXPECT_THAT(list.text, AllOf(HasSubstr("tile, over these shapes: c 32; k 32, 128; q 8, 64"),
                               HasSubstr("takes 282 of 282 odd"),
                               HasSubstr("is above 2^31 - 1: offsets within an image are 32-bit")));
  const Output doctor = Assay("doctor");
  EXPECT_EQ(doctor.exit_code, 0) << doctor.text;
  EXPECT_THAT(doctor.text, AllOf(HasSubstr("pack dsconv-host"), HasSubstr("GPU")));
}

TEST_F(CliTest, NoArgumentsAreAUsageError) {
  EXPECT_EQ(Assay("").exit_code, 2);
  EXPECT_EQ(Assay("run --nonsense").exit_code, 2);
  EXPECT_EQ(Assay("run").exit_code, 2);
  EXPECT_EQ(Assay("--help").exit_code, 0);
}

}  // namespace
}  // namespace assay
