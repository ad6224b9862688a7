// The kernels of the dsconv pack on the host device, over the shapes that Assay makes itself: none may be
// accused. By default a sample, a quarter of it under a sanitizer; ASSAY_GENERATED=2000 judges as many
// generated problems (from seed ASSAY_FIRST_SEED on, 1 by default), and ASSAY_BOUNDARY=all every boundary
// problem in every dtype and layout.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "harness/config/adhoc.h"
#include "harness/config/boundary.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/device/tile.h"
#include "harness/record/names.h"
#include "harness/verify/judge.h"
#include "tests/kernels/dsconv_refusals.h"

namespace assay {
namespace {

const Pack& HostPack() {
  static const Pack pack = OpenPack(DSCONV_HOST_PACK);
  return pack;
}

Device& HostDevice() {
  static const std::unique_ptr<Device> device = MakeHostDevice();
  return *device;
}

const assay_variant& VariantNamed(const std::string& name) {
  for (int i = 0; i < HostPack().table->num_variants; ++i) {
    if (name == HostPack().table->variants[i].name) return HostPack().table->variants[i];
  }
  throw std::out_of_range("no variant " + name);
}

std::vector<TileAxis> TileOfCase(const Case& c) {
  return TileOf(VariantNamed(c.variant), c.problem.View(c.dtype, c.layout), HostDevice().info());
}

// Every kernel in every dtype and layout, for a layer of a network and for one with many channels.
Sweep Base() {
  Catalog catalog;
  for (int i = 0; i < HostPack().table->num_variants; ++i) {
    catalog.entries.push_back({"dsconv", HostPack().table->variants[i].name, false});
  }
  return MakeAdhocSweep({"", {"n1c64k128h56w56r3p1", "n8c24k16h28w28r3p1st2"}, {}, {}, {}}, catalog);
}

#ifdef __SANITIZE_ADDRESS__
constexpr int kSampled = 4;  // one in so many
#else
constexpr int kSampled = 1;
#endif

std::string Environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : fallback;
}

// How often each verdict was given, as "right 180".
std::string JudgeAll(const std::vector<Case>& cases) {
  // No problem comes back, so that there is little to keep.
  Judge judge(HostDevice(), VerifySettings{}, std::size_t{64} << 20);
  std::map<std::string, int> verdicts;
  double closest = 0;
  for (const Case& c : cases) {
    const assay_variant& variant = VariantNamed(c.variant);
    const assay_problem view = c.problem.View(c.dtype, c.layout);
    assay_message why{};
    if (variant.supports(&view, &HostDevice().info(), &why) != 0) {
      ++verdicts["unsupported"];
      EXPECT_TRUE(MayRefuse(c.variant, why.text) || why.text == DueRefusal(c.variant, c.dtype))
          << c.Id() << " (" << c.label << ") is unsupported: " << why.text;
      continue;
    }
    EXPECT_EQ(DueRefusal(c.variant, c.dtype), "") << c.Id();
    LocalPlan plan(variant, view, HostDevice().info());
    const Judgement judgement = judge.JudgeCase(c, variant, plan);
    ++verdicts[std::string(VerdictName(judgement.verdict))];
    closest = std::max(closest, judgement.max_error_share);
    EXPECT_EQ(judgement.verdict, Verdict::kRight) << c.Id() << " (" << c.label << "): " << judgement.reason;
  }
  std::string text;
  for (const auto& [name, count] : verdicts) text += fmt::format("{} {}, ", name, count);
  return text + fmt::format("largest error {:.1f} % of its bound", 100 * closest);
}

TEST(DsconvShapes, TilesNameWhatKernelsWorkOn) {
  const auto tile = [](const char* variant, const char* problem, assay_layout layout) {
    const Problem parsed = FindOperator("dsconv")->ParseProblemId(problem);
    return TileOf(VariantNamed(variant), parsed.View(ASSAY_F32, layout), HostDevice().info());
  };
  using testing::ElementsAre;
  EXPECT_THAT(tile("naive", "n1c1k1h9w9r3", ASSAY_NCHW), ElementsAre(TileAxis{"q", 256}));
  EXPECT_THAT(tile("naive", "n1c1k1h9w9r3", ASSAY_NHWC), ElementsAre(TileAxis{"k", 256}));
  EXPECT_THAT(tile("tiled", "n1c64k128h56w56r3p1", ASSAY_NHWC),
              testing::IsSupersetOf({TileAxis{"k", 128}, TileAxis{"c", 16}}));
  EXPECT_THAT(tile("tiled", "n16c32k16h112w112r3p1", ASSAY_NHWC),
              testing::IsSupersetOf({TileAxis{"k", 16}, TileAxis{"c", 8}}));
  EXPECT_THAT(tile("warp_shuffle", "n1c64k32h9w9r3", ASSAY_NCHW),
              ElementsAre(TileAxis{"q", 8}, TileAxis{"q", 64}, TileAxis{"k", 32}, TileAxis{"c", 32}));
  EXPECT_THAT(tile("tf32", "n1c64k128h56w56r3p1", ASSAY_NCHW),
              testing::IsSupersetOf({TileAxis{"k", 128}, TileAxis{"c", 32}}));
  EXPECT_THAT(tile("warp_shuffle", "n1c64k33h9w9r3", ASSAY_NCHW), testing::Contains(TileAxis{"k", 128}));
}

TEST(DsconvShapes, ATileHasRoomForNoMoreThanWasAsked) {
  const assay_variant& tiled = VariantNamed("tiled");
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c64k128h56w56r3p1");
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NCHW);
  assay_tile_axis axes[2] = {{"untouched", 1}, {"untouched", 1}};
  EXPECT_GE(tiled.tile(&view, &HostDevice().info(), axes, 1), 4);
  EXPECT_STREQ(axes[0].param, "p");
  EXPECT_STREQ(axes[1].param, "untouched");
}

