// What the variant `auto` picks: its table, its model and its promise, without a GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "harness/device/configurations.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/tune/table.h"
#include "kernels/dsconv/auto/model.h"
#include "kernels/dsconv/auto/table.h"
#include "kernels/promise.h"
#include "reference/operator.h"
#include "tests/kernels/dsconv_refusals.h"

namespace assay::dsconv::automatic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Operator& Dsconv() { return *FindOperator("dsconv"); }

Sizes Of(const std::string& id) {
  const Problem problem = Dsconv().ParseProblemId(id);
  return SizesOf(problem.View(ASSAY_F32, ASSAY_NCHW));
}

TEST(ParseSizes, ReadsEveryIdAsTheReferenceDoes) {
  std::vector<std::string> ids = {"n16c64k128h512w512r3p1",
                                  "n1c3k4h20w21r2st5",
                                  "n2c5k6h12w17r3s5p1x0x4x3st2x1d1x2-b-mid.relu-out.relu6",
                                  "n1c5k4h17w5r5s3p2x1st2x1",
                                  "n1c2k3h40w40r3p12d12-mid.hardswish-out.silu",
                                  "n8c2048k256h33w33r3p18d18-bdw-mid.relu",
                                  "n1c4k17h11w11r11-bpw"};
  for (const BoundaryProblem& each : Dsconv().BoundaryProblems({}))
    ids.push_back(Dsconv().ProblemId(each.problem));
  for (std::uint64_t seed = 1; seed <= 200; ++seed)
    ids.push_back(Dsconv().ProblemId(Dsconv().RandomProblem(seed)));
  for (const std::string& id : ids) {
    const std::optional<Sizes> sizes = ParseSizes(id);
    ASSERT_TRUE(sizes) << id;
    EXPECT_EQ(Values(*sizes), Values(Of(id))) << id;
  }
}

TEST(ParseSizes, IsNothingForWhatIsNoId) {
  for (const char* text : {"", "n1", "n1c8k8h9w9", "n1c8k8h9w9r3p", "n1c8k8h9w9r3q1", "n1c8k8h9w9r3-mid.tanh",
                           "n1c8k8h9w9r3p1 ", "n1c8k8h9w9r3p1x2x3", "n1c8k8h9w9r3st0", "x1c8k8h9w9r3"}) {
    EXPECT_FALSE(ParseSizes(text)) << text;
  }
}

TEST(ParseSizes, ItsViewIsTheProblemAgain) {
  const std::string id = "n2c5k6h12w17r3s5p1x0x4x3st2x1d1x2-b-mid.relu-out.relu6";
  const SizesView view(Of(id), ASSAY_F16, ASSAY_NHWC);
  const Problem problem = Dsconv().ParseProblemId(id);
  ASSERT_EQ(view.View().num_params, static_cast<std::int32_t>(problem.params.size()));
  for (std::size_t i = 0; i < problem.params.size(); ++i) {
    EXPECT_STREQ(view.View().params[i].name, problem.params[i].name);
    EXPECT_EQ(view.View().params[i].value, problem.params[i].value);
  }
  EXPECT_EQ(view.View().layout, ASSAY_NHWC);
}

