// Stand-in for CUDA's header of the same name: storage and conversions, no arithmetic. Kernels compute in
// fp32.
#pragma once

#include <cstdint>

#include "harness/simt/device_api.h"
#include "simt_half_bits.h"
#include "vector_types.h"

struct __nv_bfloat16_raw {
  unsigned short x;
};

class __nv_bfloat16 {
 public:
  __nv_bfloat16() = default;
  constexpr __nv_bfloat16(float value) : bits_(assay::simt::FloatToBfloatBits(value)) {}
  constexpr __nv_bfloat16(__nv_bfloat16_raw raw) : bits_(raw.x) {}
  constexpr operator __nv_bfloat16_raw() const { return {bits_}; }
  // Explicit, unlike CUDA's: a silent sum of bfloat16s in float would not be what a GPU computes.
  explicit constexpr operator float() const { return assay::simt::BfloatBitsToFloat(bits_); }

 private:
  unsigned short bits_;
};
using nv_bfloat16 = __nv_bfloat16;

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
using nv_bfloat162 = __nv_bfloat162;

static_assert(sizeof(__nv_bfloat16) == 2 && sizeof(__nv_bfloat162) == 4);

inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 a) { return static_cast<__nv_bfloat16_raw>(a).x; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) { return __nv_bfloat16_raw{bits}; }

inline __nv_bfloat16 __float2bfloat16_rn(float a) { return a; }
inline __nv_bfloat16 __float2bfloat16(float a) { return a; }
inline float __bfloat162float(__nv_bfloat16 a) { return static_cast<float>(a); }

inline __nv_bfloat162 make_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 a) { return {a, a}; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
inline __nv_bfloat162 __float2bfloat162_rn(float a) { return __floats2bfloat162_rn(a, a); }
inline __nv_bfloat162 __float22bfloat162_rn(float2 a) { return __floats2bfloat162_rn(a.x, a.y); }
inline float2 __bfloat1622float2(__nv_bfloat162 a) { return {__bfloat162float(a.x), __bfloat162float(a.y)}; }
inline __nv_bfloat16 __low2bfloat16(__nv_bfloat162 a) { return a.x; }
inline __nv_bfloat16 __high2bfloat16(__nv_bfloat162 a) { return a.y; }
inline float __low2float(__nv_bfloat162 a) { return __bfloat162float(a.x); }
inline float __high2float(__nv_bfloat162 a) { return __bfloat162float(a.y); }

inline __nv_bfloat16 __ldg(const __nv_bfloat16* pointer) { return *pointer; }
inline __nv_bfloat162 __ldg(const __nv_bfloat162* pointer) { return *pointer; }

template <>
inline constexpr bool assay::simt::kShuffles<__nv_bfloat16> = true;
template <>
inline constexpr bool assay::simt::kShuffles<__nv_bfloat162> = true;
