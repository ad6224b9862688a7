// RunTune on the host device with small variants of our own and times that a test makes up: what is found,
// judged, journalled and gone on with.
#include "harness/tune/tuner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "harness/tune/held_out.h"
#include "harness/tune/search.h"
#include "harness/worker/local_executor.h"
#include "harness/worker/worker_process.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* kProblem = "n1c2k3h4w4r1";

// What the variants below do; set by each test.
struct Script {
  int configurations = 8;       // of each variant: c0, c1, ...
  std::set<std::string> wrong;  // configurations that compute something else
  std::set<std::string> uncreatable;
  bool unlistable = false;
};
Script script;

struct TestPlan {
  std::string configuration;
};

assay_promise Promise(assay_dtype) {
  assay_promise promise{};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.repeatable = 1;
  return promise;
}
assay_promise CoarsePromise(assay_dtype dtype) {
  assay_promise promise = Promise(dtype);
  promise.operand = ASSAY_FORMAT_TF32;
  return promise;
}
std::int32_t Supports(const assay_problem*, const assay_device_info*, assay_message*) { return 0; }
std::int32_t Configurations(const assay_problem*, const assay_device_info*, assay_configuration* list,
                            std::int32_t capacity) {
  if (script.unlistable) return -1;
  for (int i = 0; i < script.configurations && i < capacity; ++i) {
    std::snprintf(list[i].text, sizeof list[i].text, "c%d", i);
    list[i].cost = i + 1;
  }
  return script.configurations;
}
std::int32_t CreateConfigured(const assay_problem*, const assay_device_info*, const char* configuration,
                              void** plan, assay_message* error) {
  if (script.uncreatable.contains(configuration)) {
    std::strcpy(error->text, "no such tile");
    return 1;
  }
  *plan = new TestPlan{configuration};
  return 0;
}
std::int32_t Create(const assay_problem* problem, const assay_device_info* device, void** plan,
                    assay_message* error) {
  return CreateConfigured(problem, device, "c0", plan, error);
}
void Release(void* plan) { delete static_cast<TestPlan*>(plan); }
std::uint64_t WorkspaceBytes(const void*) { return 64; }
const char* Describe(const void* plan) { return static_cast<const TestPlan*>(plan)->configuration.c_str(); }

// kProblem is a 1x1 depthwise and a pointwise half over 16 pixels, in fp32 nchw.
std::int32_t Launch(void* plan, const assay_buffers* buffers, void*, assay_message*) {
  const auto* x = static_cast<const float*>(buffers->inputs[0]);
  const auto* w_dw = static_cast<const float*>(buffers->inputs[1]);
  const auto* w_pw = static_cast<const float*>(buffers->inputs[3]);
  auto* y = static_cast<float*>(buffers->outputs[0]);
  const bool wrong = script.wrong.contains(static_cast<const TestPlan*>(plan)->configuration);
  for (int k = 0; k < 3; ++k) {
    for (int pixel = 0; pixel < 16; ++pixel) {
      y[k * 16 + pixel] = w_pw[k * 2] * (w_dw[0] * x[pixel]) + w_pw[k * 2 + 1] * (w_dw[1] * x[16 + pixel]);
    }
  }
  if (wrong) y[7] += 1;
  return 0;
}

assay_variant Variant(const char* name, bool configurable = true) {
  assay_variant variant{};
  variant.op = "dsconv", variant.name = name, variant.summary = "a test's", variant.role = ASSAY_ROLE_KERNEL;
  variant.promise = &Promise, variant.supports = &Supports, variant.create = &Create;
  variant.workspace_bytes = &WorkspaceBytes, variant.launch = &Launch, variant.describe = &Describe;
  variant.release = &Release;
  if (configurable) variant.configurations = &Configurations, variant.create_configured = &CreateConfigured;
  return variant;
}

// "fast@c3" of "dsconv/.../nchw/fast@c3"
std::string NameIn(const std::string& id) { return id.substr(id.rfind('/') + 1); }

