// Stand-in for CUDA's device functions: collectives, loads, atomics, integer and float helpers. No
// approximate function
// (__expf, __fdividef, ...) is here, since the host could only give another result than the GPU.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "harness/simt/device_api.h"

// The last parameter of each collective is the caller's place in the source, for reports. All are inlined
// into the kernel: see SwitchFiber().
#define ASSAY_SIMT_COLLECTIVE inline __attribute__((always_inline))

ASSAY_SIMT_COLLECTIVE void __syncthreads(assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Await(assay::simt::SyncThreads(where));
}
ASSAY_SIMT_COLLECTIVE int __syncthreads_or(int predicate,
                                           assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Await(assay::simt::SyncThreadsOr(predicate != 0, where));
  return assay::simt::BarrierOr();
}
ASSAY_SIMT_COLLECTIVE int __syncthreads_and(int predicate,
                                            assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Await(assay::simt::SyncThreadsAnd(predicate != 0, where));
  return assay::simt::BarrierAnd();
}
ASSAY_SIMT_COLLECTIVE int __syncthreads_count(int predicate,
                                              assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Await(assay::simt::SyncThreadsCount(predicate != 0, where));
  return assay::simt::BarrierCount();
}
ASSAY_SIMT_COLLECTIVE void __syncwarp(unsigned mask = 0xffffffffu,
                                      assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Await(assay::simt::SyncWarp(mask, where));
}

template <class T>
ASSAY_SIMT_COLLECTIVE T __shfl_sync(unsigned mask, T value, int source_lane, int width = 32,
                                    assay::simt::Where where = assay::simt::Where::current()) {
  return assay::simt::FromBits<T>(
      assay::simt::Await(assay::simt::Shuffle(mask, assay::simt::ToBits(value), source_lane, width, where)));
}
template <class T>
ASSAY_SIMT_COLLECTIVE T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                                       assay::simt::Where where = assay::simt::Where::current()) {
  return assay::simt::FromBits<T>(
      assay::simt::Await(assay::simt::ShuffleUp(mask, assay::simt::ToBits(value), delta, width, where)));
}
template <class T>
ASSAY_SIMT_COLLECTIVE T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                                         assay::simt::Where where = assay::simt::Where::current()) {
  return assay::simt::FromBits<T>(
      assay::simt::Await(assay::simt::ShuffleDown(mask, assay::simt::ToBits(value), delta, width, where)));
}
template <class T>
ASSAY_SIMT_COLLECTIVE T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                                        assay::simt::Where where = assay::simt::Where::current()) {
  return assay::simt::FromBits<T>(
      assay::simt::Await(assay::simt::ShuffleXor(mask, assay::simt::ToBits(value), lane_mask, width, where)));
}

ASSAY_SIMT_COLLECTIVE unsigned __ballot_sync(unsigned mask, int predicate,
                                             assay::simt::Where where = assay::simt::Where::current()) {
  return static_cast<unsigned>(assay::simt::Await(assay::simt::Ballot(mask, predicate != 0, where)));
}
ASSAY_SIMT_COLLECTIVE int __any_sync(unsigned mask, int predicate,
                                     assay::simt::Where where = assay::simt::Where::current()) {
  return static_cast<int>(assay::simt::Await(assay::simt::Any(mask, predicate != 0, where)));
}
ASSAY_SIMT_COLLECTIVE int __all_sync(unsigned mask, int predicate,
                                     assay::simt::Where where = assay::simt::Where::current()) {
  return static_cast<int>(assay::simt::Await(assay::simt::All(mask, predicate != 0, where)));
}

#undef ASSAY_SIMT_COLLECTIVE

[[noreturn]] inline void __trap(assay::simt::Where where = assay::simt::Where::current()) {
  assay::simt::Trap("__trap()", where);
}

// Lanes of a block share one operating-system thread, but blocks do not.
inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void __threadfence_block() { std::atomic_thread_fence(std::memory_order_seq_cst); }

