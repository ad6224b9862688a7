// Shared memory by 32-bit addresses (PTX ISA, ld.shared, st.shared). Accesses stay in the order in which they
// are written, after the barriers that they follow, and what was loaded is not kept in registers across
// loops.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/vector.h"

namespace assay::device {

// A place in shared memory. Bytes can be added to it; on the GPU it takes one register.
#ifdef ASSAY_SIMT
using SharedPlace = const char*;
inline SharedPlace PlaceOf(const char* shared) { return shared; }
#else
using SharedPlace = std::uint32_t;
__device__ __forceinline__ SharedPlace PlaceOf(const char* shared) { return SharedAddress(shared); }
#endif

// The place whose address differs in these bits.
__device__ __forceinline__ SharedPlace Flip(SharedPlace place, std::int32_t bits) {
#ifdef ASSAY_SIMT
  return reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(place) ^
                                       static_cast<std::uintptr_t>(bits));
#else
  return place ^ static_cast<std::uint32_t>(bits);
#endif
}

__device__ __forceinline__ uint2 LoadTwo(SharedPlace from) {
#ifdef ASSAY_SIMT
  return LoadUint2(from);
#else
  uint2 two;
  asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];\n" : "=r"(two.x), "=r"(two.y) : "r"(from));
  return two;
#endif
}

__device__ __forceinline__ uint4 LoadFour(SharedPlace from) {
#ifdef ASSAY_SIMT
  return LoadUint4(from);
#else
  uint4 four;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(four.x), "=r"(four.y), "=r"(four.z), "=r"(four.w)
               : "r"(from));
  return four;
#endif
}

__device__ __forceinline__ void StoreFour(SharedPlace to, uint4 four) {
#ifdef ASSAY_SIMT
  StoreUint4(const_cast<char*>(to), four);
#else
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};\n" ::"r"(to), "r"(four.x), "r"(four.y), "r"(four.z),
               "r"(four.w));
#endif
}

#ifndef ASSAY_SIMT
__device__ __forceinline__ void StoreTwo(SharedPlace to, uint2 two) {
  asm volatile("st.shared.v2.b32 [%0], {%1, %2};\n" ::"r"(to), "r"(two.x), "r"(two.y) : "memory");
}
#endif

// Where `holds`, four words; else the words stay what they are, and no instruction is spent on them.
__device__ __forceinline__ void LoadFourIf(bool holds, SharedPlace from, std::uint32_t (&words)[4]) {
#ifdef ASSAY_SIMT
  if (!holds) return;
  const uint4 four = LoadUint4(from);
  words[0] = four.x, words[1] = four.y, words[2] = four.z, words[3] = four.w;
#else
  asm volatile(
      "{.reg .pred p;\n setp.ne.b32 p, %5, 0;\n"
      "@p ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];}\n"
      : "+r"(words[0]), "+r"(words[1]), "+r"(words[2]), "+r"(words[3])
      : "r"(from), "r"(static_cast<std::uint32_t>(holds)));
#endif
}

#ifndef ASSAY_SIMT
// The same as for a pointer (ldmatrix.h).
__device__ __forceinline__ void LoadMatrix4(std::uint32_t (&to)[4], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row));
}
__device__ __forceinline__ void LoadMatrix2(std::uint32_t (&to)[2], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
               : "=r"(to[0]), "=r"(to[1])
               : "r"(row));
}
#endif

// `threads` threads of the block meet at barrier `id`, 1 to 15. On the host device all threads of the block
// have to.
__device__ __forceinline__ void SyncThreads(std::int32_t id, std::int32_t threads) {
#ifdef ASSAY_SIMT
  (void)id, (void)threads;
  __syncthreads();
#else
  asm volatile("bar.sync %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
#endif
}

}  // namespace assay::device