TEST(ParseRow, ReadsWhatTheHarnessWrites) {
  TunedTable table;
  table.rows.push_back({"NVIDIA H100 80GB HBM3",
                        90,
                        132,
                        {"dsconv", "n2c8k16h9w9r3p1-b", "bf16", "nhwc"},
                        "mma",
                        "r4t2w2x4c64s2b1-resident",
                        12.345});
  std::string text = TunedTableText(table);
  text.pop_back();
  const std::string line = text.substr(text.rfind('\n') + 1);
  const std::optional<TableRow> row = ParseRow(line);
  ASSERT_TRUE(row) << line;
  EXPECT_EQ(row->gpu, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(row->capability, 90);
  EXPECT_EQ(row->sms, 132);
  EXPECT_EQ(row->sizes, Of("n2c8k16h9w9r3p1-b"));
  EXPECT_EQ(row->dtype, ASSAY_BF16);
  EXPECT_EQ(row->layout, ASSAY_NHWC);
  EXPECT_EQ(row->variant, "mma");
  EXPECT_EQ(row->configuration, "r4t2w2x4c64s2b1-resident");
  EXPECT_NEAR(row->us, 12.345, 1e-3);
}

TEST(ParseRow, IsNothingForWhatIsNoRow) {
  const std::string good = "H100,9.0,132,dsconv,n1c8k8h9w9r3p1,fp16,nhwc,mma,t4,1.5";
  ASSERT_TRUE(ParseRow(good));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"9.0", "new"},
                                                                                 {"132", "x"},
                                                                                 {"dsconv", "gemm"},
                                                                                 {"n1c8", "c8"},
                                                                                 {"fp16", "fp8"},
                                                                                 {"nhwc", "hwcn"},
                                                                                 {"1.5", "0"},
                                                                                 {"1.5", "nan"},
                                                                                 {",1.5", ""},
                                                                                 {"1.5", "1.5,"}}) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    EXPECT_FALSE(ParseRow(line)) << line;
  }
}

TEST(TheTableOfTheRepository, IsOneThatBothReadersTake) {
  std::size_t rows = 0;
  const TunedTable table = ReadTunedTable(TUNED_CSV);
  std::ifstream in(TUNED_CSV, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), TunedTableText(table)) << "it is as the program writes it";
  for (const TunedRow& row : table.rows) {
    TunedTable one;
    one.rows.push_back(row);
    std::string line = TunedTableText(one);
    line.pop_back();
    EXPECT_TRUE(ParseRow(line.substr(line.rfind('\n') + 1))) << row.key.Text();
    ++rows;
  }
  RecordProperty("rows", static_cast<int>(rows));
}

// Rows of one fp32 layer once sent all others to kernels that took 2 to 3 times as long as what the rule
// takes.
TEST(TheTableOfTheRepository, HoldsNoDtypeAndLayoutByAFewProblems) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> problems;
  for (const TunedRow& row : ReadTunedTable(TUNED_CSV).rows) {
    problems[{row.key.dtype, row.key.layout}].insert(row.key.problem);
  }
  EXPECT_FALSE(problems.empty());
  for (const auto& [kind, of_kind] : problems) {
    EXPECT_GE(of_kind.size(), 10u) << kind.first << " " << kind.second;
  }
}

// Rows by hand; the strings live as long as the test.
struct Rows {
  std::vector<std::string> lines;
  std::vector<TableRow> all;

  void Add(const std::string& problem, const std::string& variant, const std::string& configuration,
           double us, const std::string& gpu = "H100,9.0,132", const std::string& kind = "fp16,nhwc") {
    lines.reserve(1000);
    lines.push_back(gpu + ",dsconv," + problem + "," + kind + "," + variant + "," + configuration + "," +
                    std::to_string(us));
    all.push_back(ParseRow(lines.back()).value());
  }
};

assay_device_info Device(const char* name, int capability, int sms) {
  assay_device_info device{};
  device.backend = ASSAY_BACKEND_CUDA;
  device.compute_capability = capability;
  device.num_sms = sms;
  std::strcpy(device.name, name);
  return device;
}

TEST(RowsFor, TakesTheGpuItselfOrTheOneMostLikeIt) {
  Rows rows;
  rows.Add("n1c8k8h9w9r3p1", "mma", "itself", 1);
  rows.Add("n1c8k8h9w9r3p1", "mma", "pcie", 1, "H100 PCIe,9.0,114");
  rows.Add("n1c8k8h9w9r3p1", "mma", "a100", 1, "A100,8.0,108");
  const auto taken = [&](const char* name, int capability, int sms) -> std::string {
    const std::vector<TableRow> list =
        RowsFor(rows.all, Device(name, capability, sms), ASSAY_F16, ASSAY_NHWC);
    return list.size() == 1 ? std::string(list[0].configuration) : std::to_string(list.size());
  };
  EXPECT_EQ(taken("H100", 90, 132), "itself");
  EXPECT_EQ(taken("A100", 80, 108), "a100");
  EXPECT_EQ(taken("H200", 90, 132), "itself");
  EXPECT_EQ(taken("H100 NVL", 90, 120), "pcie");
  EXPECT_EQ(taken("B200", 100, 148), "0");
  EXPECT_EQ(taken("", 0, 2), "0");
}

