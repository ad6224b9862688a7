// The gallery's table against itself, and against the pack that holds its kernels.
#include "tests/faulty/gallery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "harness/device/pack_loader.h"
#include "reference/dtype.h"
#include "reference/operator.h"

namespace assay {
namespace {

using faulty::Row;

TEST(Gallery, HoldsEnoughFaultsAndControls) {
  const auto controls = std::ranges::count_if(faulty::kRows, [](const Row& row) { return IsControl(row); });
  EXPECT_GE(std::size(faulty::kRows) - static_cast<std::size_t>(controls), 45u);
  EXPECT_GE(controls, 5);
}

TEST(Gallery, NamesAreUniqueAndCanBeTyped) {
  std::set<std::string> names;
  for (const Row& row : faulty::kRows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands twice";
    for (const char c : std::string(row.name)) {
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(c)) ||
                  std::isdigit(static_cast<unsigned char>(c)) || c == '_')
          << row.name;
    }
  }
}

TEST(Gallery, EveryFaultHasASentenceAndSomethingThatShouldCatchIt) {
  constexpr std::uint32_t kAllCatchers = (faulty::kSanitizer << 1) - 1, kAllNeeds = (faulty::kRaces << 1) - 1;
  for (const Row& row : faulty::kRows) {
    EXPECT_GE(std::string(row.fault).size(), 10u) << row.name;
    EXPECT_NE(row.seen_in, nullptr) << row.name;
    EXPECT_EQ(row.caught_by & ~kAllCatchers, 0u) << row.name;
    EXPECT_EQ(row.needs & ~kAllNeeds, 0u) << row.name;
    EXPECT_EQ(row.caught_by == 0, IsControl(row)) << row.name;
    EXPECT_EQ(IsControl(row), std::string(row.name).starts_with("control_")) << row.name;
  }
}

TEST(Gallery, WhatOnlyTimingCatchesIsTimed) {
  constexpr std::uint32_t kOfTiming = faulty::kAfterTiming | faulty::kClock;
  for (const Row& row : faulty::kRows) {
    EXPECT_TRUE((row.caught_by & kOfTiming) == 0 || (row.needs & faulty::kTimed) != 0) << row.name;
    EXPECT_TRUE((row.caught_by & faulty::kWorker) == 0 || (row.needs & faulty::kWorkers) != 0) << row.name;
    EXPECT_TRUE((row.needs & faulty::kTimed) == 0 || (row.needs & faulty::kGpu) != 0) << row.name;
  }
}

TEST(Gallery, TheProblemsAreProblemsAndNoneStandsTwice) {
  std::set<std::string> ids;
  std::set<std::string> dtypes, layouts;
  for (const faulty::StandardProblem& problem : faulty::kStandardSet) {
    const Problem parsed = FindOperator("dsconv")->ParseProblemId(problem.id);
    EXPECT_EQ(FindOperator("dsconv")->ProblemId(parsed), problem.id);
    EXPECT_TRUE(ids.insert(problem.id).second) << problem.id;
    EXPECT_TRUE(ParseDType(problem.dtype)) << problem.dtype;
    EXPECT_TRUE(ParseLayout(problem.layout)) << problem.layout;
    dtypes.insert(problem.dtype), layouts.insert(problem.layout);
  }
  EXPECT_EQ(dtypes.size(), 3u);
  EXPECT_EQ(layouts.size(), 2u);
}

TEST(Gallery, TheBigProblemHasMoreThan2To31ElementsOfX) {
  const Problem problem = FindOperator("dsconv")->ParseProblemId(faulty::kBigProblem.id);
  EXPECT_GT(FindOperator("dsconv")->Inputs(problem)[0].Count(), std::int64_t{1} << 31);
}

TEST(Gallery, ThePackHasAKernelForEveryRowAndARowForEveryKernel) {
  const Pack pack = OpenPack(ASSAY_FAULTY_PACK);
  ASSERT_EQ(pack.unavailable, "");
  std::set<std::string> kernels;
  for (int i = 0; i < pack.table->num_variants; ++i) {
    const assay_variant& variant = pack.table->variants[i];
    kernels.insert(variant.name);
    const auto* row = std::ranges::find_if(
        faulty::kRows, [&](const Row& r) { return std::string_view(r.name) == variant.name; });
    ASSERT_NE(row, std::end(faulty::kRows)) << variant.name;
    EXPECT_STREQ(variant.summary, row->fault);
  }
  for (const Row& row : faulty::kRows) {
    if (row.kind == faulty::Class::kTiming) continue;  // CUDA only
    EXPECT_TRUE(kernels.contains(row.name)) << row.name;
  }
}

}  // namespace
}  // namespace assay
