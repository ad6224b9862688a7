// Choosing a plan, with plans whose times, and whose faults, are made up.
#include "reference/cudnn/choose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace assay::cudnn {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct FakePlan {
  std::string name;
  double ms = 1;
  std::string build_failure = {};
  int fails_at_sample = -1;                // the samples from this one on fail
  std::vector<double> first_samples = {};  // before `ms`
  double build_seconds = 0;
};

class FakeSource : public PlanSource {
 public:
  explicit FakeSource(std::vector<FakePlan> plans) : plans_(std::move(plans)), samples_(plans_.size(), 0) {}

  std::int64_t Count() const override { return static_cast<std::int64_t>(plans_.size()); }
  std::string Name(std::int64_t index) const override { return At(index).name; }
  void Prepare(std::span<const std::int64_t> indices) override {
    prepared.emplace_back(indices.begin(), indices.end());
  }
  std::optional<std::string> Build(std::int64_t index) override {
    EXPECT_THAT(prepared.back(), testing::Contains(index));
    built.push_back(index);
    clock += At(index).build_seconds;
    if (At(index).build_failure.empty()) return std::nullopt;
    return At(index).build_failure;
  }
  std::optional<double> Sample(std::int64_t index) override {
    EXPECT_EQ(dropped.count(index), 0u) << "a dropped plan was run";
    const int number = samples_[static_cast<std::size_t>(index)]++;
    const FakePlan& plan = At(index);
    if (plan.fails_at_sample >= 0 && number >= plan.fails_at_sample) return std::nullopt;
    if (static_cast<std::size_t>(number) < plan.first_samples.size()) {
      return plan.first_samples[static_cast<std::size_t>(number)];
    }
    return plan.ms;
  }
  void Drop(std::int64_t index) override {
    EXPECT_TRUE(dropped.insert(index).second) << "dropped twice: " << index;
  }

  int Samples(std::int64_t index) const { return samples_[static_cast<std::size_t>(index)]; }
  Choice Choose(const TuneLimits& limits = {}) {
    return ChoosePlan(*this, limits, [this] { return clock; });
  }

  std::vector<std::vector<std::int64_t>> prepared;
  std::vector<std::int64_t> built;
  std::set<std::int64_t> dropped;
  double clock = 100;

 private:
  const FakePlan& At(std::int64_t index) const { return plans_[static_cast<std::size_t>(index)]; }
  std::vector<FakePlan> plans_;
  std::vector<int> samples_;
};