TEST(RowsFor, TakesOfEachProblemWhatIsNearest) {
  Rows rows;
  rows.Add("n1c8k8h9w9r3p1", "mma", "other gpu", 1);
  rows.Add("n1c8k8h9w9r3p1", "mma", "itself", 1, "H200,9.0,132");
  rows.Add("n2c8k8h9w9r3p1", "mma", "only there", 1);
  std::vector<std::string> taken;
  for (const TableRow& row : RowsFor(rows.all, Device("H200", 90, 132), ASSAY_F16, ASSAY_NHWC)) {
    taken.emplace_back(row.configuration);
  }
  EXPECT_THAT(taken, testing::ElementsAre("itself", "only there"));
}

TEST(RowsFor, TakesTheOther16BitsWhereThereAreNone) {
  Rows rows;
  rows.Add("n1c8k8h9w9r3p1", "mma", "half", 1);
  rows.Add("n1c8k8h9w9r3p1", "tiled", "single", 1, "H100,9.0,132", "fp32,nhwc");
  const assay_device_info device = Device("H100", 90, 132);
  EXPECT_EQ(RowsFor(rows.all, device, ASSAY_BF16, ASSAY_NHWC).at(0).configuration, "half");
  EXPECT_EQ(RowsFor(rows.all, device, ASSAY_F32, ASSAY_NHWC).at(0).configuration, "single");
  EXPECT_THAT(RowsFor(rows.all, device, ASSAY_F16, ASSAY_NCHW), IsEmpty());
  rows.Add("n1c8k8h9w9r3p1", "mma", "brain", 1, "H100,9.0,132", "bf16,nhwc");
  EXPECT_EQ(RowsFor(rows.all, device, ASSAY_BF16, ASSAY_NHWC).at(0).configuration, "brain");
}

class RankTest : public testing::Test {
 protected:
  std::vector<std::string> Rank(const std::string& problem) {
    picks_ =
        RankPicks(Of(problem), ASSAY_NHWC, rows_.all, offers_, [&](const TableRow& row) -> const Offers& {
          const auto found = elsewhere_.find(std::string(row.problem));
          return found != elsewhere_.end() ? found->second : offers_;
        });
    std::vector<std::string> names;
    for (const Pick& pick : picks_) names.push_back(pick.variant + " " + pick.configuration);
    return names;
  }
  Rows rows_;
  Offers offers_ = {{"mma", "a", 0}, {"mma", "b", 0}, {"mma", "c", 0}, {"tiled", "d", 0}};
  std::map<std::string, Offers> elsewhere_;
  std::vector<Pick> picks_;
};

TEST_F(RankTest, AProblemOfTheTableIsTakenFromIt) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  rows_.Add("n1c64k64h56w56r3p1", "tiled", "d", 9);
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "tiled d");
  EXPECT_EQ(picks_.front().by, Pick::By::kTable);
  EXPECT_EQ(picks_.front().us, 9);
}

TEST_F(RankTest, WhatIsNotOfferedAnyMoreIsNotTaken) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "gone", 5);
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b");
  rows_ = {};
  rows_.Add("n1c64k64h56w56r3p1", "mma", "gone", 5);
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma a") << "its own choice, by the model";
  EXPECT_EQ(picks_.front().by, Pick::By::kModel);
}

