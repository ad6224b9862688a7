// Division by a number that is known at launch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace assay::device {

// Quotients of 0 to 2^31 - 1 by a divisor from 1 on: a product and a shift (Granlund and Montgomery, Division
// by Invariant Integers using Multiplication, PLDI 1994).
struct Divisor {
  std::uint32_t factor = 1u << 31;
  std::int32_t shift = 31;
  std::int32_t divisor = 1;

  Divisor() = default;
  explicit Divisor(std::int32_t by) : divisor(by) {
    std::int32_t bits = 0;
    while ((std::int64_t{1} << bits) < by) ++bits;
    shift = 31 + bits;
    factor = static_cast<std::uint32_t>(((std::uint64_t{1} << shift) + static_cast<std::uint32_t>(by) - 1) /
                                        static_cast<std::uint32_t>(by));
  }

  __host__ __device__ __forceinline__ std::int32_t Quotient(std::int32_t value) const {
    return static_cast<std::int32_t>(
        (static_cast<std::uint64_t>(static_cast<std::uint32_t>(value)) * factor) >> shift);
  }
  __host__ __device__ __forceinline__ std::int32_t Remainder(std::int32_t value) const {
    return value - Quotient(value) * divisor;
  }
};

}  // namespace assay::device