// Times that a test gives by name, and how often each was asked for; the samples are as many as at least
// wanted.
class FakeTimes final : public LocalExecutor {
 public:
  using LocalExecutor::LocalExecutor;
  std::map<std::string, double> microseconds;  // 100 where it is not said
  std::set<std::string> crashing;              // take the worker down while they are timed
  std::set<std::string> untimeable;
  int kills = 0;  // from outside, so many times
  bool names_nobody = false;
  std::map<std::string, std::vector<int>> samples;
  int rounds = 0, restarts = 0;

  std::vector<Measurement> Measure(const MeasureSettings& settings, std::span<const TimedLaunches> candidates,
                                   BenchmarkLog*) override {
    if (kills > 0) {
      --kills;
      throw WorkerLost(WorkerLost::Cause::kKilled, "killed from outside");
    }
    ++rounds;
    std::vector<Measurement> results;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const std::string name = NameIn(candidates[i].id);
      if (crashing.contains(name)) {
        if (names_nobody) throw WorkerLost(WorkerLost::Cause::kCrashed, "ended by SIGSEGV");
        throw CulpritFound(i, "ended by SIGSEGV");
      }
      candidates[i].plan->Launch(candidates[i].sets[0].View(), nullptr);
      samples[name].push_back(settings.min_samples);
      Measurement& result = results.emplace_back();
      if (untimeable.contains(name)) {
        result.error = "it waits for the GPU itself";
        result.untimeable = true;
        continue;
      }
      Timing timing;
      timing.median = timing.low = timing.high =
          1e-6 * (microseconds.contains(name) ? microseconds.at(name) : 100);
      timing.samples.assign(static_cast<std::size_t>(settings.min_samples), timing.median);
      result.timing = timing;
    }
    return results;
  }
  void Restart() override { ++restarts; }
  std::uint64_t generation() const override { return static_cast<std::uint64_t>(restarts); }
};