TEST_F(RankTest, AnotherProblemIsTakenFromTheNearest) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  rows_.Add("n1c64k64h56w56r3p1", "tiled", "d", 20);
  rows_.Add("n128c512k512h14w14r3p1", "mma", "c", 100);
  rows_.Add("n128c512k512h14w14r3p1", "tiled", "d", 50);
  EXPECT_EQ(Rank("n1c64k64h57w55r3p1").front(), "mma b");
  EXPECT_EQ(picks_.front().by, Pick::By::kModel);
  EXPECT_EQ(picks_.front().nearest, "n1c64k64h56w56r3p1");
  EXPECT_NEAR(picks_.front().us, 10, 2);
  EXPECT_EQ(Rank("n120c512k512h14w14r3p1").front(), "tiled d");
  EXPECT_NEAR(picks_.front().us, 50, 10);
}

TEST_F(RankTest, AnActivationMoreOrLessChangesLittle) {
  rows_.Add("n1c64k64h56w56r3p1-b-mid.relu6", "mma", "b", 10);
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b");
  EXPECT_NEAR(picks_.front().us, 10, 0.1);
}

TEST_F(RankTest, ItsOwnChoiceIsTakenOverWhatNobodyKnowsAndNotOverWhatWon) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  EXPECT_THAT(Rank("n1c64k64h58w58r3p1"), ElementsAre("mma b", "mma a")) << "c and d are known nowhere";
  EXPECT_NEAR(picks_[1].us / picks_[0].us, kNotKept, 1e-9);
}

// b wins there, but its tile is wasted on the problem that is asked about: its variant's own model says so.
TEST_F(RankTest, TheVariantsOwnModelSaysWhatATileWastes) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  rows_.Add("n1c64k64h56w56r3p1", "mma", "c", 11);
  offers_ = {{"mma", "a", 110}, {"mma", "b", 200}, {"mma", "c", 115}};
  elsewhere_["n1c64k64h56w56r3p1"] = {{"mma", "a", 100}, {"mma", "b", 100}, {"mma", "c", 100}};
  EXPECT_THAT(Rank("n1c64k64h58w58r3p1"), ElementsAre("mma a", "mma c", "mma b"));
  const double far =
      std::exp(kFar * Distance(Of("n1c64k64h58w58r3p1"), Of("n1c64k64h56w56r3p1"), ASSAY_NHWC));
  EXPECT_NEAR(picks_[0].us, far * 110 * 10 * kNotKept / 100, 1e-9);
  EXPECT_NEAR(picks_[1].us, far * 115 * 11 / 100.0, 1e-9);
  EXPECT_NEAR(picks_[2].us, far * 200 * 10 / 100.0, 1e-9);
}

// mma is known from the problem itself but for one pixel, tiled from one with four times the channels.
TEST_F(RankTest, WhatIsKnownFromNearByIsPreferred) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  rows_.Add("n1c256k64h56w56r3p1", "tiled", "d",
            10 * Floor(Of("n1c256k64h56w56r3p1"), ASSAY_F16) / Floor(Of("n1c64k64h56w56r3p1"), ASSAY_F16));
  EXPECT_EQ(Rank("n1c64k64h56w57r3p1").front(), "mma b");
}

// What was tried and lost although its model liked it best is not better for being liked again.
TEST_F(RankTest, AModelThatWasWrongThereIsNotBelievedHere) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  offers_ = {{"mma", "a", 50}, {"mma", "b", 100}};
  elsewhere_["n1c64k64h56w56r3p1"] = offers_;
  EXPECT_THAT(Rank("n1c64k64h58w58r3p1"), ElementsAre("mma b", "mma a"));
}

// A kernel that came after the table was made has only its own model to speak for it.
TEST_F(RankTest, AVariantWithoutRowsIsTakenByItsOwnModelWhereThatSaysLess) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 10);
  offers_ = {{"mma", "a", 0}, {"mma", "b", 0}, {"young", "x", 9}, {"young", "y", 8}};
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "young x") << "its own choice";
  EXPECT_EQ(picks_.front().by, Pick::By::kOwnModel);
  offers_[2].cost = 9.8;
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b") << "predictions err by more than 2 %";
  offers_[2].cost = 11;
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b");
  offers_[2].cost = 0;
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b") << "it does not say";
}

