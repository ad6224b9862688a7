// Timing entries side by side, with the host device's memory and a stand-in for the GPU's measuring: what
// each entry's launches are given, and that one entry's fault stays its own.
#include "harness/run/timing_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "harness/verify/judge.h"
#include "harness/verify/tensor_io.h"
#include "harness/worker/local_executor.h"

namespace assay {
namespace {

using testing::HasSubstr;

constexpr int kOutputs = 3 * 16;

// What a test's variant does besides the work.
struct Behaviour {
  int launches = 0;
  std::map<const void*, std::vector<float>> by_pointer;
  std::map<std::vector<float>, std::vector<float>> by_content;                 // x to y
  std::map<std::vector<float>, std::vector<float>>* shared_content = nullptr;  // with another variant
  int replays = 0;
  int works_until = 1000000;  // launches beyond this do nothing
  bool changes_input = false;
  bool replays_by_pointer = false;  // from the fifth launch on
  bool replays_by_content = false;
  bool fails_to_prepare = false;
  std::chrono::microseconds takes{0};
};

assay_promise Promise(assay_dtype) {
  assay_promise promise{};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  return promise;
}
Behaviour* next_plan = nullptr;
std::int32_t Create(const assay_problem*, const assay_device_info*, void** plan, assay_message*) {
  *plan = next_plan;
  return 0;
}
std::int32_t Prepare(void* plan, const assay_buffers*, void*, assay_message* error) {
  if (!static_cast<Behaviour*>(plan)->fails_to_prepare) return 0;
  std::strcpy(error->text, "weights of odd length");
  return 1;
}
// n1c2k3h4w4r1 in fp32 nchw.
std::int32_t Launch(void* plan, const assay_buffers* buffers, void*, assay_message*) {
  auto& behaviour = *static_cast<Behaviour*>(plan);
  if (behaviour.launches++ >= behaviour.works_until) return 0;
  if (behaviour.takes.count() > 0) std::this_thread::sleep_for(behaviour.takes);
  const auto* x = static_cast<const float*>(buffers->inputs[0]);
  const auto* w_dw = static_cast<const float*>(buffers->inputs[1]);
  const auto* w_pw = static_cast<const float*>(buffers->inputs[3]);
  auto* y = static_cast<float*>(buffers->outputs[0]);
  const std::vector<float> content(x, x + 2 * 16);
  const auto replay = [&](const std::vector<float>& kept) {
    std::copy(kept.begin(), kept.end(), y);
    ++behaviour.replays;
    return 0;
  };
  if (behaviour.replays_by_pointer && behaviour.launches > 5 && behaviour.by_pointer.contains(x))
    return replay(behaviour.by_pointer.at(x));
  auto& by_content = behaviour.shared_content != nullptr ? *behaviour.shared_content : behaviour.by_content;
  if (behaviour.replays_by_content && by_content.contains(content)) return replay(by_content.at(content));
  for (int i = 0; i < kOutputs; ++i) {
    const int k = i / 16, pixel = i % 16;
    y[i] = w_pw[k * 2] * (w_dw[0] * x[pixel]) + w_pw[k * 2 + 1] * (w_dw[1] * x[16 + pixel]);
  }
  if (behaviour.replays_by_pointer) behaviour.by_pointer[x].assign(y, y + kOutputs);
  if (behaviour.replays_by_content) by_content[content].assign(y, y + kOutputs);
  if (behaviour.changes_input) const_cast<float*>(x)[5] += 1.0f;
  return 0;
}
void Release(void*) {}

const assay_variant kRow = {"dsconv", "test",   "a test's", ASSAY_ROLE_KERNEL, &Promise,
                            nullptr,  &Create,  nullptr,    &Prepare,          &Launch,
                            nullptr,  &Release, nullptr,    nullptr,           nullptr};
const VariantInfo kVariant(kRow);

class TimingSessionTest : public testing::Test {
 protected:
  TimingSessionTest() {
    case_.problem = FindOperator("dsconv")->ParseProblemId("n1c2k3h4w4r1");
    case_.variant = "test";
  }

  static void Launch(const TimedLaunches& launches, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i)
      launches.plan->Launch(launches.sets[i % launches.sets.size()].View(), nullptr);
  }

