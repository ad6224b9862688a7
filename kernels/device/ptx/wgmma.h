// What surrounds the matrix products of a warpgroup (wgmma_shared.h): descriptors of operands in shared
// memory, fences, groups and registers (PTX ISA, wgmma and setmaxnreg; sm_90a).
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/device/ptx/async_copy.h"

#ifndef ASSAY_SIMT

namespace assay::device {

// Descriptors hold 18 bits of an address; above them stands the number of the block in its cluster.
__device__ __forceinline__ std::uint64_t AddressInDescriptor(const void* shared) {
  return static_cast<std::uint64_t>((SharedAddress(shared) & 0x3ffffu) >> 4);
}

// b as 8 x 8 matrices of 128 contiguous bytes, a row of eight k for each of eight columns: those of columns
// 8i to 8i + 7 lie `next_columns` bytes after the ones before, those of the upper eight k `next_k` bytes.
__device__ __forceinline__ std::uint64_t MatrixDescriptor(const void* shared, std::uint32_t next_columns,
                                                          std::uint32_t next_k) {
  return AddressInDescriptor(shared) | static_cast<std::uint64_t>(next_k >> 4) << 16 |
         static_cast<std::uint64_t>(next_columns >> 4) << 32;
}

// a as 64 rows of 128 contiguous bytes, those of eight rows swizzled among each other (unit u of 16 bytes of
// row r at u ^ r % 8); 1024-byte aligned. 16 columns further are 32 bytes further.
__device__ __forceinline__ std::uint64_t SwizzledDescriptor(const void* shared) {
  return AddressInDescriptor(shared) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}
// Of an address in shared memory; what is the same in all of them is found again, not kept.
__device__ __forceinline__ std::uint64_t SwizzledDescriptorAt(std::uint32_t address) {
  std::uint64_t descriptor;
  asm("mov.b64 %0, {%1, %2};\n"
      : "=l"(descriptor)
      : "r"((address & 0x3ffffu) >> 4 | 1u << 16), "r"(64u | 1u << 30));
  return descriptor;
}

// Shared memory written by this thread is seen by wgmma and TMA after this and a barrier.
__device__ __forceinline__ void FenceAsyncProxy() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

// Registers that were written before are operands of the products that follow.
__device__ __forceinline__ void FenceProducts() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ __forceinline__ void CommitProducts() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
// All four warps of a warpgroup take registers, or give some back, up to a multiple of 8 a thread.
template <int kRegisters>
__device__ __forceinline__ void TakeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void GiveRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}

// Waits for all groups of products but the latest kLeft.
template <int kLeft>
__device__ __forceinline__ void WaitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kLeft) : "memory");
}

// After a wait: nothing that reads the sums may move up across it.
template <std::size_t kMatrices>
__device__ __forceinline__ void HoldSums(float (&d)[kMatrices][4]) {
#pragma unroll
  for (std::size_t i = 0; i < kMatrices * 4; ++i) asm volatile("" : "+f"(d[i / 4][i % 4])::"memory");
}

// After a wait: until here the registers of a are not used for anything else.
__device__ __forceinline__ void HoldOperands(const std::uint32_t (&a)[4]) {
  asm volatile("" ::"r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]));
}

// Before the fence: what makes an operand in registers may not move down across it.
__device__ __forceinline__ void HoldOperand(std::uint32_t (&a)[4]) {
  asm volatile("" : "+r"(a[0]), "+r"(a[1]), "+r"(a[2]), "+r"(a[3])::"memory");
}

}  // namespace assay::device

#endif
