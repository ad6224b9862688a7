// Pseudo-random operands made where they are used.
#pragma once

#include <cstdint>

namespace assay::cuda {

// Finalizer of MurmurHash3 (Appleby): every input bit changes every output bit.
__device__ inline std::uint32_t RandomWord(std::uint32_t i) {
  i = i * 0x9e3779b9u + 0x7f4a7c15u;
  i ^= i >> 16;
  i *= 0x85ebca6bu;
  i ^= i >> 13;
  i *= 0xc2b2ae35u;
  return i ^ (i >> 16);
}

// In [-1, 1).
__device__ inline float RandomReal(std::uint32_t i) {
  return static_cast<float>(static_cast<std::int32_t>(RandomWord(i))) * 0x1p-31f;
}

// Uniform in [0.5, 1).
__device__ inline float RandomFactor(std::uint32_t i) { return 0.75f + 0.25f * RandomReal(i); }

}  // namespace assay::cuda
