// The configs that come with the project: each loads, and holds what it says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "harness/config/config.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

const std::filesystem::path kConfigs = ASSAY_CONFIGS_DIR;

Catalog RealCatalog() {
  return {{{"dsconv", "naive", false},
           {"dsconv", "tiled", false},
           {"dsconv", "warp_shuffle", false},
           {"dsconv", "mma", false},
           {"dsconv", "hopper", false},
           {"dsconv", "hopper_sparse", false},
           {"dsconv", "hopper_keep", false},
           {"dsconv", "hopper_strips", false},
           {"dsconv", "hopper_rows", false},
           {"dsconv", "hopper_wide", false},
           {"dsconv", "hopper_l2", false},
           {"dsconv", "hopper_phases", false},
           {"dsconv", "hopper_phases_tf32", false},
           {"dsconv", "hopper_planes_tf32", false},
           {"dsconv", "hopper_dilated", false},
           {"dsconv", "hopper_dilated_tf32", false},
           {"dsconv", "hopper_dilated_tf32x3", false},
           {"dsconv", "hopper_group", false},
           {"dsconv", "hopper_small", false},
           {"dsconv", "few", false},
           {"dsconv", "few_tf32", false},
           {"dsconv", "few_tf32x3", false},
           {"dsconv", "tf32", false},
           {"dsconv", "tf32x3", false},
           {"dsconv", "hopper_ffma", false},
           {"dsconv", "hopper_tf32", false},
           {"dsconv", "hopper_tf32x3", false},
           {"dsconv", "hopper_l2_tf32", false},
           {"dsconv", "auto", false},
           {"dsconv", "auto_tf32", false},
           {"dsconv", "cudnn", true},
           {"dsconv", "two_kernel_best", true},
           {"dsconv", "cudnn_tf32", true},
           {"dsconv", "two_kernel_best_tf32", true}}};
}

Sweep Load(const std::string& name) { return LoadSweep(kConfigs / (name + ".yaml"), RealCatalog()); }

// 3 dtypes, 2 layouts, 30 kernels and 2 baselines.
constexpr std::size_t kPerProblem = 3 * 2 * (30 + 2);

// One case a problem.
std::vector<Case> Problems(const Sweep& sweep) {
  std::vector<Case> problems;
  for (std::size_t i = 0; i < sweep.cases.size(); i += kPerProblem) problems.push_back(sweep.cases[i]);
  return problems;
}

// "144->32@28s2", as design notes and papers write layers: the side is that of the output.
std::string Layer(const Problem& problem) {
  EXPECT_EQ(problem.Get("p"), problem.Get("q"));
  EXPECT_EQ(problem.Get("h"), problem.Get("w"));
  const auto stride = problem.Get("stride_h");
  return fmt::format("{}->{}@{}{}", problem.Get("c"), problem.Get("k"), problem.Get("p"),
                     stride == 1 ? "" : fmt::format("s{}", stride));
}

std::vector<std::string> Layers(const Sweep& sweep, std::int64_t n) {
  std::vector<std::string> layers;
  for (const Case& c : Problems(sweep)) {
    if (c.problem.Get("n") == n) layers.push_back(Layer(c.problem));
  }
  return layers;
}

TEST(Shipped, EveryConfigLoads) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kConfigs)) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_NO_THROW({
      const Sweep sweep = LoadSweep(entry.path(), RealCatalog());
      EXPECT_EQ(sweep.name, entry.path().stem());
    }) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 10);
}

TEST(Shipped, EveryTableIsUsed) {
  std::set<std::string> labels;
  for (const char* name : {"mobilenet", "xception", "deeplab", "held_out"}) {
    for (const Case& c : Load(name).cases) labels.insert(c.label.substr(0, c.label.find(' ')));
  }
  EXPECT_THAT(labels, testing::IsSupersetOf({"DeepLabV3+", "EfficientNet-Lite4", "MnasNet-B1", "MobileNetV1",
                                             "MobileNetV2", "Xception"}));
}

TEST(Shipped, CaseCounts) {
  EXPECT_EQ(Load("quick").cases.size(), 14 * kPerProblem);
  EXPECT_EQ(Load("mobilenet").cases.size(), (9 + 12) * 2 * kPerProblem);  // V1 and V2, n 1 and 128
  EXPECT_EQ(Load("xception").cases.size(), 10 * 2 * kPerProblem);
  EXPECT_EQ(Load("deeplab").cases.size(), 3 * 2 * kPerProblem);
  EXPECT_EQ(Load("kernelbench86").cases.size(), 2 * kPerProblem);
}

// arXiv 1704.04861, Table 1, then arXiv 1801.04381, Table 2.
TEST(Shipped, MobileNetLayers) {
  const Sweep sweep = Load("mobilenet");
  const auto expected =
      ElementsAre("32->64@112", "64->128@56s2", "128->128@56", "128->256@28s2", "256->256@28",
                  "256->512@14s2", "512->512@14", "512->1024@7s2", "1024->1024@7",  //
                  "32->16@112", "96->24@56s2", "144->24@56", "144->32@28s2", "192->32@28", "192->64@14s2",
                  "384->64@14", "384->96@14", "576->96@14", "576->160@7s2", "960->160@7", "960->320@7");
  EXPECT_THAT(Layers(sweep, 1), expected);
  EXPECT_THAT(Layers(sweep, 128), expected);
  for (const Case& c : Problems(sweep)) {
    const std::string id = c.problem.op->ProblemId(c.problem);
    EXPECT_TRUE(id.ends_with(c.label.starts_with("MobileNetV1") ? "-b-mid.relu6-out.relu6" : "-b-mid.relu6"))
        << id;
    EXPECT_EQ(c.label.ends_with("/s2"), c.problem.Get("stride_h") == 2) << c.label;
  }
}

