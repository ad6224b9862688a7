// The kernel that `mma` and `hopper` share: they differ in how input tiles come into shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/shared_memory.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/epilogue.h"
#include "kernels/dsconv/mma/load.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/mma/product.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

struct alignas(16) Storage {
  std::uint32_t words[4];  // the rest follows
};

// Bulk copies swizzle by address: stages begin at multiples of 1024 bytes.
__device__ __forceinline__ char* AlignTo1024(char* shared) {
#ifdef ASSAY_SIMT
  return shared + (1024 - reinterpret_cast<std::uintptr_t>(shared) % 1024) % 1024;
#else
  const std::uint32_t address = device::SharedAddress(shared);
  return shared + ((address + 1023) / 1024 * 1024 - address);
#endif
}

template <class T, int kSize, int kStride, int kRows>
struct WindowOf {
  using Type = FixedWindow<T, kSize, kStride, kRows>;
};
template <class T, int kRows>
struct WindowOf<T, 0, 0, kRows> {
  using Type = AnyWindow<T, kRows>;
};

// Every sum starts as its channel's b_pw.
template <int kRows, int kTiles>
__device__ __forceinline__ void StartSums(device::SharedPlace starts, int lane,
                                          float (&sums)[kRows][kTiles][4]) {
#pragma unroll
  for (int j = 0; j < kRows; ++j) {
#pragma unroll
    for (int i = 0; i < kTiles; ++i) {
      const uint4 four = device::LoadFour(starts + (i * kStartBytes + lane % 4 * 16));
      sums[j][i][0] = __uint_as_float(four.x), sums[j][i][1] = __uint_as_float(four.y);
      sums[j][i][2] = __uint_as_float(four.z), sums[j][i][3] = __uint_as_float(four.w);
    }
  }
}

// Word `i` of what sums start from: b_pw, and behind it as many zeros.
template <int kTiles>
__device__ __forceinline__ float StartWord(const float* __restrict__ biases, int i) {
  return i < kTiles * 16 ? biases[i / 16 * 8 + i / 4 % 4 * 2 + i % 2] : 0.0f;
}

// Whether beside the sums there are registers for two operands.
__host__ __device__ constexpr bool Overlaps(int size, int rows, int tiles, int warps) {
  return rows * (tiles + 8) <= (warps > 8 ? 24 : (size == 3 ? 48 : 40));
}

// The steps of a chunk that are this warp's, from `step` on every split-th: the depthwise half of 16
// channels, and if kOverlap, while the product of the 16 before is under way; operands take turns then.
// Returns the next step, counted from this chunk's first.
template <class T, int kRows, int kTiles, bool kOverlap, class Window>
__device__ __forceinline__ std::int32_t ComputeChunk(const Shape& shape, const Plan& plan,
                                                     const Clamping& middle, Window& window,
                                                     device::SharedPlace weights, std::int32_t step,
                                                     std::int32_t steps, int lane,
                                                     float (&sums)[kRows][kTiles][4]) {
  constexpr int kHalves = kRows <= 2 && kTiles <= 16 ? 2 : 1;
  std::uint32_t first[kRows][4], second[kRows][4];
  const auto depthwise = [&](std::int32_t of, std::uint32_t(&a)[kRows][4]) {
    Depthwise<T, kHalves, kRows>(shape, plan, middle, window, weights + of * plan.step_bytes, of, lane, a);
  };
  const auto add = [&](std::int32_t of, const std::uint32_t(&a)[kRows][4]) {
    AddProducts<T, kRows, kTiles>(a, weights + (of * plan.step_bytes + plan.depthwise_bytes), lane, sums);
  };
  if constexpr (!kOverlap) {
    for (; step < steps; step += plan.split) {
      depthwise(step, first);
      add(step, first);
    }
    return step;
  }
  if (step >= steps) return step;
  depthwise(step, first);
  while (true) {
    const std::int32_t next = step + plan.split;
    if (next >= steps) {
      add(step, first);
      return next;
    }
    depthwise(next, second);
    add(step, first);
    step = next + plan.split;
    if (step >= steps) {
      add(next, second);
      return step;
    }
    depthwise(step, first);
    add(next, second);
  }
}

