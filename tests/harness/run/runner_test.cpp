// RunSweep on the host device with small variants of our own: what ends up in the journal, and which exit
// code follows.
#include "harness/run/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "harness/record/journal.h"
#include "harness/run/folder_lock.h"
#include "harness/worker/local_executor.h"
#include "tests/harness/verify/fake_device.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kProblem = "n1c2k3h4w4r1";

assay_promise Promise(assay_dtype) {
  assay_promise promise{};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.repeatable = 1;
  return promise;
}

std::int32_t Supports(const assay_problem*, const assay_device_info*, assay_message*) { return 0; }
std::int32_t SupportsNothing(const assay_problem*, const assay_device_info*, assay_message* why) {
  std::strcpy(why->text, "takes r = 99 only");
  return 1;
}
std::int32_t Create(const assay_problem*, const assay_device_info*, void** plan, assay_message*) {
  static int some_plan;
  *plan = &some_plan;
  return 0;
}
std::int32_t FailToCreate(const assay_problem*, const assay_device_info*, void**, assay_message* error) {
  std::strcpy(error->text, "no tile fits");
  return 1;
}
void Release(void*) {}

// kProblem is a 1x1 depthwise and a pointwise half over 16 pixels: small enough to compute right here, in
// fp32 nchw.
std::int32_t LaunchRight(void*, const assay_buffers* buffers, void*, assay_message*) {
  const auto* x = static_cast<const float*>(buffers->inputs[0]);
  const auto* w_dw = static_cast<const float*>(buffers->inputs[1]);
  const auto* w_pw = static_cast<const float*>(buffers->inputs[3]);
  auto* y = static_cast<float*>(buffers->outputs[0]);
  for (int k = 0; k < 3; ++k) {
    for (int pixel = 0; pixel < 16; ++pixel) {
      y[k * 16 + pixel] = w_pw[k * 2] * (w_dw[0] * x[pixel]) + w_pw[k * 2 + 1] * (w_dw[1] * x[16 + pixel]);
    }
  }
  return 0;
}
std::int32_t LaunchNothing(void*, const assay_buffers*, void*, assay_message*) { return 0; }
std::int32_t FailToLaunch(void*, const assay_buffers*, void*, assay_message* error) {
  std::strcpy(error->text, "too much shared memory");
  return 1;
}