TEST(ChoosePlan, TakesTheFastestAndDropsTheRest) {
  FakeSource source({{"a", 3}, {"b", 1}, {"c", 2}, {"d", 1.1}, {"e", 1.2}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 1);
  EXPECT_DOUBLE_EQ(choice.median_ms, 1);
  EXPECT_EQ(choice.tried, 5);
  EXPECT_EQ(choice.failed, 0);
  EXPECT_EQ(source.dropped, (std::set<std::int64_t>{0, 2, 3, 4}));
}

TEST(ChoosePlan, PreparesPlansTogetherAndNoneTwice) {
  FakeSource source({{"a", 3}, {"b", 1}, {"a", 3}, {"c", 2}, {"b", 1}, {"d", 4}, {"e", 5}, {"f", 6}});
  TuneLimits limits;
  limits.at_once = 3;
  const Choice choice = source.Choose(limits);
  EXPECT_EQ(choice.index, 1);
  EXPECT_EQ(source.prepared, (std::vector<std::vector<std::int64_t>>{{0, 1, 3}, {5, 6, 7}}));
  EXPECT_EQ(choice.tried, 6);
  EXPECT_EQ(choice.repeated, 2);
  EXPECT_FALSE(choice.out_of_time);
}

TEST(ChoosePlan, PreparesNoMoreThanItMayTry) {
  FakeSource source({{"a", 3}, {"b", 1}, {"c", 2}, {"d", 0.1}});
  TuneLimits limits;
  limits.at_once = 2;
  limits.plans = 3;
  const Choice choice = source.Choose(limits);
  EXPECT_EQ(choice.index, 1);
  EXPECT_EQ(source.prepared, (std::vector<std::vector<std::int64_t>>{{0, 1}, {2}}));
  EXPECT_TRUE(choice.out_of_time);
}

TEST(ChoosePlan, NothingOfferedIsNoChoice) {
  FakeSource source({});
  EXPECT_EQ(source.Choose().index, std::nullopt);
}

TEST(ChoosePlan, APlanThatDoesNotBuildNeverWins) {
  FakeSource source(
      {{.name = "broken", .ms = 0.001, .build_failure = "not supported"}, {.name = "slow", .ms = 50}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 1);
  EXPECT_EQ(choice.failed, 1);
  EXPECT_THAT(choice.failures, testing::ElementsAre("broken: not supported"));
  EXPECT_EQ(source.Samples(0), 0);
}

TEST(ChoosePlan, APlanThatFailsWhileItIsTimedNeverWins) {
  for (int at = 0; at < 5; ++at) {
    FakeSource source({{.name = "slow", .ms = 50}, {.name = "fails", .ms = 0.001, .fails_at_sample = at}});
    const Choice choice = source.Choose();
    EXPECT_EQ(choice.index, 0) << "failing at sample " << at;
    EXPECT_EQ(choice.failed, 1);
    EXPECT_EQ(source.dropped, (std::set<std::int64_t>{1}));
  }
}

TEST(ChoosePlan, APlanThatFailsInTheFinalNeverWins) {
  TuneLimits limits;
  for (int late = 0; late < limits.final_samples; ++late) {
    FakeSource source({{.name = "good", .ms = 1.1},
                       {.name = "fails late", .ms = 1, .fails_at_sample = limits.samples + late}});
    const Choice choice = source.Choose(limits);
    EXPECT_EQ(choice.index, 0) << "failing at final sample " << late;
    EXPECT_EQ(choice.failed, 1);
  }
}

TEST(ChoosePlan, IfEveryPlanFailsThereIsNoChoiceAndNoTime) {
  FakeSource source({{.name = "a", .build_failure = "first"}, {.name = "b", .fails_at_sample = 0}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, std::nullopt);
  EXPECT_EQ(choice.median_ms, 0);
  EXPECT_EQ(choice.failed, 2);
  EXPECT_THAT(choice.failures, testing::SizeIs(2));
  EXPECT_EQ(source.dropped, (std::set<std::int64_t>{0, 1}));
}

TEST(ChoosePlan, IfBothFinalistsFailThereIsNoChoice) {
  FakeSource source(
      {{.name = "a", .ms = 1, .fails_at_sample = 6}, {.name = "b", .ms = 1, .fails_at_sample = 7}});
  EXPECT_EQ(source.Choose().index, std::nullopt);
}

TEST(ChoosePlan, OneLuckySampleDoesNotWin) {
  FakeSource source({{.name = "steady", .ms = 1}, {.name = "lucky", .ms = 2, .first_samples = {0.1, 0.1}}});
  EXPECT_EQ(source.Choose().index, 0);
}

TEST(ChoosePlan, OneSlowSampleDoesNotLose) {
  FakeSource source(
      {{.name = "unlucky", .ms = 1, .first_samples = {1, 40, 40}}, {.name = "steady", .ms = 1.5}});
  EXPECT_EQ(source.Choose().index, 0);
}

TEST(ChoosePlan, TheFinalDecidesBetweenClosePlans) {
  // b looked faster in its five samples than it is.
  FakeSource source(
      {{.name = "a", .ms = 1}, {.name = "b", .ms = 1.1, .first_samples = {0.9, 0.9, 0.9, 0.9, 0.9}}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 0);
  EXPECT_DOUBLE_EQ(choice.median_ms, 1);
}

TEST(ChoosePlan, HopelessPlansGetOneSample) {
  FakeSource source({{"fast", 1}, {"hopeless", 10}});
  EXPECT_EQ(source.Choose().index, 0);
  EXPECT_EQ(source.Samples(1), 1);
}

TEST(ChoosePlan, ASlowFirstPlanIsNotHopeless) {
  FakeSource source({{"only", 1000}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 0);
  EXPECT_EQ(source.Samples(0), TuneLimits().samples);
}

TEST(ChoosePlan, APlanOfferedTwiceIsTriedOnce) {
  FakeSource source({{"a", 2}, {"b", 1}, {"a", 2}, {"b", 1}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 1);
  EXPECT_EQ(choice.offered, 4);
  EXPECT_EQ(choice.repeated, 2);
  EXPECT_EQ(choice.tried, 2);
}

TEST(ChoosePlan, StopsWhenTheTimeIsUpAndSaysSo) {
  FakeSource source({{.name = "a", .build_seconds = 15}, {.name = "b", .build_seconds = 15}, {.name = "c"}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.tried, 2);
  EXPECT_TRUE(choice.out_of_time);
}

TEST(ChoosePlan, LooksOnWhenTheTimeIsUpButNothingWorksYet) {
  FakeSource source(
      {{.name = "a", .build_failure = "no", .build_seconds = 100}, {.name = "b"}, {.name = "c"}});
  const Choice choice = source.Choose();
  EXPECT_EQ(choice.index, 1);
  EXPECT_TRUE(choice.out_of_time);
}

TEST(ChoosePlan, StopsAfterTheAllowedNumberOfPlans) {
  TuneLimits limits;
  limits.plans = 2;
  FakeSource source({{"a", 3}, {"b", 2}, {"c", 1}});
  const Choice choice = source.Choose(limits);
  EXPECT_EQ(choice.index, 1);
  EXPECT_TRUE(choice.out_of_time);
}

TEST(ChoosePlan, AnInfiniteTimeIsNotPreferred) {
  FakeSource source({{"stuck", kNever}, {"works", 5}});
  EXPECT_EQ(source.Choose().index, 1);
}

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoMiddleValues) {
  EXPECT_DOUBLE_EQ(Median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_THROW(Median({}), std::invalid_argument);
}

}  // namespace
}  // namespace assay::cudnn
