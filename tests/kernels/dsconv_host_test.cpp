// Every variant of the dsconv pack, on the host device, judged like any kernel: in three lane orders, over
// problems chosen to lie beside the kernels' tiles (8x8 pixels, 32 and 128 channels, chunks of 16 and 32).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>

#include "harness/config/case.h"
#include "harness/device/configurations.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/verify/judge.h"
#include "reference/dtype.h"
#include "reference/operator.h"
#include "tests/kernels/dsconv_refusals.h"

namespace assay {
namespace {

const Pack& HostPack() {
  static const Pack pack = OpenPack(DSCONV_HOST_PACK);
  return pack;
}

Judgement JudgeOnHost(const assay_variant& variant, const std::string& problem_id, assay_dtype dtype,
                      assay_layout layout, const std::string& configuration = {}) {
  static const std::unique_ptr<Device> device = MakeHostDevice();
  static Judge judge(*device, VerifySettings{});
  Case c;
  c.problem = FindOperator("dsconv")->ParseProblemId(problem_id);
  c.dtype = dtype;
  c.layout = layout;
  c.variant = variant.name;
  const assay_problem view = c.problem.View(dtype, layout);
  LocalPlan plan(variant, view, device->info(), configuration);
  return judge.JudgeCase(c, variant, plan);
}

// Why the variant does not take the problem; empty if it does.
std::string RefusalOnHost(const assay_variant& variant, const std::string& problem_id, assay_dtype dtype,
                          assay_layout layout) {
  const Problem problem = FindOperator("dsconv")->ParseProblemId(problem_id);
  const assay_problem view = problem.View(dtype, layout);
  assay_message why{};
  return variant.supports(&view, &MakeHostDevice()->info(), &why) == 0 ? "" : why.text;
}

using Parameter = std::tuple<std::string, assay_dtype, assay_layout>;
class DsconvHost : public testing::TestWithParam<Parameter> {};

TEST_P(DsconvHost, EveryVariantIsRight) {
  const auto& [problem, dtype, layout] = GetParam();
  const Pack& pack = HostPack();
  ASSERT_EQ(pack.unavailable, "");
  ASSERT_EQ(pack.table->num_variants, 32);
  for (int i = 0; i < pack.table->num_variants; ++i) {
    const assay_variant& variant = pack.table->variants[i];
    if (const std::string due = DueRefusal(variant.name, dtype); !due.empty()) {
      EXPECT_EQ(RefusalOnHost(variant, problem, dtype, layout), due) << variant.name;
      continue;
    }
    if (MayRefuse(variant.name, RefusalOnHost(variant, problem, dtype, layout))) continue;
    const Judgement judgement = JudgeOnHost(variant, problem, dtype, layout);
    EXPECT_EQ(judgement.verdict, Verdict::kRight) << variant.name << ": " << judgement.reason;
    EXPECT_GT(judgement.max_error_share, 0) << variant.name << ": nothing was compared";
  }
}

std::string NameOf(const testing::TestParamInfo<Parameter>& info) {
  const auto& [problem, dtype, layout] = info.param;
  std::string name = problem + "_" + std::string(DTypeName(dtype)) + "_" + std::string(LayoutName(layout));
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    BesideTheTiles, DsconvHost,
    testing::Combine(
        testing::Values(
            "n1c1k1h1w1r1",                                 // the least of everything
            "n2c200k130h9w8r3p1-b-mid.relu6",               // weights that do not stay in shared memory
            "n2c3k5h9w7r3p1-b-mid.relu6-out.relu",          // odd sizes, both biases
            "n1c17k33h8w8r3p1",                             // one past a chunk and a narrow tile
            "n1c33k130h9w9r3p1-bdw-mid.silu",               // one past a warp's channels and a wide tile
            "n3c8k16h7w7r3p1-bpw-out.hardswish",            // warps run on across images
            "n1c104k72h11w13r3p1st2-b-mid.relu6",           // slices of 32 channels, the last one short
            "n1c40k17h10w9r5p2-b-mid.relu",                 // a filter without a kernel of its own
            "n1c5k4h17w5r5s3p2x1st2x1",                     // not square, strides differ
            "n1c4k6h23w19r3p2d2x3",                         // dilations differ
            "n1c2k3h40w40r3p12d12-mid.hardswish-out.silu",  // a dilation that makes the tile sparse
            "n1c3k4h20w21r2st5",                            // stride over kernel
            "n1c2k3h13w12r11p5",                            // the largest kernel
            "n1c3k2h5w6r3p0x1x2x0"),                        // padding on some sides only
        testing::Values(ASSAY_F32, ASSAY_F16, ASSAY_BF16), testing::Values(ASSAY_NCHW, ASSAY_NHWC)),
    NameOf);

class DsconvConfigurations : public testing::TestWithParam<Parameter> {};

// What `assay tune` may choose has to be right, all of it.
TEST_P(DsconvConfigurations, EachIsRight) {
  const auto& [problem_id, dtype, layout] = GetParam();
  const std::unique_ptr<Device> device = MakeHostDevice();
  const Problem problem = FindOperator("dsconv")->ParseProblemId(problem_id);
  const assay_problem view = problem.View(dtype, layout);
  for (int i = 0; i < HostPack().table->num_variants; ++i) {
    const assay_variant& variant = HostPack().table->variants[i];
    const std::vector<Configuration> list = ConfigurationsOf(variant, view, device->info());
    if (!RefusalOnHost(variant, problem_id, dtype, layout).empty()) {
      EXPECT_THAT(list, testing::IsEmpty()) << variant.name;
      continue;
    }
    if (variant.configurations == nullptr) continue;
    ASSERT_FALSE(list.empty()) << variant.name;
    EXPECT_LE(list.size(), 64u) << variant.name << ": a few dozens can be timed";
    EXPECT_EQ(LocalPlan(variant, view, device->info(), list.front().text).Describe(),
              LocalPlan(variant, view, device->info()).Describe())
        << variant.name << ": the choice of create() stands first";
    for (const Configuration& configuration : list) {
      const Judgement judgement = JudgeOnHost(variant, problem_id, dtype, layout, configuration.text);
      EXPECT_EQ(judgement.verdict, Verdict::kRight)
          << variant.name << " " << configuration.text << ": " << judgement.reason;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryVariant, DsconvConfigurations,
    testing::Combine(testing::Values("n3c18k40h9w10r3p1-b-mid.relu6", "n1c72k136h7w5r5p2st2"),
                     testing::Values(ASSAY_F32, ASSAY_F16), testing::Values(ASSAY_NCHW, ASSAY_NHWC)),
    NameOf);

TEST(DsconvHostPack, RefusesAConfigurationThatItDoesNotOffer) {
  const std::unique_ptr<Device> device = MakeHostDevice();
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c16k16h8w8r3p1");
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NCHW);
  for (int i = 0; i < HostPack().table->num_variants; ++i) {
    const assay_variant* const variant = &HostPack().table->variants[i];
    if (std::string(variant->name) != "warp_shuffle") continue;
    try {
      LocalPlan plan(*variant, view, device->info(), "enormous");
      ADD_FAILURE() << variant->name << " took it";
    } catch (const VariantError& error) {
      EXPECT_THAT(error.what(),
                  testing::HasSubstr("found configuration \"enormous\"; allowed for this problem: "));
      EXPECT_THAT(error.what(), testing::HasSubstr("wide"));
    }
  }
}

TEST(DsconvHostPack, NamesItsVariantsOnce) {
  const Pack& pack = HostPack();
  std::vector<std::string> names;
  for (int i = 0; i < pack.table->num_variants; ++i) names.emplace_back(pack.table->variants[i].name);
  EXPECT_THAT(names, testing::ElementsAre(
                         "naive", "tiled", "warp_shuffle", "mma", "hopper", "hopper_sparse", "hopper_keep",
                         "hopper_strips", "hopper_rows", "hopper_wide", "hopper_l2", "hopper_phases",
                         "hopper_phases_tf32", "hopper_planes_tf32", "hopper_dilated",
                         "hopper_dilated_tf32", "hopper_dilated_tf32x3", "hopper_group", "hopper_small",
                         "few", "few_tf32", "few_tf32x3", "tf32", "tf32x3", "hopper_ffma", "hopper_tf32",
                         "hopper_tf32x3", "hopper_l2_tf32", "via_nhwc", "via_nhwc_tf32", "auto",
                         "auto_tf32"));
}

// Their plans count in 32 bits, and are made for a tile that is only asked for, too.
TEST(DsconvHostPack, FewRefusesMorePixelsThanItCanCount) {
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1048576c4k16h64w64r3p1");
  assay_device_info host{};
  host.backend = ASSAY_BACKEND_HOST;
  for (int i = 0; i < HostPack().table->num_variants; ++i) {
    const assay_variant& variant = HostPack().table->variants[i];
    const std::string name = variant.name;
    if (name != "few" && name != "few_tf32" && name != "few_tf32x3") continue;
    const assay_problem view = problem.View(name == "few" ? ASSAY_F16 : ASSAY_F32, ASSAY_NHWC);
    assay_message why{};
    EXPECT_NE(variant.supports(&view, &host, &why), 0) << name;
    EXPECT_THAT(std::string(why.text), testing::HasSubstr("is above 2^31 - 2^20"));
    assay_tile_axis axes[16];
    EXPECT_EQ(variant.tile(&view, &host, axes, 16), 0) << name;
  }
}

// Boundary tests ask for the tile of problems that the variant may refuse.
TEST(DsconvHostPack, SaysItsTileForWhatItRefusesToo) {
  assay_device_info h100{};
  h100.backend = ASSAY_BACKEND_CUDA;
  h100.compute_capability = 90;
  h100.num_sms = 132;
  h100.shared_bytes_per_block = 232448;
  for (const char* id :
       {"n1c4k17h11w11r11-bpw", "n1c1k1h1w1r1", "n2c40k7h11w12r3p0d4", "n1c3k5h9w8r7p3st2"}) {
    const Problem problem = FindOperator("dsconv")->ParseProblemId(id);
    for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      const assay_problem view = problem.View(ASSAY_F32, layout);
      for (int i = 0; i < HostPack().table->num_variants; ++i) {
        const assay_variant& variant = HostPack().table->variants[i];
        if (variant.tile == nullptr) continue;
        assay_tile_axis axes[16];
        const std::int32_t count = variant.tile(&view, &h100, axes, 16);
        EXPECT_GE(count, 0) << variant.name << " " << id;
        for (std::int32_t axis = 0; axis < std::min(count, 16); ++axis) EXPECT_GT(axes[axis].size, 0);
      }
    }
  }
}

TEST(DsconvHostPack, SaysWhichParameterIsTooLarge) {
  const assay_variant& naive = HostPack().table->variants[0];
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c3k4h50000w50000r1");
  assay_device_info device{};
  assay_message why{};
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NHWC);
  EXPECT_NE(naive.supports(&view, &device, &why), 0);
  EXPECT_THAT(why.text, testing::HasSubstr("h * w"));
}

}  // namespace
}  // namespace assay