// It came after this problem was tuned, and was tried only where something similar was tuned later.
TEST_F(RankTest, AVariantThatWasNotTriedThereCountsAsPredictedFromNearBy) {
  rows_.Add("n128c64k64h56w56r3p1", "mma", "b", 100);
  rows_.Add("n128c128k64h56w56r3p1", "tiled", "d", 50);
  EXPECT_EQ(Rank("n128c64k64h56w56r3p1").front(), "tiled d");
  EXPECT_EQ(picks_.front().by, Pick::By::kModel);
  rows_.Add("n128c64k64h56w56r3p1", "tiled", "gone", 300);
  EXPECT_EQ(Rank("n128c64k64h56w56r3p1").front(), "mma b") << "it was tried, and lost";
}

TEST_F(RankTest, WhatWasNotTriedIsNotPredictedFromFarAway) {
  rows_.Add("n1c64k64h56w56r3p1", "mma", "b", 100);
  rows_.Add("n128c64k64h56w56r3p1", "tiled", "d", 1);
  EXPECT_EQ(Rank("n1c64k64h56w56r3p1").front(), "mma b");
}

TEST_F(RankTest, WithoutRowsThereIsNothingToRank) {
  EXPECT_THAT(Rank("n1c64k64h56w56r3p1"), IsEmpty());
  rows_.Add("n1c64k64h56w56r3p1", "hopper", "x", 1);
  EXPECT_THAT(Rank("n1c64k64h56w56r3p1"), IsEmpty()) << "of nothing that is offered";
}

TEST(RankByRule, IsInTheOrderOfKindsWithOwnChoices) {
  const std::vector<Pick> picks = RankByRule(
      {{"naive", "", 0}, {"mine", "x", 0}, {"mma", "a", 0}, {"mma", "b", 0}, {"hopper", "c", 0}}, ASSAY_NHWC);
  std::vector<std::string> names;
  for (const Pick& pick : picks) names.push_back(pick.variant + " " + pick.configuration);
  EXPECT_THAT(names, ElementsAre("hopper c", "mma a", "naive ", "mine x"));
}

TEST(RankByRule, GoesByCostsAmongThoseOnMatrixUnitsThatSayOne) {
  const auto first = [](const Offers& offers, assay_layout layout = ASSAY_NHWC) {
    return RankByRule(offers, layout).front().variant;
  };
  EXPECT_EQ(first({{"tiled", "t", 0}, {"mma", "a", 5}, {"hopper", "c", 11}}), "mma");
  EXPECT_EQ(first({{"tiled", "t", 0}, {"mma", "a", 10}, {"hopper", "c", 11}}), "hopper")
      << "mma takes longer than it says by more";
  EXPECT_EQ(first({{"tiled", "t", 0}, {"mma", "a", 12}, {"hopper", "c", 11}}), "hopper");
  EXPECT_EQ(first({{"tiled", "t", 1}, {"mma", "a", 10}, {"hopper", "c", 0}}), "mma");
  EXPECT_EQ(first({{"mma", "a", 10}, {"few", "c", 20}}), "mma");
  EXPECT_EQ(first({{"mma", "a", 10}, {"few", "c", 20}}, ASSAY_NCHW), "few")
      << "what mma says leaves out how it reads planes";
  EXPECT_EQ(first({{"tiled", "t", 1}, {"mma", "a", 0}, {"hopper", "c", 0}}), "hopper");
}