assay_variant Variant(const char* name) {
  return {"dsconv", name,         "a test's", ASSAY_ROLE_KERNEL, &Promise, &Supports, &Create, nullptr,
          nullptr,  &LaunchRight, nullptr,    &Release,          nullptr,  nullptr,   nullptr};
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    variants_ = {Variant("right"), Variant("empty"), Variant("unsupported"), Variant("uncreatable"),
                 Variant("unlaunchable")};
    variants_[1].launch = &LaunchNothing;
    variants_[2].supports = &SupportsNothing;
    variants_[3].create = &FailToCreate;
    variants_[4].launch = &FailToLaunch;
    table_ = {ASSAY_PACK_ABI,
              "test",
              nullptr,
              ASSAY_BACKEND_HOST,
              nullptr,
              variants_.data(),
              static_cast<std::int32_t>(variants_.size())};
    gpu_variants_ = {Variant("gpu_only")};
    gpu_table_ = {ASSAY_PACK_ABI, "gpu", nullptr, ASSAY_BACKEND_CUDA, nullptr, gpu_variants_.data(), 1};
    broken_table_ = {
        ASSAY_PACK_ABI,          "broken", nullptr, ASSAY_BACKEND_HOST, "libexample.so was not found",
        broken_variants_.data(), 1};
    dir_ = std::filesystem::temp_directory_path() /
           ("assay-runner-" + std::to_string(getpid()) + "-" +
            testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  ~RunnerTest() override { std::filesystem::remove_all(dir_); }

  std::vector<Pack> Packs() const {
    return {Pack("test.so", table_), Pack("gpu.so", gpu_table_), Pack("broken.so", broken_table_)};
  }

  Journal Run(const std::vector<std::string>& variants, bool named = false, bool resume = false,
              int seeds = 0) {
    LocalExecutor executor(MakeHostDevice(1), Packs());
    return RunOn(executor, variants, named, resume, seeds);
  }

  Journal RunOn(Executor& executor, const std::vector<std::string>& variants, bool named = false,
                bool resume = false, int seeds = 0) {
    Sweep sweep;
    sweep.name = "test";
    sweep.notices = notices_;
    for (const std::string& variant : variants) {
      Case c;
      c.problem = FindOperator("dsconv")->ParseProblemId(kProblem);
      c.variant = variant;
      c.named = named;
      c.seeds = seeds;
      sweep.cases.push_back(c);
    }
    std::FILE* quiet = std::fopen("/dev/null", "w");
    const auto progress = MakeProgress(quiet);
    RunOptions options;
    options.out_dir = dir_;
    options.command = "assay run test";
    options.device_argument = "host";
    options.resume = resume;
    Journal journal = RunSweep(sweep, executor, options, *progress);
    std::fclose(quiet);
    return journal;
  }

  std::vector<assay_variant> variants_, gpu_variants_, broken_variants_{Variant("libraryless")};
  assay_pack table_{}, gpu_table_{}, broken_table_{};
  std::filesystem::path dir_;
  std::vector<std::string> notices_;
};

TEST_F(RunnerTest, ACaseMayHaveFewerSeedsThanItsSweep) {
  const auto exact = [](const Record& record) { return record.steps.at(0).detail; };
  const Journal journal = Run({"right"}, false, false, 1);
  EXPECT_THAT(exact(journal.records.at(0)), HasSubstr("1 seed:"));
  EXPECT_THAT(journal.records[0].reproduce, HasSubstr(" --seeds 1 "));
  std::filesystem::remove_all(dir_);
  EXPECT_THAT(exact(Run({"right"}).records.at(0)), HasSubstr("3 seeds:"));
}

// Notes the limits that cases are given.
class LimitNotes final : public LocalExecutor {
 public:
  using LocalExecutor::LocalExecutor;
  void BeginCase(const std::string& /*id*/, double limit_seconds) override {
    limits.push_back(limit_seconds);
  }
  std::vector<double> limits;
};

TEST_F(RunnerTest, MovingAHugeProblemsTensorsIsNotTheKernelsTime) {
  Sweep sweep;
  sweep.limits.seconds = 2;
  for (const char* problem : {kProblem, "n1c2k1h32833w32833r1st64"}) {
    Case c;
    c.problem = FindOperator("dsconv")->ParseProblemId(problem);
    c.variant = "unsupported";  // the limit is set before it is asked
    sweep.cases.push_back(c);
  }
  LimitNotes executor(MakeHostDevice(1), Packs());
  std::FILE* quiet = std::fopen("/dev/null", "w");
  const auto progress = MakeProgress(quiet);
  RunOptions options;
  options.out_dir = dir_;
  RunSweep(sweep, executor, options, *progress);
  std::fclose(quiet);
  ASSERT_EQ(executor.limits.size(), 2u);
  EXPECT_NEAR(executor.limits[0], 2, 0.001);
  EXPECT_GT(executor.limits[1], 40) << "8 GiB in fp32";
}

// Times on the host device, and is lost while several are timed, at the hand of whoever launches second.
class LostWhileTiming final : public LocalExecutor {
 public:
  using LocalExecutor::LocalExecutor;
  std::string guilty;  // the end of the id of who does it alone as well
  bool comes_back = true;
  std::vector<double> limits;  // that timing was given

  std::vector<Measurement> Measure(const MeasureSettings&, std::span<const TimedLaunches> candidates,
                                   BenchmarkLog*) override {
    const bool alone = candidates.size() == 1;
    limits.push_back(limit_);
    if (candidates.size() > 2) throw CulpritFound(1, "an illegal address");
    if (alone && !guilty.empty() && candidates[0].id.ends_with(guilty))
      throw CulpritFound(0, "an illegal address");
    Timing timing;
    timing.median = timing.wall_seconds = 1;
    timing.clock_agreement = "agrees";
    return std::vector<Measurement>(candidates.size(), {timing, ""});
  }
  double EmptyLaunchSeconds() override { return 1e-6; }
  Ceilings MeasureCeilings() override { return {}; }
  std::vector<std::pair<std::string, std::string>> DescribeDevice() override { return {}; }
  void BeginCase(const std::string& /*id*/, double limit_seconds) override { limit_ = limit_seconds; }
  void Restart() override {
    if (!comes_back) throw DeviceError("the GPU is gone");
    ++generation_;
  }
  std::uint64_t generation() const override { return generation_; }

 private:
  double limit_ = 0;
  std::uint64_t generation_ = 0;
};

class LostWhileTimingTest : public RunnerTest {
 protected:
  // Three right variants of one problem.
  std::map<std::string, Record> Time(const std::string& guilty, bool comes_back = true) {
    variants_ = {Variant("first"), Variant("second"), Variant("third")};
    variants_[0].describe = &OfThisPlanOnly;
    table_.variants = variants_.data();
    table_.num_variants = 3;
    auto device = std::make_unique<FakeDevice>();
    device->times = true;
    LostWhileTiming executor(std::move(device), Packs());
    executor.guilty = guilty;
    executor.comes_back = comes_back;
    std::map<std::string, Record> records;
    for (Record& record : RunOn(executor, {"first", "second", "third"}).records)
      records[record.variant] = std::move(record);
    limits_ = executor.limits;
    return records;
  }

  static const char* OfThisPlanOnly(const void*) {
    static int plans = 0;
    static std::string text;
    text = "plan " + std::to_string(++plans);
    return text.c_str();
  }

  std::vector<double> limits_;
};

TEST_F(LostWhileTimingTest, APlanThatIsMadeAgainIsNamedIfItIsAnother) {
  const auto records = Time("");
  const Record& record = records.at("first");
  ASSERT_TRUE(record.timing);
  EXPECT_THAT(record.plan, HasSubstr("plan "));
  EXPECT_THAT(record.reason, HasSubstr("not the one that was judged before: plan "));
  EXPECT_THAT(record.reason, Not(HasSubstr("before: " + record.plan)));
  EXPECT_EQ(records.at("third").reason, "");
}

TEST_F(LostWhileTimingTest, NobodyIsToBlameForADeviceThatDoesNotComeBack) {
  const auto records = Time("", false);
  ASSERT_EQ(records.size(), 3u);
  for (const auto& [name, record] : records) {
    EXPECT_EQ(record.verdict, Verdict::kFailed);
    EXPECT_TRUE(record.transient) << name << ": " << record.reason;
  }
}

TEST_F(LostWhileTimingTest, MovingTensorsIsNotTheTimeOfTheTimedLaunchesEither) {
  Time("");
  ASSERT_FALSE(limits_.empty());
  EXPECT_GT(limits_[0], 3 * Sweep().limits.seconds);
}

TEST_F(LostWhileTimingTest, WhoLaunchedLastIsTimedAloneBeforeItIsBlamed) {
  const auto records = Time("");
  ASSERT_EQ(records.size(), 3u);
  for (const auto& [name, record] : records) {
    EXPECT_EQ(record.verdict, Verdict::kRight) << record.reason;
    EXPECT_TRUE(record.timing) << name;
  }
  EXPECT_THAT(records.at("second").reason, HasSubstr("timed alone: "));
  EXPECT_THAT(records.at("first").reason, Not(HasSubstr("timed alone")));
}

TEST_F(LostWhileTimingTest, WhoDoesItAloneAsWellHasFailed) {
  const auto records = Time("second");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records.at("second").verdict, Verdict::kFailed);
  EXPECT_THAT(records.at("second").reason, HasSubstr("while timing: an illegal address"));
  EXPECT_TRUE(records.at("first").timing);
  EXPECT_TRUE(records.at("third").timing);
}

