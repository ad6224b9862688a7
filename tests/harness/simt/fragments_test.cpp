// Matrix products and loads of a warp: layouts as the PTX ISA draws them, written down here a second time.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "tests/harness/simt/kernel_test.h"

namespace assay::simt {
namespace {

using testing::HasSubstr;

class Fragments : public InEachOrder {};
INSTANTIATE_TEST_SUITE_P(Orders, Fragments, AllOrders(), OrderName);

// Small integers, no two rows or columns alike: every sum of products is exact.
float ElementOfA(int row, int k) { return static_cast<float>((row * 7 + k * 3) % 13 - 6); }
float ElementOfB(int k, int column) { return static_cast<float>((k * 5 + column * 11) % 17 - 8); }
float ElementOfC(int row, int column) { return static_cast<float>(row * 8 + column); }

struct Operands {
  std::vector<float> a, b, d;  // [16][depth], [depth][8], [16][8]
  int depth;
};

Operands SomeOperands(int depth) {
  Operands operands{std::vector<float>(16 * static_cast<std::size_t>(depth)),
                    std::vector<float>(static_cast<std::size_t>(depth) * 8), std::vector<float>(128), depth};
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < depth; ++k)
      operands.a[static_cast<std::size_t>(row * depth + k)] = ElementOfA(row, k);
    for (int j = 0; j < 8; ++j) operands.d[static_cast<std::size_t>(row * 8 + j)] = ElementOfC(row, j);
  }
  for (int k = 0; k < depth; ++k) {
    for (int j = 0; j < 8; ++j) operands.b[static_cast<std::size_t>(k * 8 + j)] = ElementOfB(k, j);
  }
  return operands;
}

std::vector<float> Expected(const Operands& operands) {
  std::vector<float> d = operands.d;
  for (int row = 0; row < 16; ++row) {
    for (int j = 0; j < 8; ++j) {
      for (int k = 0; k < operands.depth; ++k)
        d[static_cast<std::size_t>(row * 8 + j)] += ElementOfA(row, k) * ElementOfB(k, j);
    }
  }
  return d;
}

// D of PTX m16n8: row "groupID for c0 and c1, groupID + 8 for c2 and c3", column "threadID_in_group * 2 + (i
// & 1)".
__device__ float& OfD(float* d, int lane, int i) {
  return d[(lane / 4 + (i < 2 ? 0 : 8)) * 8 + lane % 4 * 2 + (i & 1)];
}

// A and B of m16n8k16 and m16n8k8 for .f16 and .bf16: a_i, element i of the lane's 2 * registers.
template <class T>
__global__ void Multiply16(const float* a, const float* b, float* d, int depth) {
  const int lane = static_cast<int>(threadIdx.x), group = lane >> 2, in_group = lane % 4;
  std::uint32_t of_a[4] = {}, of_b[2] = {};
  for (int i = 0; i < depth / 2; ++i) {
    const int row = i % 4 < 2 ? group : group + 8;
    const int column = in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    of_a[i / 2] |= device::BitsOf(T(a[row * depth + column])) << (i % 2 * 16);
  }
  for (int i = 0; i < depth / 4; ++i) {
    const int row = in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0);
    of_b[i / 2] |= device::BitsOf(T(b[row * 8 + group])) << (i % 2 * 16);
  }
  float sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = OfD(d, lane, i);
  if (depth == 16) {
    device::Mma16816(sums, of_a, of_b[0], of_b[1], device::ElementTag<T>{});
  } else {
    const std::uint32_t narrow[2] = {of_a[0], of_a[1]};
    device::Mma1688(sums, narrow, of_b[0], device::ElementTag<T>{});
  }
  for (int i = 0; i < 4; ++i) OfD(d, lane, i) = sums[i];
}