class TunerTest : public testing::Test {
 protected:
  TunerTest() {
    script = {};
    dir_ = std::filesystem::temp_directory_path() /
           ("assay-tuner-" + std::to_string(getpid()) + "-" +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    variants_ = {Variant("fast"), Variant("slow"), Variant("fixed", false), Variant("coarse"),
                 Variant("pick", false)};
    variants_[3].promise = &CoarsePromise;
    table_ = {ASSAY_PACK_ABI,
              "test",
              nullptr,
              ASSAY_BACKEND_HOST,
              nullptr,
              variants_.data(),
              static_cast<std::int32_t>(variants_.size())};
    options_.out_dir = dir_;
    options_.command = "assay tune test.yaml";
    executor_ = std::make_unique<FakeTimes>(MakeHostDevice(1), std::vector<Pack>{Pack("test.so", table_)});
    SetSweep({kProblem}, {"fast", "slow", "fixed"});
    executor_->microseconds = {{"fast@c5", 10},   {"fast@c0", 12}, {"fast@c1", 11},
                               {"fast@c2", 10.2}, {"slow@c1", 30}, {"slow@c0", 35}};
  }
  ~TunerTest() override { std::filesystem::remove_all(dir_); }

  void SetSweep(const std::vector<std::string>& problems, const std::vector<std::string>& variants) {
    sweep_ = {};
    sweep_.name = "test";
    sweep_.text = "name: test\n";
    sweep_.measure.min_samples = 30;
    for (const std::string& problem : problems) {
      for (const std::string& variant : variants) {
        Case c;
        c.problem = FindOperator("dsconv")->ParseProblemId(problem);
        c.variant = variant;
        sweep_.cases.push_back(c);
      }
    }
  }

  TuneJournal Run() {
    told_.clear();
    return RunTune(
        sweep_, *executor_, before_, options_, [&](const TuneRecord& record, int done, int planned) {
          told_.push_back(record.key.problem + " " + std::to_string(done) + "/" + std::to_string(planned));
        });
  }

  // "fast c5 right" of all trials in these states.
  static std::vector<std::string> Those(const TuneRecord& record, std::set<TrialState> states) {
    std::vector<std::string> list;
    for (const Trial& trial : record.trials) {
      if (states.contains(trial.state))
        list.push_back(trial.variant + " " + trial.configuration + " " + TrialStateName(trial.state));
    }
    return list;
  }

  std::vector<assay_variant> variants_;
  assay_pack table_{};
  std::filesystem::path dir_;
  std::unique_ptr<FakeTimes> executor_;
  Sweep sweep_;
  TunedTable before_;
  TuneOptions options_;
  std::vector<std::string> told_;
};

TEST_F(TunerTest, FindsTheFastestOfEachVariantAndJudgesIt) {
  const TuneJournal journal = Run();
  ASSERT_EQ(journal.records.size(), 1u);
  const TuneRecord& record = journal.records[0];
  EXPECT_EQ(record.trials.size(), 16u) << "who offers no configurations is not tuned";
  EXPECT_THAT(Those(record, {TrialState::kRight}),
              UnorderedElementsAre("fast c5 right", "fast c2 right", "fast c0 right", "slow c1 right"))
      << "winners, what is close to the fastest, and the own choice of who is";
  EXPECT_THAT(Those(record, {TrialState::kWrong, TrialState::kFailed}), IsEmpty());
  EXPECT_EQ(ExitCodeOf(journal), ExitCode::kRight);
  EXPECT_EQ(record.trials[5].plan, "c5");
  EXPECT_EQ(record.trials[5].cost, 6);
  EXPECT_TRUE(record.trials[0].own_choice);
  EXPECT_THAT(told_, ElementsAre(std::string(kProblem) + " 1/1"));
}

TEST_F(TunerTest, TakesFewSamplesOfAllAndManyOfTheBest) {
  Run();
  EXPECT_THAT(executor_->samples["fast@c7"], ElementsAre(3)) << "100 us beside 10";
  EXPECT_EQ(executor_->samples["fast@c5"].front(), 3);
  EXPECT_EQ(executor_->samples["fast@c5"].back(), 30);
  EXPECT_EQ(executor_->samples["fast@c0"].back(), 30) << "its own choice is timed to the end";
  EXPECT_EQ(executor_->samples["slow@c1"].back(), 30);
  EXPECT_EQ(executor_->samples["slow@c0"].size(), 2u) << "not of a variant that is far behind";
}

TEST_F(TunerTest, DoesNotSearchAVariantWhoseOwnChoiceIsFarBehind) {
  executor_->microseconds["slow@c0"] = 37;
  executor_->microseconds["slow@c1"] = 1;
  const TuneJournal journal = Run();
  EXPECT_FALSE(executor_->samples.contains("slow@c1"));
  EXPECT_EQ(journal.records[0].trials[9].state, TrialState::kPruned);
  EXPECT_FALSE(journal.records[0].trials[9].timed());
  EXPECT_THAT(Those(journal.records[0], {TrialState::kRight}), testing::Contains("slow c0 right"));
}

TEST_F(TunerTest, WhenTimeIsUpNoProblemIsBegunAndTheyWereSpread) {
  std::vector<std::string> problems;
  for (const char* suffix : {"", "-b", "-bdw", "-bpw", "-mid.relu", "-out.relu"})
    problems.push_back(kProblem + std::string(suffix));
  SetSweep(problems, {"fast"});
  options_.seconds = 1e-9;
  EXPECT_EQ(Run().records.size(), 0u);
  EXPECT_EQ(ReadTuneJournal(dir_ / "tune.jsonl").header.planned, 6);
  options_.resume = true;
  options_.seconds = 1e9;
  Run();
  std::vector<std::string> order;
  for (const std::string& told : told_) order.push_back(told.substr(0, told.find(' ')).substr(12));
  EXPECT_THAT(order, ElementsAre("", "-bpw", "-b", "-out.relu", "-bdw", "-mid.relu"));
}

TEST_F(TunerTest, ABeginningOfAListOfPairsHasBothOfThem) {
  std::vector<std::string> problems;
  for (int layer = 1; layer <= 16; ++layer) {
    for (const char* batch : {"n1", "n2"}) problems.push_back(fmt::format("{}c{}k3h4w4r1", batch, layer));
  }
  SetSweep(problems, {"fast"});
  options_.seconds = 1e9;
  Run();
  ASSERT_EQ(told_.size(), problems.size());
  const auto small = std::count_if(told_.begin(), told_.begin() + 10,
                                   [](const std::string& told) { return told.starts_with("n1c"); });
  EXPECT_THAT(small, testing::AllOf(testing::Ge(3), testing::Le(7)));
}

TEST_F(TunerTest, AWrongWinnerIsExcludedAndTheNextTakesItsPlace) {
  script.wrong = {"c5", "c1"};
  const TuneJournal journal = Run();
  EXPECT_THAT(Those(journal.records[0], {TrialState::kRight}),
              testing::IsSupersetOf({"fast c2 right", "slow c0 right"}));
  EXPECT_THAT(Those(journal.records[0], {TrialState::kWrong}),
              UnorderedElementsAre("fast c5 wrong", "slow c1 wrong"));
  EXPECT_THAT(journal.records[0].trials[5].why, HasSubstr("exact"));
  EXPECT_EQ(ExitCodeOf(journal), ExitCode::kWrong);
  const std::vector<TunedProblem> rows = RowsOf(journal);
  for (const TunedRow& row : rows.at(0).rows) EXPECT_NE(row.configuration, "c5");
}

TEST_F(TunerTest, WhatFailsHasNoTimeAndNeverWins) {
  script.uncreatable = {"c5"};
  executor_->untimeable = {"fast@c2"};
  const TuneJournal journal = Run();
  const Trial& failed = journal.records[0].trials[5];
  EXPECT_EQ(failed.state, TrialState::kFailed);
  EXPECT_THAT(failed.why, HasSubstr("no such tile"));
  EXPECT_FALSE(failed.timed());
  EXPECT_EQ(journal.records[0].trials[2].state, TrialState::kFailed);
  EXPECT_EQ(FastestRight(journal.records[0].trials, [](const std::string&) { return true; })->configuration,
            "c1");
  EXPECT_EQ(ExitCodeOf(journal), ExitCode::kWrong);
}

TEST_F(TunerTest, WhoTakesTheWorkerDownCostsItsOwnConfiguration) {
  executor_->crashing = {"fast@c5", "slow@c7"};
  const TuneJournal journal = Run();
  EXPECT_EQ(executor_->restarts, 2);
  EXPECT_THAT(Those(journal.records[0], {TrialState::kFailed}),
              UnorderedElementsAre("fast c5 failed", "slow c7 failed"));
  EXPECT_THAT(journal.records[0].trials[5].why, HasSubstr("SIGSEGV"));
  EXPECT_THAT(Those(journal.records[0], {TrialState::kRight}),
              testing::IsSupersetOf({"fast c2 right", "slow c1 right"}));
}

TEST_F(TunerTest, WhereNobodyIsNamedEachIsTimedAlone) {
  executor_->crashing = {"fast@c5"};
  executor_->names_nobody = true;
  const TuneJournal journal = Run();
  EXPECT_THAT(Those(journal.records[0], {TrialState::kFailed}), ElementsAre("fast c5 failed"));
  EXPECT_THAT(Those(journal.records[0], {TrialState::kRight}),
              testing::IsSupersetOf({"fast c2 right", "slow c1 right"}));
}

TEST_F(TunerTest, WhoKillsWorkersFromOutsideAccusesNobody) {
  executor_->kills = 2;
  EXPECT_EQ(ExitCodeOf(Run()), ExitCode::kRight);
  std::filesystem::remove_all(dir_);
  executor_->kills = 100;
  EXPECT_THROW(Run(), DeviceError);
}

TEST_F(TunerTest, AVariantThatCannotListIsNamed) {
  script.unlistable = true;
  const TuneJournal journal = Run();
  EXPECT_THAT(Those(journal.records[0], {TrialState::kFailed}), ElementsAre("fast  failed", "slow  failed"));
  EXPECT_THAT(journal.records[0].not_tuned, HasSubstr("no variant offers"));
  EXPECT_EQ(ExitCodeOf(journal), ExitCode::kWrong);
}

TEST_F(TunerTest, GoesOnWhereItWasCutOff) {
  SetSweep({kProblem, "n1c2k3h4w4r1-b"}, {"fast", "fixed"});
  Run();
  EXPECT_THAT(told_, ElementsAre("n1c2k3h4w4r1 1/2", "n1c2k3h4w4r1-b 2/2"));
  const std::filesystem::path path = dir_ / "tune.jsonl";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 20);  // the second line is torn
  options_.resume = true;
  executor_->samples.clear();
  const TuneJournal journal = Run();
  EXPECT_THAT(told_, ElementsAre("n1c2k3h4w4r1-b 2/2"));
  EXPECT_EQ(journal.records.size(), 2u);
  EXPECT_EQ(ReadTuneJournal(path).records.size(), 2u);
  executor_->samples.clear();
  EXPECT_EQ(Run().records.size(), 2u);
  EXPECT_THAT(executor_->samples, IsEmpty());
}