TEST_F(RunnerTest, WhatIsLeftOutStandsInTheHeaderAlsoWhenTheRunGoesOn) {
  notices_ = {"8 problems are left out"};
  Run({"right"});
  EXPECT_EQ(ReadJournal(dir_ / "results.jsonl").header.notices, notices_);
  notices_ = {"4 problems are left out"};
  EXPECT_EQ(Run({"right"}, false, true).header.notices, notices_);
  EXPECT_EQ(ReadJournal(dir_ / "results.jsonl").header.notices, notices_);
}

TEST_F(RunnerTest, EachCaseGetsItsOwnVerdict) {
  const Journal journal = Run(
      {"right", "empty", "unsupported", "uncreatable", "unlaunchable", "gpu_only", "libraryless", "right"});
  ASSERT_EQ(journal.records.size(), 8u);
  EXPECT_EQ(journal.records[0].verdict, Verdict::kRight) << journal.records[0].reason;
  EXPECT_EQ(journal.records[1].verdict, Verdict::kWrong);
  EXPECT_THAT(journal.records[1].reason, HasSubstr("never written"));
  EXPECT_EQ(journal.records[2].verdict, Verdict::kUnsupported);
  EXPECT_EQ(journal.records[2].reason, "takes r = 99 only");
  EXPECT_EQ(journal.records[3].verdict, Verdict::kFailed);
  EXPECT_THAT(journal.records[3].reason, HasSubstr("no tile fits"));
  EXPECT_EQ(journal.records[4].verdict, Verdict::kFailed);
  EXPECT_THAT(journal.records[4].reason, HasSubstr("too much shared memory"));
  EXPECT_EQ(journal.records[5].verdict, Verdict::kUnavailable);
  EXPECT_THAT(journal.records[5].reason, HasSubstr("pack gpu runs on cuda devices"));
  EXPECT_EQ(journal.records[6].verdict, Verdict::kUnavailable);
  EXPECT_EQ(journal.records[6].reason, "libexample.so was not found");
  EXPECT_EQ(journal.records[7].verdict, Verdict::kRight) << "cases before must not spoil it";
}