TEST(Distance, GrowsWithWhatDecidesAboutTiles) {
  const Sizes base = Of("n8c64k64h56w56r3p1");
  EXPECT_EQ(Distance(base, base, ASSAY_NHWC), 0);
  const auto to = [&](const char* id, assay_layout layout = ASSAY_NHWC) {
    return Distance(base, Of(id), layout);
  };
  EXPECT_LT(to("n8c64k64h56w56r3p1-b"), to("n8c64k64h56w56r3p1-b-mid.relu"));
  EXPECT_LT(to("n8c64k64h56w56r3p1-b-mid.relu"), to("n8c64k64h56w56r3p1-b-mid.silu"));
  EXPECT_LT(to("n8c64k72h56w56r3p1"), to("n8c64k128h56w56r3p1"));
  EXPECT_LT(to("n8c72k64h56w56r3p1"), to("n8c68k64h56w56r3p1")) << "no vectors of 8 channels";
  EXPECT_GT(to("n8c72k64h56w56r3p1", ASSAY_NCHW), to("n8c68k64h56w56r3p1", ASSAY_NCHW));
}

class AutoOnHost : public testing::Test {
 protected:
  AutoOnHost() : pack_(OpenPack(DSCONV_HOST_PACK)), device_(MakeHostDevice()) {
    for (int i = 0; i < pack_.table->num_variants; ++i) {
      const assay_variant& variant = pack_.table->variants[i];
      const std::string name = variant.name;
      (name == "auto" ? auto_ : name == "auto_tf32" ? auto_tf32_ : others_.emplace_back()) = variant;
    }
  }
  std::string PlanOf(const std::string& id, assay_dtype dtype) { return PlanOf(auto_, id, dtype); }
  std::string PlanOf(const assay_variant& picker, const std::string& id, assay_dtype dtype) {
    const Problem problem = Dsconv().ParseProblemId(id);
    return LocalPlan(picker, problem.View(dtype, ASSAY_NHWC), device_->info()).Describe();
  }
  Pack pack_;
  std::unique_ptr<assay::Device> device_;
  assay_variant auto_{}, auto_tf32_{};
  std::vector<assay_variant> others_;
};

TEST_F(AutoOnHost, PicksByRuleWhatKeepsItsPromise) {
  EXPECT_THAT(PlanOf("n1c16k16h8w8r3p1", ASSAY_F16), testing::StartsWith("hopper_small "));
  EXPECT_THAT(PlanOf("n1c12k16h8w8r3p1", ASSAY_F16), testing::StartsWith("few "));
  EXPECT_THAT(PlanOf("n1c16k16h8w8r3p1", ASSAY_F16), HasSubstr(", by rule: the table has nothing like it: "));
  EXPECT_THAT(PlanOf("n1c16k16h8w8r3p1", ASSAY_F32), testing::StartsWith("tf32x3 "));
}

TEST_F(AutoOnHost, TakesTf32OnlyByTheNameThatSaysSo) {
  EXPECT_THAT(PlanOf(auto_tf32_, "n1c16k16h8w8r3p1", ASSAY_F32), testing::StartsWith("tf32 "));
  for (const assay_variant& other : others_) {
    if (!DueRefusal(other.name, ASSAY_F32).empty()) continue;
    const std::string_view name = other.name;
    const bool makes_nan = name == "tf32x3" || name == "few_tf32x3" || name == "via_nhwc";
    EXPECT_EQ(Covers(auto_tf32_.promise(ASSAY_F32), other.promise(ASSAY_F32)), !makes_nan)
        << other.name << ", which makes NaN of an infinity";
  }
  const Problem problem = Dsconv().ParseProblemId("n1c16k16h8w8r3p1");
  for (const assay_dtype dtype : {ASSAY_F16, ASSAY_BF16}) {
    assay_message why{};
    const assay_problem view = problem.View(dtype, ASSAY_NHWC);
    EXPECT_NE(auto_tf32_.supports(&view, &device_->info(), &why), 0);
    EXPECT_STREQ(why.text, "fp16 and bf16 are not taken; fp32 is");
  }
}