  // Warm-up, poison and launches, as the sampler has them; a launch that throws has no timing.
  std::vector<Measurement> Measure(std::span<const TimedLaunches> candidates) {
    std::vector<Measurement> results;
    if (candidates.size() == 1 && candidates[0].number == lost_at_) throw CulpritFound(0, "a fault");
    for (const TimedLaunches& candidate : candidates) {
      const Candidate sampled = MakeCandidate(candidate, *device_);
      for (std::size_t i = 0; i < 3; ++i) sampled.launch(i, nullptr);
      const int replays_before = behaviours_->at(results.size()).replays;
      sampled.poison_outputs();
      for (std::size_t i = 3; i < 13; ++i) {
        sampled.alter_inputs(i);
        sampled.launch(i, nullptr);
        sampled.restore_inputs();
      }
      replays_while_sampled_.push_back(behaviours_->at(results.size()).replays - replays_before);
      Timing timing;
      timing.median = timing.wall_seconds = claimed_seconds_;
      timing.clock_agreement = "agrees";
      results.push_back({timing, ""});
    }
    return results;
  }

  std::vector<TimingResult> Time(std::vector<Behaviour>& behaviours) {
    behaviours_ = &behaviours;
    const assay_problem view = case_.problem.View(ASSAY_F32, ASSAY_NCHW);
    std::vector<std::unique_ptr<Plan>> plans;
    std::vector<TimingEntry> entries;
    for (Behaviour& behaviour : behaviours) {
      next_plan = &behaviour;
      plans.push_back(std::make_unique<LocalPlan>(kRow, view, device_->info()));
      entries.push_back({&case_, &kVariant, plans.back().get(), entries.size() + 1});
    }
    return TimeEntries(*device_, sweep_, entries,
                       {[this](std::span<const TimedLaunches> candidates) { return Measure(candidates); },
                        &Launch, inputs_});
  }

  Verdict JudgeAfterTiming(const TimingResult& result) {
    Judge judge(*device_, sweep_.verify);
    Judgement judgement;
    judgement.verdict = Verdict::kRight;
    judge.JudgeAfterTiming(case_, kVariant, result.last_inputs, result.outputs, judgement);
    return judgement.verdict;
  }

