#include "harness/simt/fragments.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "harness/simt/include/simt_half_bits.h"

namespace assay::simt {
namespace {

// The two 16-bit numbers of a register, the lower half first.
std::array<float, 2> Unpack(FragmentType type, std::uint32_t pair) {
  const auto low = static_cast<std::uint16_t>(pair), high = static_cast<std::uint16_t>(pair >> 16);
  if (type == FragmentType::kF16) return {HalfBitsToFloat(low), HalfBitsToFloat(high)};
  return {BfloatBitsToFloat(low), BfloatBitsToFloat(high)};
}

float Tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

// Operands as plain matrices; 16-bit types have k = 16, TF32 k = 8 and zeros beyond.
struct Operands {
  float a[16][16];  // [row][k]
  float b[16][8];   // [k][column]
};

void Take16(FragmentType type, const FragmentPort& lane, int g, int t, Operands& to) {
  for (int i = 0; i < 4; ++i) {
    const std::array<float, 2> two = Unpack(type, lane.a[i]);
    const int row = g + i % 2 * 8, k = i / 2 * 8 + 2 * t;
    to.a[row][k] = two[0], to.a[row][k + 1] = two[1];
  }
  for (int i = 0; i < 2; ++i) {
    const std::array<float, 2> two = Unpack(type, lane.b[i]);
    to.b[8 * i + 2 * t][g] = two[0], to.b[8 * i + 2 * t + 1][g] = two[1];
  }
}

void TakeTf32(const FragmentPort& lane, int g, int t, Operands& to) {
  for (int i = 0; i < 4; ++i) to.a[g + i % 2 * 8][t + i / 2 * 4] = Tf32(lane.a[i]);
  for (int i = 0; i < 2; ++i) to.b[t + 4 * i][g] = Tf32(lane.b[i]);
}

}  // namespace

void MultiplyWarp(FragmentType type, const std::array<const FragmentPort*, 32>& lanes) {
  Operands operands;
  const int depth = type == FragmentType::kTf32 ? 8 : 16;
  for (int lane = 0; lane < 32; ++lane) {
    if (type == FragmentType::kTf32) {
      TakeTf32(*lanes[static_cast<std::size_t>(lane)], lane / 4, lane % 4, operands);
    } else {
      Take16(type, *lanes[static_cast<std::size_t>(lane)], lane / 4, lane % 4, operands);
    }
  }
  for (int row = 0; row < 16; ++row) {
    // The sums of a row are with four lanes, two columns each.
    float sums[8];
    for (int column = 0; column < 8; ++column) {
      sums[column] = lanes[static_cast<std::size_t>(row % 8 * 4 + column / 2)]->d[row / 8 * 2 + column % 2];
    }
    for (int k = 0; k < depth; ++k) {
      const float factor = operands.a[row][k];
      for (int column = 0; column < 8; ++column) sums[column] += factor * operands.b[k][column];
    }
    for (int column = 0; column < 8; ++column) {
      lanes[static_cast<std::size_t>(row % 8 * 4 + column / 2)]->d[row / 8 * 2 + column % 2] = sums[column];
    }
  }
}

void LoadWarpMatrices(const std::array<const MatrixPort*, 32>& lanes) {
  const unsigned count = lanes[0]->count;
  for (unsigned matrix = 0; matrix < count; ++matrix) {
    std::uint16_t rows[8][8];
    for (unsigned row = 0; row < 8; ++row) std::memcpy(rows[row], lanes[matrix * 8 + row]->row, 16);
    for (unsigned lane = 0; lane < 32; ++lane) {
      const unsigned g = lane / 4, t = lane % 4;
      const bool transposed = lanes[0]->transposed;
      const std::uint32_t low = transposed ? rows[2 * t][g] : rows[g][2 * t];
      const std::uint32_t high = transposed ? rows[2 * t + 1][g] : rows[g][2 * t + 1];
      lanes[lane]->to[matrix] = low | high << 16;
    }
  }
}

}  // namespace assay::simt