TEST(DsconvShapes, NoKernelBreaksOnABoundaryProblem) {
  const Sweep sweep = WithBoundaryProblems(Base(), TileOfCase);
  const bool all = Environment("ASSAY_BOUNDARY", "") == "all";
  std::vector<Case> cases;
  std::map<std::string, int> number;  // of a problem
  for (const Case& c : sweep.cases) {
    const int problem =
        number.try_emplace(c.problem.op->ProblemId(c.problem), std::ssize(number)).first->second;
    const int combination = 2 * static_cast<int>(c.dtype) + static_cast<int>(c.layout);
    if (all || problem % (6 * kSampled) == combination) cases.push_back(c);
  }
  const std::string verdicts = JudgeAll(cases);
  fmt::print("{} boundary problems, {} cases: {}\n", number.size(), cases.size(), verdicts);
  EXPECT_GT(number.size(), 60U);
  int judged = 0;  // problems in one dtype and layout
  for (int problem = 0; problem < std::ssize(number); ++problem) {
    judged += all ? 6 : problem % (6 * kSampled) < 6 ? 1 : 0;
  }
  EXPECT_EQ(std::ssize(cases), judged * HostPack().table->num_variants);
}

TEST(DsconvShapes, NoKernelIsAccusedOnAGeneratedProblem) {
  const int count = std::stoi(Environment("ASSAY_GENERATED", std::to_string(60 / kSampled).c_str()));
  const Sweep sweep = GeneratedSweep(Base(), count, std::stoull(Environment("ASSAY_FIRST_SEED", "1")));
  const std::string verdicts = JudgeAll(sweep.cases);
  fmt::print("{} generated problems, {} cases: {}\n", count, sweep.cases.size(), verdicts);
  EXPECT_GE(std::ssize(sweep.cases), HostPack().table->num_variants * count - count / 20);
}

}  // namespace
}  // namespace assay