// What a variant says that a launch costs is held against what others say.
TEST_F(AutoOnHost, CostsAreOfAllInputChannels) {
  int costs = 0;
  for (const assay_variant& other : others_) {
    for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16}) {
      const auto cost_of = [&](const char* id) {
        const Problem problem = Dsconv().ParseProblemId(id);
        const assay_problem view = problem.View(dtype, ASSAY_NHWC);
        assay_message why{};
        if (other.configurations == nullptr || other.supports(&view, &device_->info(), &why) != 0) return 0.0;
        return ConfigurationsOf(other, view, device_->info()).at(0).cost;
      };
      const double few = cost_of("n16c128k64h28w28r3p1"), many = cost_of("n16c1024k64h28w28r3p1");
      if (few <= 0 || many <= 0) continue;
      ++costs;
      EXPECT_GT(many, 3 * few) << other.name << ", of eight times the channels";
    }
  }
  EXPECT_GE(costs, 3);
}

TEST_F(AutoOnHost, IsNoCandidateOfASearchAndCoversWhatItMayPick) {
  EXPECT_EQ(auto_.configurations, nullptr);
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (const assay_variant& other : others_) {
      const std::string refusal = DueRefusal(other.name, dtype);
      if (!refusal.empty() && refusal != "needs sm_90a") continue;  // it may not be asked for this dtype
      const std::string_view name = other.name;
      const bool of_floats = name.find("tf32") != name.npos;  // alone, on any device
      if (name.starts_with("hopper") && (dtype == ASSAY_F32 || of_floats)) continue;
      const bool rounds_more = name == "tf32" || name == "few_tf32" || name == "via_nhwc_tf32";
      EXPECT_EQ(Covers(auto_.promise(dtype), other.promise(dtype)), !rounds_more)
          << other.name << " " << dtype;
    }
  }
}

TEST_F(AutoOnHost, RefusesOnlyWhatEverybodyRefuses) {
  const Problem problem = Dsconv().ParseProblemId("n1c3k4h50000w50000r1");
  assay_message why{};
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NHWC);
  EXPECT_NE(auto_.supports(&view, &device_->info(), &why), 0);
  EXPECT_THAT(why.text, HasSubstr("h * w"));
}

#ifdef DSCONV_CUDA_PACK
// A tile is chosen on the host, so a GPU's can be looked at without one.
TEST(CudaPack, OffersAnH100WhatCanBeMadeAndToldApart) {
  const Pack pack = OpenPack(DSCONV_CUDA_PACK);
  ASSERT_EQ(pack.unavailable, "");
  assay_device_info h100 = Device("NVIDIA H100 80GB HBM3", 90, 132);
  h100.shared_bytes_per_block = 227 * 1024;
  h100.l2_bytes = std::int64_t{50} << 20;
  for (const char* id :
       {"n1c32k64h112w112r3p1", "n128c512k512h14w14r3p1-b-mid.relu6", "n32c960k160h7w7r3p1-b-mid.silu",
        "n16c240k40h28w28r5p2", "n8c96k96h56w56r7p3", "n128c1024k2048h10w10r3p1", "n8c2048k256h33w33r3p12d12",
        "n3c13k7h17w19r3p1st2", "n2c256k256h28w28r3p1", "n1c1k1h1w1r1"}) {
    const Problem problem = Dsconv().ParseProblemId(id);
    for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
        const assay_problem view = problem.View(dtype, layout);
        for (int i = 0; i < pack.table->num_variants; ++i) {
          const assay_variant& variant = pack.table->variants[i];
          assay_message why{};
          if (variant.supports(&view, &h100, &why) != 0) continue;
          const std::string own = LocalPlan(variant, view, h100).Describe();
          if (variant.configurations == nullptr) continue;
          const std::vector<Configuration> list = ConfigurationsOf(variant, view, h100);
          ASSERT_FALSE(list.empty()) << variant.name << " " << id;
          EXPECT_LE(list.size(), 64u) << variant.name << " " << id << ": a few dozens can be timed";
          EXPECT_EQ(LocalPlan(variant, view, h100, list.front().text).Describe(), own)
              << variant.name << " " << id;
          for (const Configuration& configuration : list) LocalPlan(variant, view, h100, configuration.text);
        }
      }
    }
  }
}
#endif

}  // namespace
}  // namespace assay::dsconv::automatic
