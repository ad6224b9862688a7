// A .cu file as a host pack, opened as the harness opens it: the program sees the pack's faults and sets its
// lane order.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "harness/simt/simt.h"

namespace assay::simt {
namespace {

class ProbePack : public testing::Test {
 protected:
  void SetUp() override {
    library_ = dlopen(PROBE_PACK, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
  }
  void TearDown() override {
    SetOptions({});
    if (library_ == nullptr) return;
    EXPECT_EQ(dlclose(library_), 0);
  }
  template <class Fn>
  Fn* Symbol(const char* name) {
    void* symbol = dlsym(library_, name);
    EXPECT_NE(symbol, nullptr) << name;
    return reinterpret_cast<Fn*>(symbol);
  }

  void* library_ = nullptr;
};

TEST_F(ProbePack, RunsOnSeveralThreads) {
  auto* reverse = Symbol<int(const int*, int*, unsigned)>("probe_reverse");
  std::vector<int> in(64 * 20);
  std::iota(in.begin(), in.end(), 0);
  for (const int threads : {1, 3}) {
    for (const LaneOrder order : {LaneOrder::kForward, LaneOrder::kReversed, LaneOrder::kShuffled}) {
      SetOptions({.order = order, .seed = 5, .threads = threads});
      std::vector<int> out(in.size());
      ASSERT_EQ(reverse(in.data(), out.data(), 20), 0) << LastFault();
      for (int i = 0; i < static_cast<int>(in.size()); ++i) ASSERT_EQ(out[i], i / 64 * 64 + 63 - i % 64);
    }
  }
}

TEST_F(ProbePack, ItsFaultsReachTheProgram) {
  auto* diverge = Symbol<int()>("probe_diverge");
  EXPECT_EQ(diverge(), 719);  // cudaErrorLaunchFailure
  EXPECT_THAT(LastFault(), testing::HasSubstr("divergent barrier"));
  EXPECT_THAT(LastFault(), testing::HasSubstr("probe_pack.cu:"));
}

}  // namespace
}  // namespace assay::simt
