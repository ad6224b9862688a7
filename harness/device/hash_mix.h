// What one 8-byte word adds to the hash of device.h; the CPU and the GPU compute it from this one definition.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define ASSAY_HASH_FUNCTION __host__ __device__ inline
#else
#define ASSAY_HASH_FUNCTION inline
#endif

namespace assay {

// The finalizer of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA
// 2014), a bijection, over the word shifted by its place, so that words that change places change the sum.
ASSAY_HASH_FUNCTION std::uint64_t HashTerm(std::uint64_t word, std::uint64_t index) {
  std::uint64_t z = word + (index + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace assay