  double claimed_seconds_ = 1;
  InputSource inputs_;
  std::size_t lost_at_ = 0;  // the candidate's number, when it is timed alone
  std::vector<Behaviour>* behaviours_ = nullptr;
  std::vector<int> replays_while_sampled_;  // of each candidate in turn
  std::unique_ptr<Device> device_ = MakeHostDevice(1);
  Sweep sweep_;
  Case case_;
};

TEST_F(TimingSessionTest, OutputsAreThoseOfTheLastLaunchAndItsSeed) {
  std::vector<Behaviour> behaviours(2);
  const std::vector<TimingResult> results = Time(behaviours);
  for (const TimingResult& result : results) {
    ASSERT_TRUE(result.timing);
    EXPECT_EQ(result.last_inputs.seed, sweep_.verify.first_seed);
    EXPECT_EQ(result.timing->clock_agreement, "agrees");
    EXPECT_GT(result.timing->supervisor_seconds, 0);
    EXPECT_EQ(result.memory_fault, "");
    EXPECT_EQ(result.note, "");
    EXPECT_EQ(JudgeAfterTiming(result), Verdict::kRight);
  }
}

TEST_F(TimingSessionTest, TakesTheInputsThatJudgingKept) {
  Judge judge(*device_, sweep_.verify);
  std::vector<std::uint64_t> asked;
  inputs_ = [&](const Case& c, std::uint64_t seed) {
    asked.push_back(seed);
    return judge.RandomInputs(c, seed);
  };
  std::vector<Behaviour> behaviours(2);
  const std::vector<TimingResult> results = Time(behaviours);
  ASSERT_EQ(asked.size(), static_cast<std::size_t>(sweep_.measure.input_sets));
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(asked[i], sweep_.verify.first_seed + i);
  // They are those that would have been drawn.
  const auto drawn = FillInputs(case_.problem, case_.dtype, FillKind::kRandom, asked[1]);
  const auto kept = judge.RandomInputs(case_, asked[1]);
  EXPECT_EQ((*kept)[0],
            ToDeviceBits(case_.problem.op->Inputs(case_.problem)[0], drawn[0], case_.dtype, case_.layout));
  for (const TimingResult& result : results) EXPECT_EQ(JudgeAfterTiming(result), Verdict::kRight);
}

TEST_F(TimingSessionTest, AKernelThatStopsWorkingAfterWarmUpIsWrong) {
  // On one input set the last warm-up launch left just what the last timed one should have written.
  sweep_.measure.input_sets = 1;
  std::vector<Behaviour> behaviours(1);
  behaviours[0].works_until = 3;
  const std::vector<TimingResult> results = Time(behaviours);
  ASSERT_TRUE(results[0].timing);
  EXPECT_EQ(JudgeAfterTiming(results[0]), Verdict::kWrong);
}

TEST_F(TimingSessionTest, VariantsThatKeepResultsTogetherFindNoneOfTheOthers) {
  std::map<std::vector<float>, std::vector<float>> kept;
  std::vector<Behaviour> behaviours(2);
  for (Behaviour& behaviour : behaviours) {
    behaviour.replays_by_content = true;
    behaviour.shared_content = &kept;
  }
  Time(behaviours);
  EXPECT_THAT(replays_while_sampled_, testing::Each(0));
}

TEST_F(TimingSessionTest, WhoLosesTheDeviceAloneIsTheOneThatIsNamed) {
  std::vector<Behaviour> behaviours(3);
  behaviours[0].changes_input = true;  // so that each is timed alone
  lost_at_ = 2;
  try {
    Time(behaviours);
    ADD_FAILURE() << "nobody was named";
  } catch (const CulpritFound& found) {
    EXPECT_EQ(found.candidate, 1u);
  }
}

TEST_F(TimingSessionTest, AResultKeptByItsPointerIsWrongInTheEnd) {
  std::vector<Behaviour> behaviours(2);
  behaviours[0].replays_by_pointer = true;
  const std::vector<TimingResult> results = Time(behaviours);
  ASSERT_TRUE(results[0].timing);
  EXPECT_EQ(JudgeAfterTiming(results[0]), Verdict::kWrong);
  EXPECT_EQ(JudgeAfterTiming(results[1]), Verdict::kRight);
}

TEST_F(TimingSessionTest, AResultKeptByItsContentIsOfNoUseToASample) {
  std::vector<Behaviour> behaviours(1);
  behaviours[0].replays_by_content = true;
  const std::vector<TimingResult> results = Time(behaviours);
  ASSERT_TRUE(results[0].timing);
  EXPECT_THAT(replays_while_sampled_, testing::ElementsAre(0));
  EXPECT_EQ(results[0].memory_fault, "");
}

TEST_F(TimingSessionTest, ATimeThatTheOwnClockContradictsIsMarked) {
  claimed_seconds_ = 20e-6;
  std::vector<Behaviour> behaviours(2);
  behaviours[1].takes = std::chrono::microseconds(400);
  const std::vector<TimingResult> results = Time(behaviours);
  ASSERT_TRUE(results[1].timing);
  EXPECT_THAT(results[1].timing->clock_agreement,
              testing::AllOf(testing::StartsWith("disagrees"), HasSubstr("own clock")));
}

TEST_F(TimingSessionTest, AChangedInputIsBlamedOnWhoChangedIt) {
  std::vector<Behaviour> behaviours(3);
  behaviours[1].changes_input = true;
  const std::vector<TimingResult> results = Time(behaviours);
  EXPECT_EQ(results[0].memory_fault, "");
  EXPECT_THAT(results[1].memory_fault, HasSubstr("input 0 was changed"));
  EXPECT_EQ(results[2].memory_fault, "");
  EXPECT_EQ(JudgeAfterTiming(results[0]), Verdict::kRight);
  EXPECT_EQ(JudgeAfterTiming(results[2]), Verdict::kRight);
  EXPECT_THAT(results[0].note, HasSubstr("timed alone"));
}

TEST_F(TimingSessionTest, AFailingPrepareCostsOnlyItsOwnCase) {
  std::vector<Behaviour> behaviours(2);
  behaviours[0].fails_to_prepare = true;
  const std::vector<TimingResult> results = Time(behaviours);
  EXPECT_TRUE(results[0].failed);
  EXPECT_THAT(results[0].not_timed, HasSubstr("weights of odd length"));
  ASSERT_TRUE(results[1].timing);
  EXPECT_EQ(JudgeAfterTiming(results[1]), Verdict::kRight);
}

}  // namespace
}  // namespace assay
