#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness/device/pack_loader.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

// What the C functions below saw and shall answer.
struct Script {
  std::int32_t create = 0, prepare = 0, launch = 0;
  std::string text;  // copied into the message without a terminator
  int released = 0;
  void* released_plan = nullptr;
  bool message_was_zero = true;
};
Script script;
int plan_object = 0;

std::int32_t Answer(std::int32_t code, assay_message* message) {
  for (char c : message->text) script.message_was_zero = script.message_was_zero && c == '\0';
  if (code != 0)
    std::memcpy(message->text, script.text.data(), std::min(script.text.size(), sizeof(message->text)));
  return code;
}

std::int32_t Create(const assay_problem*, const assay_device_info*, void** plan, assay_message* error) {
  *plan = &plan_object;
  return Answer(script.create, error);
}
std::int32_t Prepare(void*, const assay_buffers*, void*, assay_message* error) {
  return Answer(script.prepare, error);
}
std::int32_t Launch(void*, const assay_buffers*, void*, assay_message* error) {
  return Answer(script.launch, error);
}
void Release(void* plan) {
  ++script.released;
  script.released_plan = plan;
}

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    script = Script{};
    variant_.name = "fake";
    variant_.create = Create;
    variant_.launch = Launch;
    variant_.release = Release;
  }

  std::string ErrorOf(const std::function<void(Plan&)>& action) {
    LocalPlan plan(variant_, problem_, device_);
    try {
      action(plan);
    } catch (const VariantError& error) {
      return error.what();
    }
    return "no error";
  }

  assay_variant variant_ = {};
  assay_problem problem_ = {};
  assay_device_info device_ = {};
  assay_buffers buffers_ = {};
};

TEST_F(PlanTest, WorksWithoutTheOptionalFunctions) {
  {
    LocalPlan plan(variant_, problem_, device_);
    EXPECT_EQ(plan.WorkspaceBytes(), 0u);
    EXPECT_EQ(plan.Describe(), "");
    plan.Prepare(buffers_, nullptr);
    plan.Launch(buffers_, nullptr);
    EXPECT_EQ(script.released, 0);
  }
  EXPECT_EQ(script.released, 1);
  EXPECT_EQ(script.released_plan, &plan_object);
  EXPECT_TRUE(script.message_was_zero);
}

TEST_F(PlanTest, UsesTheOptionalFunctions) {
  variant_.prepare = Prepare;
  variant_.workspace_bytes = [](const void*) -> std::uint64_t { return 12; };
  variant_.describe = [](const void*) -> const char* { return "tile 8x8"; };
  LocalPlan plan(variant_, problem_, device_);
  EXPECT_EQ(plan.WorkspaceBytes(), 12u);
  EXPECT_EQ(plan.Describe(), "tile 8x8");
  script.prepare = 1;
  script.text = "weights are odd";
  EXPECT_THROW(plan.Prepare(buffers_, nullptr), VariantError);
  variant_.describe = [](const void*) -> const char* { return nullptr; };
  EXPECT_EQ(plan.Describe(), "");
}

TEST_F(PlanTest, ThrowsWhatTheVariantSaid) {
  script.launch = 3;
  script.text = "too many channels";
  EXPECT_EQ(ErrorOf([&](Plan& plan) { plan.Launch(buffers_, nullptr); }),
            "launch of fake failed: too many channels");
}

TEST_F(PlanTest, SaysThatNothingWasSaid) {
  script.launch = 3;
  EXPECT_EQ(ErrorOf([&](Plan& plan) { plan.Launch(buffers_, nullptr); }),
            "launch of fake failed: it returned 3 and said no reason");
}

TEST_F(PlanTest, EndsMessagesThatAreNotTerminated) {
  script.launch = 1;
  script.text = std::string(600, 'x');
  EXPECT_EQ(ErrorOf([&](Plan& plan) { plan.Launch(buffers_, nullptr); }),
            "launch of fake failed: " + std::string(511, 'x'));
}

TEST_F(PlanTest, CreatesTheConfigurationThatItIsTold) {
  static std::string told;
  variant_.create_configured = [](const assay_problem*, const assay_device_info*, const char* configuration,
                                  void** plan, assay_message* error) -> std::int32_t {
    told = configuration;
    *plan = &plan_object;
    if (told != "unknown") return 0;
    std::strcpy(error->text, "found configuration \"unknown\"; allowed: 64x64");
    return 1;
  };
  { LocalPlan plan(variant_, problem_, device_, "64x64"); }
  EXPECT_EQ(told, "64x64");
  EXPECT_EQ(script.released, 1);
  told = "not asked";
  { LocalPlan plan(variant_, problem_, device_, ""); }
  EXPECT_EQ(told, "not asked") << "without one it is create()'s choice";
  try {
    LocalPlan plan(variant_, problem_, device_, "unknown");
    FAIL() << "it was created all the same";
  } catch (const VariantError& error) {
    EXPECT_STREQ(error.what(), "create of fake failed: found configuration \"unknown\"; allowed: 64x64");
  }
}

TEST_F(PlanTest, AVariantWithoutConfigurationsRefusesAny) {
  try {
    LocalPlan plan(variant_, problem_, device_, "64x64");
    FAIL() << "it was created all the same";
  } catch (const VariantError& error) {
    EXPECT_STREQ(error.what(), "fake offers no configurations, so 64x64 is none of them");
  }
  EXPECT_EQ(script.released, 0);
}

TEST_F(PlanTest, DoesNotReleaseWhatWasNotCreated) {
  script.create = 1;
  script.text = "no library plan";
  try {
    LocalPlan plan(variant_, problem_, device_);
    FAIL() << "create failed and was not noticed";
  } catch (const VariantError& error) {
    EXPECT_THAT(error.what(), HasSubstr("create of fake failed: no library plan"));
  }
  EXPECT_EQ(script.released, 0);
}

}  // namespace
}  // namespace assay