TEST_F(TunerTest, DoesNotGoOnWithWhatIsOfSomethingElse) {
  Run();
  options_.resume = true;
  sweep_.text = "name: other\n";
  EXPECT_THROW(Run(), ConfigError);
  sweep_.text = "name: test\n";
  options_.picker = "pick";
  EXPECT_THROW(Run(), ConfigError);
  options_.picker.clear();
  EXPECT_NO_THROW(Run());
  options_.resume = false;
  EXPECT_THROW(Run(), std::runtime_error) << "nothing is overwritten";
}

TEST_F(TunerTest, WinnersOfTheTableStayUnlessTheyAreBeatenClearly) {
  executor_->microseconds = {{"fast@c5", 10}, {"fast@c6", 10.05}, {"fast@c0", 10.5}};
  before_.rows = {
      {executor_->device().description(), 90, 1, {"dsconv", kProblem, "fp32", "nchw"}, "fast", "c6", 11}};
  const TuneJournal journal = Run();
  EXPECT_TRUE(journal.records[0].trials[6].incumbent);
  EXPECT_EQ(journal.records[0].trials[6].state, TrialState::kRight);
  EXPECT_EQ(executor_->samples["fast@c6"].back(), 30);
}

TEST_F(TunerTest, RowsAreOfThisGpuAndInMicroseconds) {
  TuneJournal journal = Run();
  journal.header.capability = 90, journal.header.sms = 132;
  const std::vector<TunedProblem> problems = RowsOf(journal);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].variants, ElementsAre("fast", "slow"));
  ASSERT_EQ(problems[0].rows.size(), 4u);
  EXPECT_EQ(problems[0].rows[2].gpu, executor_->device().description());
  EXPECT_EQ(problems[0].rows[2].sms, 132);
  EXPECT_EQ(problems[0].rows[2].configuration, "c5");
  EXPECT_NEAR(problems[0].rows[2].median_us, 10, 1e-9);
}