// arXiv 1610.02357, Figure 5.
TEST(Shipped, XceptionLayers) {
  const Sweep sweep = Load("xception");
  EXPECT_THAT(Layers(sweep, 1),
              ElementsAre("64->128@147", "128->128@147", "128->256@74", "256->256@74", "256->728@37",
                          "728->728@37", "728->728@19", "728->1024@19", "1024->1536@10", "1536->2048@10"));
  EXPECT_EQ(Layers(sweep, 32), Layers(sweep, 1));
  for (const Case& c : Problems(sweep)) {
    for (const char* param : {"bias_dw", "bias_pw", "act_mid", "act_out"})
      EXPECT_EQ(c.problem.Get(param), 0) << c.label;
  }
}

// arXiv 1802.02611.
TEST(Shipped, DeepLabLayers) {
  const Sweep sweep = Load("deeplab");
  EXPECT_THAT(Layers(sweep, 8), ElementsAre("2048->256@33", "2048->256@33", "2048->256@33"));
  std::set<std::int64_t> dilations;
  for (const Case& c : Problems(sweep)) dilations.insert(c.problem.Get("dilation_h"));
  EXPECT_THAT(dilations, ElementsAre(6, 12, 18));
}

TEST(Shipped, KernelBenchInBothSizes) {
  const std::vector<Case> problems = Problems(Load("kernelbench86"));
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].Id(), "dsconv/n16c64k128h512w512r3p1/fp32/nchw/naive");
  EXPECT_EQ(problems[1].Id(), "dsconv/n16c3k64h256w256r3/fp32/nchw/naive");
}

// What is held out may not have been tuned.
TEST(Shipped, HeldOutProblemsAreNotTuned) {
  std::set<std::string> tuned, held_out;
  const auto id = [](const Case& c) {
    const std::string whole = c.problem.op->ProblemId(c.problem);
    return whole.substr(0, whole.find('-'));  // whatever its biases and activations
  };
  for (const Case& c : Load("tune").cases) tuned.insert(id(c));
  for (const Case& c : Load("held_out").cases) held_out.insert(id(c));
  EXPECT_GE(held_out.size(), 30u);
  EXPECT_LE(held_out.size(), 50u);
  for (const std::string& each : held_out) EXPECT_FALSE(tuned.contains(each)) << each;
  for (const Case& c : Load("suite").cases) EXPECT_TRUE(tuned.contains(id(c))) << c.Id();
}

// tensorflow/tpu, mnasnet_models.py and efficientnet_lite_builder.py.
TEST(Shipped, MnasNetAndEfficientNetLiteLayers) {
  std::vector<std::string> mnasnet, lite;
  std::set<std::string> seen;
  for (const Case& c : Load("held_out").cases) {
    const bool is_mnasnet = c.label.starts_with("MnasNet");
    if ((!is_mnasnet && !c.label.starts_with("EfficientNet")) || !seen.insert(c.label).second) continue;
    (is_mnasnet ? mnasnet : lite).push_back(fmt::format("{}k{}", Layer(c.problem), c.problem.Get("r")));
  }
  EXPECT_THAT(mnasnet, ElementsAre("32->16@112k3", "48->24@56s2k3", "72->24@56k3", "72->40@28s2k5",
                                   "120->40@28k5", "240->80@14s2k5", "480->80@14k5", "480->96@14k3",
                                   "576->96@14k3", "576->192@7s2k5", "1152->192@7k5", "1152->320@7k3"));
  EXPECT_THAT(lite, ElementsAre("32->24@150k3", "144->32@75s2k3", "192->32@75k3", "192->56@38s2k5",
                                "336->56@38k5", "336->112@19s2k3", "672->112@19k3", "672->160@19k5",
                                "960->160@19k5", "960->272@10s2k5", "1632->272@10k5", "1632->448@10k3"));
}

// quick.yaml must be over in two minutes on two CPU cores, where `naive` computes each depthwise result once
// for every output channel.
TEST(Shipped, QuickIsSmallAndNasty) {
  const std::vector<Case> problems = Problems(Load("quick"));
  double total = 0;
  for (const Case& c : problems) {
    double products = 1;
    for (const char* param : {"n", "k", "p", "q", "c", "r", "s"})
      products *= static_cast<double>(c.problem.Get(param));
    EXPECT_LE(products, 5e6) << c.label;
    total += products;
  }
  EXPECT_LE(total, 15e6);
  const auto some = [&](auto holds) {
    return std::any_of(problems.begin(), problems.end(), [&](const Case& c) { return holds(c.problem); });
  };
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("c") == 1; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("k") % 2 == 1 && p.Get("c") % 2 == 1; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("n") > 1; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("stride_h") == 2 && p.Get("stride_w") == 2; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("dilation_h") > 1; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("r") == 5 && p.Get("s") == 5; }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("r") != p.Get("s"); }));
  EXPECT_TRUE(some([](const Problem& p) { return p.Get("pad_top") != p.Get("pad_bottom"); }));
  for (const char* param : {"bias_dw", "bias_pw", "act_mid", "act_out"}) {
    EXPECT_TRUE(some([&](const Problem& p) { return p.Get(param) != 0; })) << param;
    EXPECT_TRUE(some([&](const Problem& p) { return p.Get(param) == 0; })) << param;
  }
}

TEST(Shipped, IdsComeBack) {
  for (const Case& c : Load("quick").cases) EXPECT_EQ(ParseCaseId(c.Id(), RealCatalog()).Id(), c.Id());
}

}  // namespace
}  // namespace assay