// What a warp does: the pixels of its patch in each of the block's tiles.
template <class T, int kSize, int kStride, class Block, class Loader>
__device__ __forceinline__ void ComputeTiles(const Shape& shape, const Plan& plan, const Tensors<T>& tensors,
                                             Loader& loader, const char* shared, int warp, int lane) {
  constexpr int kRows = Block::kRows, kTiles = Block::kTiles;
  constexpr bool kOverlap = Overlaps(kSize, kRows, kTiles, Block::kMostWarps);
  const std::int32_t patch = warp % plan.patches;
  const PartOfSums part = {warp / plan.patches, plan.split, patch + 1,
                           loader.exchange_place + patch * 2 * (plan.split - 1) * GroupBytes(kTiles)};
  // Of several parts the first has b_pw, the others the zeros behind it.
  const device::SharedPlace starts = device::PlaceOf(shared) + (part.number == 0 ? 0 : kTiles * kStartBytes);
  const WarpIn in = PlaceOfPatch<kRows>(plan, patch);
  typename WindowOf<T, kSize, kStride, kRows>::Type window;
  const std::int32_t ring_bytes = plan.stages * plan.stage_bytes;
  window.Init(shape, plan, loader.ring_place + (ring_bytes - plan.stage_bytes), in,
              lane);  // enters the first
  const Clamping middle = ClampingOf<T>(shape.act_mid);
  // A rehearsal computes and stores nothing: it fetches the code for storing while the first input tile is on
  // its way. Else all warps would wait for that code at once, and where a block has one tile, the launch too.
  bool rehearsal = plan.rehearses;
  while (true) {
    float sums[kRows][kTiles][4];
    StartSums<kRows, kTiles>(starts, lane, sums);
    TileAt tile_at = {0, 0, 0};
    if (!rehearsal && !loader.BeginTile(tile_at)) break;
    const WarpAt at = {tile_at.n * plan.images + in.image, tile_at.p0(plan) + in.row,
                       tile_at.q0(plan) + in.column,
                       static_cast<std::int32_t>(blockIdx.y) * plan.channels_out};
    const bool any = !rehearsal && at.n < shape.n && at.p < shape.p && at.q < shape.q;
    device::SharedPlace weights = loader.resident_place;
    std::int32_t step = part.number;
    for (std::int32_t chunk = rehearsal ? plan.chunks : 0; chunk < plan.chunks; ++chunk) {
      const device::SharedPlace stage = loader.Acquire();
      const std::int32_t steps = StepsOf(plan, chunk);
      if (!plan.resident) weights = stage + plan.x_bytes;
      window.Enter(plan, stage, stage == loader.ring_place ? plan.stage_bytes - ring_bytes : plan.stage_bytes,
                   WidthOf(plan, chunk));
      const bool narrow = plan.last_chunk < plan.chunk && chunk + 1 == plan.chunks;
      if (narrow) window.Widen(stage, plan.chunk, plan.last_chunk);
      if (any) {
        step = ComputeChunk<T, kRows, kTiles, kOverlap>(shape, plan, middle, window, weights, step, steps,
                                                        lane, sums) -
               steps;
      }
      if (narrow) window.Widen(stage, plan.last_chunk, plan.chunk);
      weights += steps * plan.step_bytes;
      loader.Release(lane);
    }
    StoreOutputs<T, kRows, kTiles>(shape, at, any, part, tensors, lane, sums);
    rehearsal = false;
  }
}

// In shared memory: starts of sums, the loader's barriers, weights that stay, sums on their way between
// warps, the ring of stages.
template <class T, int kSize, int kStride, class Block, class Loader>
__device__ __forceinline__ void RunBlock(const Shape& shape, const Plan& plan, const Tensors<T>& tensors,
                                         const typename Loader::Source& source,
                                         const char* __restrict__ packed) {
  constexpr int kTiles = Block::kTiles;
  char* shared = AlignTo1024(reinterpret_cast<char*>(&dynamic_shared<Storage>()));
  const int lane = static_cast<int>(threadIdx.x) % 32;
  // The same in all lanes, and by the shuffle the compiler knows it: what follows from it takes no registers
  // of each lane.
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  packed += static_cast<std::int64_t>(blockIdx.y) * plan.packed_bytes;

  Loader loader(shape, plan, source, packed + kTiles * 32, shared + HeadBytes(kTiles, Loader::kBarrierBytes));
  for (int i = static_cast<int>(threadIdx.x); i < kTiles * 32; i += static_cast<int>(blockDim.x)) {
    reinterpret_cast<float*>(shared)[i] = StartWord<kTiles>(reinterpret_cast<const float*>(packed), i);
  }
  __syncthreads();
  if (loader.IsLoading()) {
    loader.template Run<Block::kMostWarps>();
  } else {
    loader.template BeginComputing<Block::kMostWarps>();
    if (warp < plan.warps) {
      ComputeTiles<T, kSize, kStride, Block>(shape, plan, tensors, loader, shared, warp, lane);
    }
  }
}

template <class T, int kSize, int kStride, class Block, class Loader>
__global__ void __launch_bounds__(32 * (Block::kMostWarps + Loader::kWarps), 1)
    FusedKernel(const __grid_constant__ Shape shape, const __grid_constant__ Plan plan,
                const __grid_constant__ Tensors<T> tensors,
                const __grid_constant__ typename Loader::Source source, const char* __restrict__ packed) {
  if constexpr (Loader::kAvailable) {
    RunBlock<T, kSize, kStride, Block, Loader>(shape, plan, tensors, source, packed);
  } else {
    __trap();
  }
}

}  // namespace assay::dsconv::mma
