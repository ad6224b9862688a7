// What the tests of the host device share: launching in one line, and running in each lane order.
#pragma once

#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "harness/simt/simt.h"
#include "kernels/device/shared_memory.h"

namespace assay::simt {

template <class... E, class... A>
cudaError_t RunKernel(dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(E...),
                      A&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  return cudaLaunchKernelEx(&config, kernel, std::forward<A>(arguments)...);
}

inline void UseOrder(LaneOrder order, std::uint64_t seed = 0, int threads = 1) {
  SetOptions({.order = order, .seed = seed, .threads = threads});
}

// A test that runs in each lane order, and in three shuffled ones.
struct OrderCase {
  const char* name;
  LaneOrder order;
  std::uint64_t seed;
};

inline void PrintTo(const OrderCase& order, std::ostream* out) { *out << order.name; }

class InEachOrder : public testing::TestWithParam<OrderCase> {
 protected:
  void SetUp() override { UseOrder(GetParam().order, GetParam().seed); }
  void TearDown() override {
    cudaGetLastError();
    SetOptions({});
  }
};

inline auto AllOrders() {
  return testing::Values(
      OrderCase{"Forward", LaneOrder::kForward, 0}, OrderCase{"Reversed", LaneOrder::kReversed, 0},
      OrderCase{"Shuffled1", LaneOrder::kShuffled, 1}, OrderCase{"Shuffled2", LaneOrder::kShuffled, 2},
      OrderCase{"Shuffled3", LaneOrder::kShuffled, 3});
}

inline std::string OrderName(const testing::TestParamInfo<OrderCase>& info) { return info.param.name; }

// Launches went well: the error code and, if they did not, the report.
#define EXPECT_RUNS(...) EXPECT_EQ((__VA_ARGS__), cudaSuccess) << ::assay::simt::LastFault()

}  // namespace assay::simt
