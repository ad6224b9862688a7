// What the stand-in CUDA headers call: the inside of the host device as a kernel sees it. Kernels use CUDA's
// own names (include/cuda_runtime.h) and kernels/device/; nothing else includes this header.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <type_traits>

#include "harness/simt/fiber_switch.h"

struct cudaLaunchConfig_t;
struct cudaFuncAttributes;
enum cudaError : int;
enum cudaFuncAttribute : int;

namespace assay::simt {

using Where = std::source_location;

// What the kernel's side of a switch needs to know of a lane.
struct LanePort {
  Fiber* fiber = nullptr;    // set while the lane is started and not done
  std::uint64_t result = 0;  // of the warp collective that it waits at
};

// How an arriving lane goes on: it hands the processor to `next`, or goes on itself if that is null.
struct Handoff {
  LanePort* self;
  LanePort* next;
};

// Waits until the collective is complete, and returns its result.
inline __attribute__((always_inline)) std::uint64_t Await(Handoff handoff) {
  if (handoff.next != nullptr) SwitchFiber(*handoff.self->fiber, *handoff.next->fiber);
  return handoff.self->result;
}

// Arrivals at a warp collective, which is complete when all live lanes named in `mask` have arrived at the
// same collective with the same mask. `width` is a power of two up to 32. They throw to unwind the lane when
// the block is aborted, so that nothing on the way may be noexcept.
Handoff Shuffle(std::uint32_t mask, std::uint64_t bits, int source_lane, int width, Where where);
Handoff ShuffleUp(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where);
Handoff ShuffleDown(std::uint32_t mask, std::uint64_t bits, unsigned delta, int width, Where where);
Handoff ShuffleXor(std::uint32_t mask, std::uint64_t bits, int lane_mask, int width, Where where);
Handoff Ballot(std::uint32_t mask, bool predicate, Where where);
Handoff Any(std::uint32_t mask, bool predicate, Where where);
Handoff All(std::uint32_t mask, bool predicate, Where where);
Handoff SyncWarp(std::uint32_t mask, Where where);

// What a lane brings to a matrix product of its warp: its part of the operands, and where its sums stand.
enum class FragmentType { kF16, kBf16, kTf32 };
struct FragmentPort {
  float* d;  // 4
  std::uint32_t a[4];
  std::uint32_t b[2];
};
// And to a load of 8 x 8 matrices of 16-bit elements: where its elements go, one register a matrix, and the
// row of 16 bytes that it names.
struct MatrixPort {
  std::uint32_t* to;
  const void* row;
  unsigned count;  // 2 or 4
  bool transposed;
};

// Arrivals at collectives that take all 32 lanes; a fault where one has ended. The port outlives the wait.
Handoff ArriveAtProduct(FragmentType type, const FragmentPort& port, Where where);
Handoff ArriveAtMatrices(const MatrixPort& port, Where where);

// As PTX's mma.sync: see kernels/device/ptx/mma.h.
inline __attribute__((always_inline)) void MultiplyFragments(float (&d)[4], const std::uint32_t (&a)[4],
                                                             std::uint32_t b0, std::uint32_t b1,
                                                             FragmentType type,
                                                             Where where = Where::current()) {
  const FragmentPort port = {d, {a[0], a[1], a[2], a[3]}, {b0, b1}};
  Await(ArriveAtProduct(type, port, where));
}

// As PTX's ldmatrix.sync: see kernels/device/ptx/ldmatrix.h. Rows lie in the block's shared memory.
inline __attribute__((always_inline)) void LoadMatrices(std::uint32_t* to, unsigned count, const void* row,
                                                        bool transposed, Where where = Where::current()) {
  const MatrixPort port = {to, row, count, transposed};
  Await(ArriveAtMatrices(port, where));
}

// Arrivals at a block barrier, over all live threads of the block.
Handoff SyncThreads(Where where);
Handoff SyncThreadsOr(bool predicate, Where where);
Handoff SyncThreadsAnd(bool predicate, Where where);
Handoff SyncThreadsCount(bool predicate, Where where);
// What the barrier that the lane has just passed found.
int BarrierOr();
int BarrierAnd();
int BarrierCount();

// The block's dynamic shared memory, aligned to 128 bytes. A fault if the launch gave fewer than `bytes`.
void* DynamicSharedMemory(std::size_t bytes);

// Asynchronous copies into shared memory, as cp.async: `bytes` (4, 8 or 16) are written to `to`, of which the
// first `source_bytes` come from `from` and the rest are zero. Nothing moves before a wait: AsyncWait(n)
// applies all of this lane's committed groups but the latest n, AsyncWaitAll() everything. Copies never
// waited for are never made.
void AsyncCopy(void* to, const void* from, unsigned bytes, unsigned source_bytes,
               Where where = Where::current());
void AsyncCommit();
void AsyncWait(unsigned groups_left);
void AsyncWaitAll();

// Ends the launch with a fault that says `what`; __trap() is one caller.
[[noreturn]] void Trap(const char* what, Where where);

cudaError LaunchKernel(const cudaLaunchConfig_t* config, const void* kernel, void (*body)(const void*),
                       const void* arguments);
cudaError SetKernelAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError GetKernelAttributes(const void* kernel, cudaFuncAttributes* attributes);

// Types that a shuffle takes; the half types' headers add theirs.
template <class T>
inline constexpr bool kShuffles = (std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8)) ||
                                  std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T>
std::uint64_t ToBits(T value) {
  static_assert(kShuffles<T>, "CUDA has no shuffle of this type");
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<std::uint64_t>(value);
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<std::uint32_t>(value);
  } else {
    return std::bit_cast<std::uint16_t>(value);
  }
}

template <class T>
T FromBits(std::uint64_t bits) {
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<T>(bits);
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<T>(static_cast<std::uint32_t>(bits));
  } else {
    return std::bit_cast<T>(static_cast<std::uint16_t>(bits));
  }
}

}  // namespace assay::simt
