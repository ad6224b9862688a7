// RunTune through a real worker process, with the real kernels on the host device and with a pack that takes
// the worker down: all of it but the times, which only a GPU has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "harness/run/pack_set.h"
#include "harness/tune/tuner.h"
#include "harness/worker/remote_executor.h"
#include "tests/harness/worker/program.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

// A worker's executor, whose launches are the worker's, and whose times are made up: 100 us less one for each
// letter of a configuration's name.
class WithoutTimes final : public Executor {
 public:
  explicit WithoutTimes(const std::string& pack)
      : inner_({"host", {pack}, {"/bin/sh", "-c", AssayCommand("worker")}}) {}

  std::vector<Measurement> Measure(const MeasureSettings& settings, std::span<const TimedLaunches> candidates,
                                   BenchmarkLog*) override {
    std::vector<Measurement> results;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      try {
        inner_.LaunchBackToBack(candidates[i], 0, 1);
      } catch (const DeviceError& error) {
        if (error.sticky) throw CulpritFound(i, error.what());
        results.push_back({std::nullopt, error.what()});
        continue;
      } catch (const VariantError& error) {
        results.push_back({std::nullopt, error.what()});
        continue;
      }
      Timing timing;
      const std::size_t letters =
          candidates[i].id.size() - std::min(candidates[i].id.find('@'), candidates[i].id.size());
      timing.median = timing.low = timing.high = 1e-6 * (100 - static_cast<double>(letters));
      timing.samples.assign(static_cast<std::size_t>(settings.min_samples), timing.median);
      results.push_back({timing, ""});
    }
    return results;
  }

  Device& device() override { return inner_.device(); }
  const std::vector<Pack>& packs() const override { return inner_.packs(); }
  std::vector<std::pair<std::string, std::string>> DescribeDevice() override {
    return inner_.DescribeDevice();
  }
  std::string WhyNot(VariantId variant, const assay_problem& problem) override {
    return inner_.WhyNot(variant, problem);
  }
  std::vector<TileAxis> Tile(VariantId variant, const assay_problem& problem) override {
    return inner_.Tile(variant, problem);
  }
  std::vector<Configuration> Configurations(VariantId variant, const assay_problem& problem) override {
    return inner_.Configurations(variant, problem);
  }
  std::unique_ptr<Plan> Create(VariantId variant, const assay_problem& problem,
                               const std::string& configuration) override {
    return inner_.Create(variant, problem, configuration);
  }
  void LaunchBackToBack(const TimedLaunches& launches, std::size_t first, std::size_t count) override {
    inner_.LaunchBackToBack(launches, first, count);
  }
  double EmptyLaunchSeconds() override { return inner_.EmptyLaunchSeconds(); }
  Ceilings MeasureCeilings() override { return inner_.MeasureCeilings(); }
  void BeginCase(const std::string& id, double seconds) override { inner_.BeginCase(id, seconds); }
  void ContinueCase(const std::string& id, double seconds) override { inner_.ContinueCase(id, seconds); }
  std::string TakeOutput() override { return inner_.TakeOutput(); }
  void OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) override {
    inner_.OpenRange(kind, message, payload);
  }
  void CloseRange() noexcept override { inner_.CloseRange(); }
  void Restart() override {
    ++restarts;
    inner_.Restart();
  }
  std::uint64_t generation() const override { return inner_.generation(); }

  int restarts = 0;

 private:
  RemoteExecutor inner_;
};

class TuneWorkerTest : public testing::Test {
 protected:
  TuneRecord Tune(WithoutTimes& executor, const std::string& problem, assay_dtype dtype,
                  const std::string& picker = {}) {
    Sweep sweep;
    sweep.name = "test";
    sweep.measure.min_samples = 10;
    for (const Catalog::Entry& entry : PackSet(executor.packs()).BuildCatalog().entries) {
      Case c;
      c.problem = FindOperator("dsconv")->ParseProblemId(problem);
      c.dtype = dtype;
      c.variant = entry.variant;
      sweep.cases.push_back(c);
    }
    TuneOptions options;
    options.out_dir = folder_ / "t";
    options.picker = picker;
    std::filesystem::remove_all(options.out_dir);
    return RunTune(sweep, executor, {}, options, [](const TuneRecord&, int, int) {}).records.at(0);
  }

  static std::vector<std::string> Those(const TuneRecord& record, TrialState state) {
    std::vector<std::string> list;
    for (const Trial& trial : record.trials) {
      if (trial.state == state) list.push_back(trial.variant + " " + trial.configuration);
    }
    return list;
  }

  TestFolder folder_;
};

TEST_F(TuneWorkerTest, EveryKernelOfThePackIsSearched) {
  WithoutTimes executor(DSCONV_HOST_PACK);
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16}) {
    const TuneRecord record = Tune(executor, "n1c20k24h9w8r3p1-b-mid.relu6", dtype);
    EXPECT_EQ(record.not_tuned, "");
    EXPECT_THAT(Those(record, TrialState::kFailed), testing::IsEmpty());
    EXPECT_THAT(Those(record, TrialState::kWrong), testing::IsEmpty());
    std::set<std::string> tried, right;
    for (const Trial& trial : record.trials) {
      tried.insert(trial.variant);
      if (trial.state == TrialState::kRight) right.insert(trial.variant);
    }
    EXPECT_EQ(tried, right) << "each has a winner";
    EXPECT_TRUE(tried.contains("tiled"));
    EXPECT_TRUE(tried.contains(dtype == ASSAY_F32 ? "tf32x3" : "mma"));
    EXPECT_FALSE(tried.contains("auto")) << "it is no candidate of itself";
    EXPECT_FALSE(tried.contains("naive")) << "it offers nothing";
  }
  EXPECT_EQ(executor.restarts, 0);
}

TEST_F(TuneWorkerTest, AutoIsHeldAgainstWhatItMayPick) {
  WithoutTimes executor(DSCONV_HOST_PACK);
  const TuneRecord record = Tune(executor, "n1c20k24h9w8r3p1", ASSAY_F32, "auto");
  std::set<std::string> tried;
  for (const Trial& trial : record.trials) tried.insert(trial.variant);
  EXPECT_TRUE(tried.contains("auto"));
  EXPECT_TRUE(tried.contains("tf32x3"));
  EXPECT_FALSE(tried.contains("tf32"));
  EXPECT_THAT(Those(record, TrialState::kRight), testing::Contains("auto "));
}

TEST_F(TuneWorkerTest, EachWayToTakeTheWorkerDownCostsItsOwnConfiguration) {
  WithoutTimes executor(ASSAY_MISBEHAVING_PACK);
  const TuneRecord record = Tune(executor, "n1c3k4h5w6r1", ASSAY_F32);
  EXPECT_THAT(Those(record, TrialState::kFailed),
              UnorderedElementsAre("tunable crash", "tunable exit", "tunable crash_in_create"));
  for (const Trial& trial : record.trials) {
    if (trial.configuration == "crash") {
      EXPECT_THAT(trial.why, HasSubstr("SIGSEGV"));
    } else if (trial.configuration == "crash_in_create") {
      EXPECT_THAT(trial.why, HasSubstr("create()"));
    }
  }
  EXPECT_THAT(Those(record, TrialState::kRight), UnorderedElementsAre("tunable good", "tunable good_too"));
  EXPECT_EQ(executor.restarts, 3);
}

}  // namespace
}  // namespace assay