TEST_F(RunnerTest, TheJournalHoldsEveryRecord) {
  const Journal journal = Run({"right", "empty"});
  const Journal read = ReadJournal(dir_ / "results.jsonl");
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(read.header.planned_cases, 2);
  EXPECT_EQ(read.records[0].id, "dsconv/n1c2k3h4w4r1/fp32/nchw/right");
  EXPECT_EQ(read.records[1].verdict, Verdict::kWrong);
  EXPECT_EQ(
      read.records[1].reproduce,
      "build/assay run --problem n1c2k3h4w4r1 --dtype fp32 --layout nchw --variant empty --device host");
}

TEST_F(RunnerTest, NothingIsTimedOnTheHostAndTheHeaderSaysWhy) {
  const Journal journal = Run({"right"});
  EXPECT_FALSE(journal.header.timed);
  EXPECT_THAT(journal.header.untimed_reason, HasSubstr("host device"));
  EXPECT_FALSE(journal.records[0].timing.has_value());
}

TEST_F(RunnerTest, AFolderWithResultsIsNotOverwritten) {
  Run({"right"});
  EXPECT_THROW(Run({"empty"}), std::runtime_error);
  EXPECT_EQ(ReadJournal(dir_ / "results.jsonl").records[0].variant, "right");
}

TEST_F(RunnerTest, ExitCodesFollowTheVerdicts) {
  struct Expectation {
    std::vector<std::string> variants;
    bool named;
    ExitCode code;
  };
  const Expectation expectations[] = {
      {{"right"}, false, ExitCode::kRight},
      {{"right", "unsupported", "gpu_only"}, false, ExitCode::kRight},
      {{"unsupported"}, true, ExitCode::kWrong},
      {{"gpu_only"}, true, ExitCode::kEnvironment},
      {{"gpu_only", "empty"}, true, ExitCode::kWrong},
      {{"right", "uncreatable"}, false, ExitCode::kWrong},
  };
  for (const Expectation& expected : expectations) {
    std::filesystem::remove_all(dir_);
    EXPECT_EQ(ExitCodeOf(Run(expected.variants, expected.named)), expected.code) << expected.variants.back();
  }
}

