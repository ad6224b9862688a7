// Stand-in for CUDA's header of the same name: storage and conversions, no arithmetic. Kernels compute in
// fp32.
#pragma once

#include <cstdint>

#include "harness/simt/device_api.h"
#include "simt_half_bits.h"
#include "vector_types.h"

struct __half_raw {
  unsigned short x;
};

class __half {
 public:
  __half() = default;
  __half(float value) : bits_(assay::simt::FloatToHalfBits(value)) {}
  constexpr __half(__half_raw raw) : bits_(raw.x) {}
  constexpr operator __half_raw() const { return {bits_}; }
  // Explicit, unlike CUDA's: a silent sum of halves in float would not be what a GPU computes.
  explicit operator float() const { return assay::simt::HalfBitsToFloat(bits_); }

 private:
  unsigned short bits_;
};
using half = __half;

struct alignas(4) __half2 {
  __half x, y;
};
using half2 = __half2;

static_assert(sizeof(__half) == 2 && sizeof(__half2) == 4);

inline unsigned short __half_as_ushort(__half a) { return static_cast<__half_raw>(a).x; }
inline __half __ushort_as_half(unsigned short bits) { return __half_raw{bits}; }

inline __half __float2half_rn(float a) { return a; }
inline __half __float2half(float a) { return a; }
inline float __half2float(__half a) { return static_cast<float>(a); }

inline __half2 make_half2(__half x, __half y) { return {x, y}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half2 __half2half2(__half a) { return {a, a}; }
inline __half2 __floats2half2_rn(float x, float y) { return {__float2half_rn(x), __float2half_rn(y)}; }
inline __half2 __float2half2_rn(float a) { return __floats2half2_rn(a, a); }
inline __half2 __float22half2_rn(float2 a) { return __floats2half2_rn(a.x, a.y); }
inline float2 __half22float2(__half2 a) { return {__half2float(a.x), __half2float(a.y)}; }
inline __half __low2half(__half2 a) { return a.x; }
inline __half __high2half(__half2 a) { return a.y; }
inline float __low2float(__half2 a) { return __half2float(a.x); }
inline float __high2float(__half2 a) { return __half2float(a.y); }

inline __half __ldg(const __half* pointer) { return *pointer; }
inline __half2 __ldg(const __half2* pointer) { return *pointer; }

template <>
inline constexpr bool assay::simt::kShuffles<__half> = true;
template <>
inline constexpr bool assay::simt::kShuffles<__half2> = true;