// m16n8k8 for .tf32: a_i at row "groupID for a0 and a2", column "threadID_in_group for a0 and a1, + 4 for a2
// and a3".
__global__ void MultiplyTf32(const float* a, const float* b, float* d) {
  const int lane = static_cast<int>(threadIdx.x), group = lane >> 2, in_group = lane % 4;
  std::uint32_t of_a[4], of_b[2];
  for (int i = 0; i < 4; ++i) {
    of_a[i] = device::ToTf32(a[(i % 2 == 0 ? group : group + 8) * 8 + in_group + (i < 2 ? 0 : 4)]);
  }
  for (int i = 0; i < 2; ++i) of_b[i] = device::ToTf32(b[(in_group + 4 * i) * 8 + group]);
  float sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = OfD(d, lane, i);
  device::MmaTf32(sums, of_a, of_b[0], of_b[1]);
  for (int i = 0; i < 4; ++i) OfD(d, lane, i) = sums[i];
}

TEST_P(Fragments, ProductOfSixteenBitTypesIsTheMatrixProduct) {
  for (const int depth : {16, 8}) {
    Operands of_half = SomeOperands(depth), of_bfloat = SomeOperands(depth);
    EXPECT_RUNS(
        RunKernel(1, 32, 0, Multiply16<__half>, of_half.a.data(), of_half.b.data(), of_half.d.data(), depth));
    EXPECT_EQ(of_half.d, Expected(SomeOperands(depth))) << depth;
    EXPECT_RUNS(RunKernel(1, 32, 0, Multiply16<__nv_bfloat16>, of_bfloat.a.data(), of_bfloat.b.data(),
                          of_bfloat.d.data(), depth));
    EXPECT_EQ(of_bfloat.d, Expected(SomeOperands(depth))) << depth;
  }
}

TEST_P(Fragments, ProductOfTf32IsTheMatrixProduct) {
  Operands operands = SomeOperands(8);
  EXPECT_RUNS(RunKernel(1, 32, 0, MultiplyTf32, operands.a.data(), operands.b.data(), operands.d.data()));
  EXPECT_EQ(operands.d, Expected(SomeOperands(8)));
}

// Zero times infinity: what one infinite element of A does to its row, and to no other.
TEST_P(Fragments, ProductKeepsInfinitiesAndNaN) {
  Operands operands = SomeOperands(16);
  operands.a[3 * 16 + 5] = std::numeric_limits<float>::infinity();
  for (int k = 0; k < 16; ++k) operands.b[static_cast<std::size_t>(k * 8)] = 0.0f;
  operands.b[5 * 8 + 1] = 2.0f;
  EXPECT_RUNS(
      RunKernel(1, 32, 0, Multiply16<__half>, operands.a.data(), operands.b.data(), operands.d.data(), 16));
  EXPECT_TRUE(std::isnan(operands.d[3 * 8]));
  EXPECT_EQ(operands.d[3 * 8 + 1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(operands.d[4 * 8], ElementOfC(4, 0));
}

TEST(Tf32, RoundsToTenBitsTiesAwayFromZero) {
  const auto rounded = [](float value) { return std::bit_cast<float>(FloatToTf32Bits(value)); };
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-11f), 1.0f + 0x1p-10f);
  EXPECT_EQ(rounded(-1.0f - 0x1p-11f), -1.0f - 0x1p-10f);
  EXPECT_EQ(rounded(1.0f + 0x1p-12f), 1.0f);
  EXPECT_EQ(rounded(-std::numeric_limits<float>::infinity()), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
}

struct alignas(16) Rows {
  std::uint16_t of[32][8];
};

// Row r of matrix m holds 100 m + 10 r + column; rows stand in shared memory in reverse.
__global__ void Load(int count, bool transposed, std::uint32_t* out) {
  Rows& rows = dynamic_shared<Rows>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int column = 0; column < 8; ++column) {
    rows.of[31 - lane][column] = static_cast<std::uint16_t>(lane / 8 * 100 + lane % 8 * 10 + column);
  }
  __syncwarp();
  std::uint32_t four[4] = {}, two[2] = {};
  if (count == 2) {
    device::LoadMatrix2(two, rows.of[31 - lane % 16]);
    four[0] = two[0], four[1] = two[1];
  } else if (transposed) {
    device::LoadMatrix4Transposed(four, rows.of[31 - lane]);
  } else {
    device::LoadMatrix4(four, rows.of[31 - lane]);
  }
  for (int i = 0; i < 4; ++i) out[lane * 4 + i] = four[i];
}

