#include "harness/device/graph_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/verify/fake_device.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Log = std::vector<std::string>;

// Launches write to the log what they were given.
class LoggingPlan : public Plan {
 public:
  explicit LoggingPlan(Log& log) : log_(log) {}
  std::uint64_t WorkspaceBytes() const override { return 7; }
  void Prepare(const assay_buffers&, void*) override { log_.push_back("prepare"); }
  void Launch(const assay_buffers& buffers, void*) override {
    log_.push_back("launch on " + std::string(static_cast<const char*>(buffers.inputs[0])));
  }
  std::string Describe() const override { return "a tile"; }

 private:
  Log& log_;
};

class LoggingGraph : public LaunchGraph {
 public:
  LoggingGraph(Log& log, std::string name) : log_(log), name_(std::move(name)) {}
  ~LoggingGraph() override { log_.push_back("end of " + name_); }
  void Launch(void*) override { log_.push_back("replay " + name_); }

 private:
  Log& log_;
  std::string name_;
};

// Numbers the graphs that it captures.
class CapturingDevice : public FakeDevice {
 public:
  explicit CapturingDevice(Log& log) : log_(log) {}
  std::function<void()> on_capture;  // may throw

  std::unique_ptr<LaunchGraph> Capture(const std::function<void(void* stream)>& enqueue) override {
    if (on_capture) on_capture();
    enqueue(nullptr);
    return std::make_unique<LoggingGraph>(log_, "graph " + std::to_string(++captured_));
  }

 private:
  Log& log_;
  int captured_ = 0;
};

class GraphPlanTest : public ::testing::Test {
 protected:
  assay_buffers Buffers(const char* name) {
    inputs_ = {name};
    assay_buffers buffers{};
    buffers.inputs = inputs_.data();
    buffers.num_inputs = 1;
    return buffers;
  }

  Log log_;
  CapturingDevice device_{log_};
  std::unique_ptr<GraphPlan> plan_ =
      std::make_unique<GraphPlan>(device_, std::make_unique<LoggingPlan>(log_));
  std::array<const void*, 1> inputs_{};
};

TEST_F(GraphPlanTest, CapturesOnceForEachSetOfBuffersWhenTheyArePrepared) {
  plan_->Prepare(Buffers("x"), nullptr);
  EXPECT_THAT(log_, ElementsAre("prepare", "launch on x"));
  plan_->Prepare(Buffers("y"), nullptr);
  log_.clear();
  plan_->Launch(Buffers("x"), nullptr);
  plan_->Launch(Buffers("y"), nullptr);
  plan_->Launch(Buffers("x"), nullptr);
  EXPECT_THAT(log_, ElementsAre("replay graph 1", "replay graph 2", "replay graph 1"));
}

TEST_F(GraphPlanTest, CapturesAtTheLaunchWhatWasNotPrepared) {
  plan_->Launch(Buffers("x"), nullptr);
  EXPECT_THAT(log_, ElementsAre("launch on x", "replay graph 1"));
}

TEST_F(GraphPlanTest, LetsTheGraphsGoThatWereNotUsedForLongest) {
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back(std::to_string(i));
  plan_->Prepare(Buffers("kept"), nullptr);
  for (const std::string& name : names) {
    plan_->Prepare(Buffers(name.c_str()), nullptr);
    plan_->Launch(Buffers("kept"), nullptr);
  }
  EXPECT_THAT(log_, ::testing::Contains("end of graph 2"));
  EXPECT_THAT(log_, ::testing::Not(::testing::Contains("end of graph 1")));
}

TEST_F(GraphPlanTest, ALaunchThatCannotBeCapturedIsTheVariantsFault) {
  device_.on_capture = [] { throw MakeError("work on another stream was not joined", false); };
  try {
    plan_->Prepare(Buffers("x"), nullptr);
    FAIL() << "no exception";
  } catch (const VariantError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be captured into a CUDA graph: work on another stream"));
  }
}

TEST_F(GraphPlanTest, ALostDeviceIsNot) {
  device_.on_capture = [] { throw MakeError("the context is poisoned", true); };
  EXPECT_THROW(plan_->Prepare(Buffers("x"), nullptr), DeviceError);
}

TEST_F(GraphPlanTest, SaysHowItIsLaunched) {
  EXPECT_EQ(plan_->Describe(), "a tile; launched as a CUDA graph");
  EXPECT_EQ(plan_->WorkspaceBytes(), 7u);
}

TEST(HostDevice, HasNoGraphs) {
  EXPECT_THROW(MakeHostDevice(1)->Capture([](void*) {}), DeviceError);
}

}  // namespace
}  // namespace assay
