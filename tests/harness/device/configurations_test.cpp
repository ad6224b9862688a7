#include "harness/device/configurations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "harness/device/pack_loader.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What the C function below answers.
std::vector<assay_configuration> list_said;
std::int32_t count_said = 0;

std::int32_t List(const assay_problem*, const assay_device_info*, assay_configuration* list,
                  std::int32_t capacity) {
  for (std::int32_t i = 0; i < capacity && i < std::ssize(list_said); ++i) list[i] = list_said[i];
  return count_said;
}

assay_configuration Said(const std::string& text, double cost = 0) {
  assay_configuration said = {};
  std::memcpy(said.text, text.data(), std::min(text.size(), sizeof said.text));  // may lack its terminator
  said.cost = cost;
  return said;
}

std::vector<Configuration> Answer(const std::vector<assay_configuration>& list, std::int32_t count) {
  list_said = list;
  count_said = count;
  assay_variant variant = {};
  variant.name = "fake";
  variant.configurations = List;
  return ConfigurationsOf(variant, assay_problem{}, assay_device_info{});
}

std::string ErrorOf(const std::vector<assay_configuration>& list, std::int32_t count) {
  try {
    Answer(list, count);
  } catch (const VariantError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigurationsOf, GivesWhatTheVariantListsInItsOrder) {
  EXPECT_THAT(Answer({Said("64x128s3", 12.5), Said("a")}, 2),
              ElementsAre(Configuration{"64x128s3", 12.5}, Configuration{"a", 0}));
  EXPECT_THAT(Answer({}, 0), IsEmpty());
}

TEST(ConfigurationsOf, IsEmptyForAVariantThatOffersNone) {
  EXPECT_THAT(ConfigurationsOf(assay_variant{}, assay_problem{}, assay_device_info{}), IsEmpty());
}

TEST(ConfigurationsOf, RefusesTextsThatCouldNotStandInATable) {
  EXPECT_THAT(
      ErrorOf({Said("a"), Said("b,c")}, 2),
      HasSubstr("configurations of fake failed: number 2, \"b,c\", is no such text; allowed: 1 to 63"));
  EXPECT_THAT(ErrorOf({Said("a b")}, 1), HasSubstr("is no such text"));
  EXPECT_THAT(ErrorOf({Said("")}, 1), HasSubstr("is no such text"));
  EXPECT_THAT(ErrorOf({Said("\n")}, 1), HasSubstr("is no such text"));
  EXPECT_THAT(ErrorOf({Said("a")}, 2), HasSubstr("number 2, \"\"")) << "what was not written is no text";
  EXPECT_THAT(ErrorOf({Said(std::string(64, 'x'))}, 1), HasSubstr("is no such text")) << "not terminated";
  EXPECT_EQ(Answer({Said(std::string(63, 'x'))}, 1).size(), 1u);
}

TEST(ConfigurationsOf, RefusesTwinsAndSenselessCosts) {
  EXPECT_THAT(ErrorOf({Said("a"), Said("b"), Said("a")}, 3),
              HasSubstr("number 3, \"a\", stands there twice"));
  EXPECT_THAT(ErrorOf({Said("a", -1)}, 1), HasSubstr("has the cost -1"));
  EXPECT_THAT(ErrorOf({Said("a", std::numeric_limits<double>::quiet_NaN())}, 1),
              HasSubstr("has the cost nan"));
  EXPECT_THAT(ErrorOf({Said("a", std::numeric_limits<double>::infinity())}, 1),
              HasSubstr("has the cost inf"));
}

TEST(ConfigurationsOf, RefusesCountsThatAreNone) {
  EXPECT_THAT(ErrorOf({}, -1), HasSubstr("it lists -1; at most 512 are taken"));
  EXPECT_THAT(ErrorOf({}, std::numeric_limits<std::int32_t>::max()), HasSubstr("at most 512"));
}

}  // namespace
}  // namespace assay