TEST(ExitCodeOf, FollowsEachVerdict) {
  const auto code = [](Verdict verdict) {
    Journal journal;
    journal.records.resize(3);
    for (Record& record : journal.records) record.verdict = Verdict::kRight;
    journal.records[1].verdict = verdict;
    return ExitCodeOf(journal);
  };
  EXPECT_EQ(code(Verdict::kRight), ExitCode::kRight);
  EXPECT_EQ(code(Verdict::kWrong), ExitCode::kWrong);
  EXPECT_EQ(code(Verdict::kFailed), ExitCode::kWrong);
  EXPECT_EQ(code(Verdict::kUntrusted), ExitCode::kWrong);
  EXPECT_EQ(code(Verdict::kUnsupported), ExitCode::kRight);
  EXPECT_EQ(code(Verdict::kUnavailable), ExitCode::kRight);
}

TEST_F(RunnerTest, AFolderThatAnotherRunWritesToIsRefused) {
  std::filesystem::create_directories(dir_);
  {
    const FolderLock other(dir_);
    EXPECT_THROW(Run({"right"}), std::runtime_error);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "results.jsonl"));
  }
  EXPECT_EQ(Run({"right"}).records.size(), 1u);
}

TEST(PackSetTest, SaysWhyWhenNoPackCanBeUsed) {
  Pack nowhere;
  nowhere.unavailable = "no such folder";
  const PackSet packs({nowhere});
  try {
    packs.CheckAnyReadable();
    FAIL() << "no pack is readable";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no such folder"));
  }
}

TEST(PackSetTest, TheCatalogNamesAVariantOnceThoughTwoPacksHaveIt) {
  const assay_variant host[] = {Variant("a"), Variant("b")};
  const assay_variant cuda[] = {Variant("b"), Variant("c")};
  const assay_pack host_table{ASSAY_PACK_ABI, "h", nullptr, ASSAY_BACKEND_HOST, nullptr, host, 2};
  const assay_pack cuda_table{ASSAY_PACK_ABI, "c", nullptr, ASSAY_BACKEND_CUDA, nullptr, cuda, 2};
  const PackSet packs({Pack("h", host_table), Pack("c", cuda_table)});
  std::vector<std::string> names;
  for (const auto& entry : packs.BuildCatalog().entries) names.push_back(entry.variant);
  EXPECT_THAT(names, testing::ElementsAre("a", "b", "c"));
  const VariantLookup on_gpu = packs.Find("dsconv", "b", ASSAY_BACKEND_CUDA);
  EXPECT_EQ(on_gpu.id.pack, 1u);
  EXPECT_EQ(on_gpu.id.variant, 0u);
  const VariantLookup on_host = packs.Find("dsconv", "b", ASSAY_BACKEND_HOST);
  EXPECT_EQ(on_host.id.pack, 0u);
  EXPECT_EQ(on_host.id.variant, 1u);
  packs.CheckNamesDiffer();
}

TEST(PackSetTest, TwoVariantsOfOneNameAreRefused) {
  const assay_variant rows[] = {Variant("a")};
  const assay_pack one{ASSAY_PACK_ABI, "one", nullptr, ASSAY_BACKEND_HOST, nullptr, rows, 1};
  const assay_pack two{ASSAY_PACK_ABI, "two", nullptr, ASSAY_BACKEND_HOST, nullptr, rows, 1};
  const PackSet packs({Pack("one.so", one), Pack("two.so", two)});
  try {
    packs.CheckNamesDiffer();
    FAIL() << "both are named a";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("one.so"), HasSubstr("two.so")));
  }
}

}  // namespace
}  // namespace assay