template <class T>
T __ldg(const T* pointer) {
  return *pointer;
}
template <class T>
T __ldcs(const T* pointer) {
  return *pointer;
}
template <class T>
void __stcs(T* pointer, T value) {
  *pointer = value;
}

inline int atomicAdd(int* address, int value) { return std::atomic_ref<int>(*address).fetch_add(value); }
inline unsigned atomicAdd(unsigned* address, unsigned value) {
  return std::atomic_ref<unsigned>(*address).fetch_add(value);
}
inline unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
  return std::atomic_ref<unsigned long long>(*address).fetch_add(value);
}
inline float atomicAdd(float* address, float value) {
  return std::atomic_ref<float>(*address).fetch_add(value);
}
inline double atomicAdd(double* address, double value) {
  return std::atomic_ref<double>(*address).fetch_add(value);
}

constexpr int min(int a, int b) { return a < b ? a : b; }
constexpr unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
constexpr long min(long a, long b) { return a < b ? a : b; }
constexpr unsigned long min(unsigned long a, unsigned long b) { return a < b ? a : b; }
constexpr long long min(long long a, long long b) { return a < b ? a : b; }
constexpr unsigned long long min(unsigned long long a, unsigned long long b) { return a < b ? a : b; }
constexpr unsigned min(unsigned a, int b) { return min(a, static_cast<unsigned>(b)); }
constexpr unsigned min(int a, unsigned b) { return min(static_cast<unsigned>(a), b); }
inline float min(float a, float b) { return fminf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
constexpr int max(int a, int b) { return a > b ? a : b; }
constexpr unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
constexpr long max(long a, long b) { return a > b ? a : b; }
constexpr unsigned long max(unsigned long a, unsigned long b) { return a > b ? a : b; }
constexpr long long max(long long a, long long b) { return a > b ? a : b; }
constexpr unsigned long long max(unsigned long long a, unsigned long long b) { return a > b ? a : b; }
constexpr unsigned max(unsigned a, int b) { return max(a, static_cast<unsigned>(b)); }
constexpr unsigned max(int a, unsigned b) { return max(static_cast<unsigned>(a), b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// Round-to-nearest arithmetic that the compiler may not fuse; packs are compiled with -ffp-contract=off.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline float rsqrtf(float a) { return 1.0f / sqrtf(a); }
inline double rsqrt(double a) { return 1.0 / sqrt(a); }

inline int __float_as_int(float a) { return std::bit_cast<int>(a); }
inline unsigned __float_as_uint(float a) { return std::bit_cast<unsigned>(a); }
inline float __int_as_float(int a) { return std::bit_cast<float>(a); }
inline float __uint_as_float(unsigned a) { return std::bit_cast<float>(a); }
inline long long __double_as_longlong(double a) { return std::bit_cast<long long>(a); }
inline double __longlong_as_double(long long a) { return std::bit_cast<double>(a); }

inline int __popc(unsigned a) { return std::popcount(a); }
inline int __popcll(unsigned long long a) { return std::popcount(a); }
inline int __clz(int a) { return std::countl_zero(static_cast<unsigned>(a)); }
inline int __ffs(int a) { return a == 0 ? 0 : std::countr_zero(static_cast<unsigned>(a)) + 1; }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
// Byte i of the result is the one that nibble i of `selector` names, of a's four, then b's; with its highest
// bit set, that byte's sign.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(b) << 32 | a;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned nibble = selector >> 4 * i & 0xfu;
    unsigned byte = static_cast<unsigned>(bytes >> 8 * (nibble & 7u)) & 0xffu;
    if (nibble & 8u) byte = byte & 0x80u ? 0xffu : 0u;
    result |= byte << 8 * i;
  }
  return result;
}
inline int __mulhi(int a, int b) { return static_cast<int>((static_cast<std::int64_t>(a) * b) >> 32); }