TEST_P(Fragments, LoadsMatrices) {
  for (const auto& [count, transposed] : {std::pair{4, false}, std::pair{2, false}, std::pair{4, true}}) {
    std::vector<std::uint32_t> out(128);
    EXPECT_RUNS(RunKernel(1, 32, sizeof(Rows), Load, count, transposed, out.data()));
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < count; ++i) {
        const int row = lane / 4, column = lane % 4 * 2, step = transposed ? 10 : 1;
        const int first = i * 100 + (transposed ? column * 10 + row : row * 10 + column);
        EXPECT_EQ(out[static_cast<std::size_t>(lane * 4 + i)],
                  static_cast<std::uint32_t>(first | (first + step) << 16))
            << "lane " << lane << ", matrix " << i << " of " << count << ", transposed " << transposed;
      }
    }
  }
}

__global__ void LoadFrom(std::ptrdiff_t offset) {
  std::uint32_t four[4];
  device::LoadMatrix4(four, reinterpret_cast<char*>(&dynamic_shared<Rows>()) + offset);
}

TEST(FragmentFaults, RowsThatAreNotAlignedOrNotInSharedMemory) {
  UseOrder(LaneOrder::kForward);
  EXPECT_NE(RunKernel(1, 32, sizeof(Rows), LoadFrom, std::ptrdiff_t{8}), cudaSuccess);
  EXPECT_THAT(LastFault(), HasSubstr("ldmatrix.sync of a row at an address that is no multiple of 16"));
  EXPECT_NE(RunKernel(1, 32, sizeof(Rows), LoadFrom, std::ptrdiff_t{1} << 20), cudaSuccess);
  EXPECT_THAT(LastFault(), HasSubstr("ldmatrix.sync of a row outside of the block's shared memory"));
  SetOptions({});
}

__global__ void MultiplyWithout(int missing) {
  if (static_cast<int>(threadIdx.x) == missing) return;
  float d[4] = {};
  const std::uint32_t a[4] = {};
  device::Mma16816(d, a, 0, 0, device::ElementTag<__half>{});
}

TEST(FragmentFaults, ProductsWithoutAllLanes) {
  UseOrder(LaneOrder::kForward);
  EXPECT_NE(RunKernel(1, 32, 0, MultiplyWithout, 7), cudaSuccess);
  EXPECT_THAT(LastFault(),
              HasSubstr("mma.sync of fp16 takes all 32 lanes of the warp, but lane 7 has ended"));
  EXPECT_NE(RunKernel(1, 16, 0, MultiplyWithout, -1), cudaSuccess);
  EXPECT_THAT(LastFault(), HasSubstr("lane 16 has ended or never was"));
  SetOptions({});
}

TEST(Pairs, ClampKeepsNaNAndBounds) {
  const device::ElementTag<__half> half;
  const std::uint32_t zero = device::Pack(0, 0, half), six = device::Pack(6, 6, half);
  EXPECT_EQ(device::ClampPair(device::Pack(-1, 7, half), zero, six, half), device::Pack(0, 6, half));
  EXPECT_EQ(device::ClampPair(device::Pack(2, 3, half), zero, six, half), device::Pack(2, 3, half));
  const std::uint32_t nan = device::Pack(std::nanf(""), 1, half);
  EXPECT_EQ(device::ClampPair(nan, zero, six, half), nan);
}

}  // namespace
}  // namespace assay::simt