TEST_F(TunerTest, APickIsHeldAgainstAllThatItsPromiseCovers) {
  SetSweep({kProblem}, {"fast", "slow", "coarse", "pick"});
  options_.picker = "pick";
  executor_->microseconds["coarse@c0"] = 1;
  executor_->microseconds["pick"] = 11;
  const TuneJournal journal = Run();
  EXPECT_FALSE(executor_->samples.contains("coarse@c0")) << "a TF32 kernel is nothing that it may pick";
  const std::vector<Loss> losses = LossesOf(journal);
  ASSERT_TRUE(losses.at(0).known());
  EXPECT_NEAR(losses[0].ratio(), 1.1, 1e-9);
  EXPECT_EQ(losses[0].best->configuration, "c5");
  EXPECT_EQ(losses[0].tried, 16);
  EXPECT_EQ(executor_->samples["pick"].back(), 30);
}

TEST_F(TunerTest, WhatTheTableHoldsIsNotHeldOut) {
  SetSweep({kProblem, "n1c2k3h4w4r1-b"}, {"fast", "pick"});
  options_.picker = "pick";
  before_.rows = {
      {executor_->device().description(), 90, 1, {"dsconv", kProblem, "fp32", "nchw"}, "fast", "c6", 11}};
  EXPECT_EQ(Run().records.size(), 1u);
  SetSweep({kProblem}, {"fast", "pick"});
  std::filesystem::remove_all(dir_);
  EXPECT_THROW(Run(), ConfigError);
}

TEST_F(TunerTest, AWrongPickHasNoLoss) {
  SetSweep({kProblem}, {"fast", "pick"});
  options_.picker = "pick";
  script.wrong = {"c0"};  // what pick's create() takes
  const TuneJournal journal = Run();
  EXPECT_FALSE(LossesOf(journal).at(0).known());
  EXPECT_EQ(ExitCodeOf(journal), ExitCode::kWrong);
}

}  // namespace
}  // namespace assay
