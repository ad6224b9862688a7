// Input tiles and weights on their way to shared memory, by warps that do nothing else.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/cluster_copy.h"
#include "kernels/device/ptx/mbarrier.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/tma.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// Who reads or writes a stage by plain loads and stores says so lane by lane. One lane's arrival for its
// warp, after __syncwarp(), orders the others' accesses as well, but compute-sanitizer's racecheck
// (CUDA 13.0) counts only those of the lane that arrives; and it follows bulk copies, too. One lane arrives
// for weights that the matrix unit has read, and for operands where it has read the item for all
// (Block::Read).

// What the warps of a block share: rings with two barriers a stage, and the weights that stay.
struct Block {
  const Shape& shape;
  const Plan& plan;
  const CUtensorMap &map, &y_map;
  const float* x;
  const char* packed;  // the workspace
  std::uint64_t *x_filled, *a_filled, *x_free, *a_free, *w_filled, *w_free;
  char *x_ring, *a_ring, *w_ring;
  std::int32_t operand_bytes;
  std::int32_t rank;  // in its cluster

  __device__ __forceinline__ Block(const Shape& of_shape, const Plan& of_plan, const CUtensorMap& of_x,
                                   const CUtensorMap& of_y, const float* from, const char* workspace,
                                   char* shared, std::int32_t bytes_of_operand)
      : shape(of_shape),
        plan(of_plan),
        map(of_x),
        y_map(of_y),
        x(from),
        packed(workspace),
        x_filled(reinterpret_cast<std::uint64_t*>(shared)),
        a_filled(x_filled + kNearGroups * kMostStages),
        x_free(a_filled + kNearGroups * kMostStages),
        a_free(x_free + kMostStages),
        w_filled(a_free + kMostStages),
        w_free(w_filled + kMostStages),
        operand_bytes(bytes_of_operand) {
    x_ring = shared + kBarrierBytes;
    w_ring = x_ring + plan.x_stages * (plan.x_bytes + plan.depthwise_bytes);
    a_ring = w_ring + (plan.resident ? plan.units : plan.weight_stages) * plan.pointwise_bytes;
    rank = plan.cluster == 2 ? static_cast<std::int32_t>(blockIdx.x) % 2 : 0;
  }

  // A stage has two for each of two groups and of two readers, four more, and two words.
  static constexpr int kBarriers = 2 * kNearGroups + 6;

  // Of workspace words: items handed out, and blocks that have ended.
  __device__ __forceinline__ std::uint32_t* Counters() const {
    return reinterpret_cast<std::uint32_t*>(const_cast<char*>(packed) + plan.counters_at);
  }

  // By one thread, before the others look at any. `turns`: warpgroups take turns.
  __device__ __forceinline__ void InitBarriers(int parts, bool turns) const {
    const auto depthwise = static_cast<std::uint32_t>(plan.depthwise_warps * 32);
    const auto multiply = static_cast<std::uint32_t>(plan.multiply_warps);
    const std::uint32_t of_operands = turns ? 1 : 32;
    const std::uint32_t of_weights = parts == 0 ? 32 : static_cast<std::uint32_t>(plan.cluster);
    // No more than there are, since they are begun one after the other.
    const std::int32_t stages = max(max(plan.x_stages, plan.operand_stages), plan.weight_stages);
    for (std::int32_t i = 0; i < stages; ++i) {
      for (int group = 0; group < kMostGroups; ++group) {
        device::InitBarrier(XFilled(group, i),
                            plan.copies ? static_cast<std::uint32_t>(plan.copy_threads) + 1 : 1);
      }
      for (int reader = 0; reader < 2; ++reader) {
        device::InitBarrier(AFilled(reader, i), depthwise);
      }
      device::InitBarrier(x_free + i, depthwise);
      device::InitBarrier(a_free + i, multiply * of_operands);
      device::InitBarrier(w_filled + i, 1);
      device::InitBarrier(w_free + i, multiply * of_weights);
    }
    device::FenceBarrierInit();
  }

  // Each depthwise group waits for input tiles at barriers of its own: a barrier does not tell a phase from
  // the one before the last, so who waits has to see them all.
  __device__ __forceinline__ std::uint64_t* XFilled(std::int32_t group, std::int32_t slot) const {
    return x_filled + (group < kNearGroups ? group : kBarriers) * kMostStages + slot;
  }
  // Where warpgroups take turns, each waits at barriers of its own, for the same reason as there.
  __device__ __forceinline__ std::uint64_t* AFilled(std::int32_t group, std::int32_t slot) const {
    return a_filled + group * kMostStages + slot;
  }
  // Which item a stage is of. 8 bytes apart as the barriers are, and so many behind those that free them.
  __device__ __forceinline__ std::int32_t& XItem(std::int32_t slot) const {
    return ItemBehind(x_free + slot);
  }
  __device__ __forceinline__ std::int32_t& AItem(std::int32_t slot) const {
    return ItemBehind(a_free + slot);
  }
  // By lane 0 for the warp.
  __device__ __forceinline__ static std::int32_t Read(const std::int32_t& item) {
    return __shfl_sync(0xffffffffu, device::ThreadAgain() % 32 == 0 ? item : 0, 0);
  }
  __device__ __forceinline__ static std::int32_t& ItemBehind(std::uint64_t* free) {
    static_assert((kBarriers + 1) * kMostStages * 8 <= kBarrierBytes);
    return *reinterpret_cast<std::int32_t*>(free + 4 * kMostStages);
  }
  // Where warps that multiply have room for boxes of y.
  __device__ __forceinline__ char* Boxes() const {
    char* boxes = a_ring + plan.operand_stages * operand_bytes;
    return boxes + (1024 - device::SharedAddress(boxes) % 1024) % 1024;
  }
  __device__ __forceinline__ char* XStage(std::int32_t slot) const {
    return x_ring + slot * (plan.x_bytes + plan.depthwise_bytes);
  }
};

// The items of a block's cluster, as the threads that load go through them.
class Items {
 public:
  __device__ __forceinline__ explicit Items(const Block& block) : plan_(block.plan) {
    const auto index = static_cast<std::int32_t>(blockIdx.x);
    item_ = plan_.cluster == 2 ? index / 2 : index, end_ = plan_.items;
    if (plan_.run_items != 0) {
      item_ *= plan_.run_items;
      end_ = min(end_, item_ + plan_.run_items);
    }
  }

  __device__ __forceinline__ std::int32_t item() const { return item_; }
  __device__ __forceinline__ bool there() const { return item_ < end_; }
  __device__ __forceinline__ void Next() { item_ += Step(); }

  // By one thread, instead of Next(): Ask() some time before Take().
  __device__ __forceinline__ void Ask(const Block& block) {
    if (plan_.counted) asked_ = Step() + static_cast<std::int32_t>(atomicAdd(block.Counters(), 1u));
  }
  __device__ __forceinline__ void Take() {
    if (plan_.counted) {
      item_ = asked_;
    } else {
      Next();
    }
  }
  // When all have been taken. Who is the last to end leaves the counters as they were found.
  __device__ __forceinline__ void End(const Block& block) const {
    if (!plan_.counted || atomicAdd(block.Counters() + 1, 1u) + 1 != gridDim.x) return;
    block.Counters()[0] = 0, block.Counters()[1] = 0;
  }

 private:
  // From an item to the next. Not kept, since registers are short.
  __device__ __forceinline__ std::int32_t Step() const {
    const auto blocks = device::Opaque(static_cast<std::int32_t>(gridDim.x));
    return plan_.run_items != 0 ? 1 : (plan_.cluster == 2 ? blocks / 2 : blocks);
  }

  const Plan& plan_;
  std::int32_t item_, end_, asked_ = 0;
};

// The input rows of a tile that are one image's.
struct Run {
  std::int32_t n, h, rows;
};

template <class Fn>
__device__ __forceinline__ void ForEachRun(const Shape& shape, const Plan& plan, const TileAt& at, Fn&& fn) {
  std::int32_t left = plan.bands, first = at.image_band, n = at.n;
#pragma unroll 1
  while (left > 0) {
    const std::int32_t bands = min(left, plan.image_bands - first);
    fn(Run{n, first * plan.band_step - shape.pad_h, bands * plan.band_step + plan.break_rows});
    left -= bands, first = 0, ++n;
  }
}

// TMA, by one thread.
template <bool kChannelsLast, int kChunk>
__device__ __forceinline__ void CopyBoxes(const Block& block, const TileAt& at, std::int32_t chunk, char* to,
                                          std::uint64_t* barrier) {
  const Plan& plan = block.plan;
  const std::int32_t w = at.q0 * block.shape.stride_w - block.shape.pad_w - plan.skew, c = chunk * kChunk;
  const auto copy = [&](char* there, std::int32_t n, std::int32_t h) {
    if constexpr (kChannelsLast) {
      device::CopyBox4(there, &block.map, barrier, c, w, h, n);
    } else {
      device::CopyBox4Kept(there, &block.map, barrier, w, h, c, n);
    }
  };
  if (!plan.by_rows) {
    device::ArriveAndExpect(barrier,
                            static_cast<std::uint32_t>(plan.rows * plan.row_bytes + plan.depthwise_bytes));
    copy(to, at.n, at.image_band * plan.band_step - block.shape.pad_h);
    return;
  }
  device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(TileRows(plan, at.image_band) * plan.row_bytes +
                                                              plan.depthwise_bytes));
  const std::int32_t bytes = plan.box_rows * plan.row_bytes;
  ForEachRun(block.shape, plan, at, [&](const Run& run) {
#pragma unroll 1
    for (std::int32_t row = 0; row < run.rows; row += plan.box_rows, to += bytes)
      copy(to, run.n, run.h + row);
  });
}

// Whatever the alignment: a thread takes a place in the tile, and there kBatch channels at once.
template <int kChunk, int kBatch>
__device__ __forceinline__ void CopyElements(const Block& block, const TileAt& at, std::int32_t chunk,
                                             std::int32_t thread, float* to) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const std::int32_t w0 = at.q0 * shape.stride_w - shape.pad_w, c0 = chunk * kChunk;
  const std::int32_t there = min(kChunk, shape.c - c0);
  const std::int32_t first_rows =
      min(plan.bands, plan.image_bands - at.image_band) * plan.band_step + plan.break_rows;
  const std::int32_t places = TileRows(plan, at.image_band) * plan.width;
#pragma unroll 1
  for (std::int32_t place = thread; place < places; place += plan.copy_threads) {
    const std::int32_t row = plan.by_width.Quotient(place), column = place - row * plan.width;
    std::int32_t n = at.n, h = at.image_band * plan.band_step - shape.pad_h + row;
    if (row >= first_rows) {
      const std::int32_t images = plan.by_run_rows.Quotient(row - first_rows);
      n += 1 + images, h = row - first_rows - images * plan.run_rows - shape.pad_h;
    }
    const std::int32_t w = w0 + column;
    const bool inside = n < shape.n && static_cast<std::uint32_t>(h) < static_cast<std::uint32_t>(shape.h) &&
                        static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape.w);
    const float* from = block.x;
    if (inside) from += n * shape.x.n + c0 * shape.x.c + h * shape.x.h + w * shape.x.w;
    float* at_place = to + row * plan.row_step + (plan.skew + column) * plan.pixel_step;
#pragma unroll 1
    for (std::int32_t first = 0; first < kChunk; first += kBatch) {
      float values[kBatch];  // all of them are on their way before the first is stored
      if (first + kBatch <= there) {
#pragma unroll
        for (int i = 0; i < kBatch; ++i, from += shape.x.c) values[i] = inside ? __ldg(from) : 0.0f;
      } else {
#pragma unroll
        for (int i = 0; i < kBatch; ++i, from += shape.x.c) {
          values[i] = inside && first + i < there ? __ldg(from) : 0.0f;
        }
      }
#pragma unroll
      for (int i = 0; i < kBatch; ++i, at_place += plan.channel_step) *at_place = values[i];
    }
  }
}

// Input tiles, each with its depthwise weights.
template <bool kCopies, bool kChannelsLast, int kChunk>
__device__ __forceinline__ void LoadInputsBy(const Block& block, std::int32_t thread) {
  const Plan& plan = block.plan;
  RingAt ring;
  std::int32_t turn = 0;  // whose of the depthwise groups
  Items items(block);
#pragma unroll 1
  while (items.there()) {
    const TileAt at(plan, items.item(), block.rank);
    if constexpr (!kCopies) items.Ask(block);
#pragma unroll 1
    for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
      std::uint64_t* barrier = block.XFilled(turn, ring.slot);
      char* to = block.XStage(ring.slot);
      device::WaitBarrier(block.x_free + ring.slot, ring.freed());
      if (thread == 0) block.XItem(ring.slot) = items.item();
      if constexpr (!kCopies) {
        CopyBoxes<kChannelsLast, kChunk>(block, at, chunk, to, barrier);
      } else if (thread == 0) {
        device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.depthwise_bytes));
      }
      if (thread == 0) {
        device::CopyBulk(
            to + plan.x_bytes,
            block.packed + plan.depthwise_at + static_cast<std::int64_t>(chunk) * plan.depthwise_bytes,
            static_cast<std::uint32_t>(plan.depthwise_bytes), barrier);
      }
      if constexpr (kCopies) {
        CopyElements<kChunk, kChannelsLast ? 8 : kChunk>(block, at, chunk, thread,
                                                         reinterpret_cast<float*>(to));
        device::ArriveBarrier(barrier);
      }
      ring.Next(plan.x_stages);
      if (++turn == plan.depthwise_groups) turn = 0;
    }
    if constexpr (kCopies) {
      items.Next();
    } else {
      items.Take();
    }
  }
  // Either group is told that there are no more; the first tells those that multiply.
#pragma unroll 1
  for (std::int32_t group = 0; group < plan.depthwise_groups; ++group) {
    device::WaitBarrier(block.x_free + ring.slot, ring.freed());
    if (thread == 0) {
      block.XItem(ring.slot) = kNoItem - group;
      if constexpr (kCopies) device::ArriveAndExpect(block.XFilled(turn, ring.slot), 0);
    }
    device::ArriveBarrier(block.XFilled(turn, ring.slot));
    ring.Next(plan.x_stages);
    if (++turn == plan.depthwise_groups) turn = 0;
  }
  if constexpr (!kCopies) items.End(block);
}

// By the loading warps but the last.
template <bool kChannelsLast, int kChunk>
__device__ __forceinline__ void LoadInputs(const Block& block, std::int32_t thread) {
  if (!block.plan.copies) {
    if (thread == 0) LoadInputsBy<false, kChannelsLast, kChunk>(block, thread);
    return;
  }
  LoadInputsBy<true, kChannelsLast, kChunk>(block, thread);
}

// The pointwise weights, once or again for every tile, by one thread. Either block of a cluster loads half of
// a unit for both.
__device__ __forceinline__ void LoadPointwise(const Block& block) {
  const Plan& plan = block.plan;
  const auto bytes = static_cast<std::uint32_t>(plan.pointwise_bytes);
  const char* weights = block.packed + plan.pointwise_at;
  if (plan.resident) {
    device::ArriveAndExpect(block.w_filled, bytes * static_cast<std::uint32_t>(plan.units));
#pragma unroll 1
    for (std::int32_t unit = 0; unit < plan.units; ++unit) {
      device::CopyBulk(block.w_ring + unit * plan.pointwise_bytes,
                       weights + static_cast<std::int64_t>(unit) * bytes, bytes, block.w_filled);
    }
    return;
  }
  RingAt ring;
#pragma unroll 1
  for (Items items(block); items.there(); items.Next()) {
    const std::int32_t item = items.item();
    const std::int32_t channel_block = item - plan.by_channel_blocks.Quotient(item) * plan.channel_blocks;
#pragma unroll 1
    for (std::int32_t unit = 0; unit < plan.units; ++unit) {
      std::uint64_t* barrier = block.w_filled + ring.slot;
      char* to = block.w_ring + ring.slot * plan.pointwise_bytes;
      const char* from = weights + (static_cast<std::int64_t>(channel_block) * plan.units + unit) * bytes;
      device::WaitBarrier(block.w_free + ring.slot, ring.freed());
      device::ArriveAndExpect(barrier, bytes);
      if (plan.cluster == 2) {
        const std::uint32_t half = static_cast<std::uint32_t>(block.rank) * (bytes / 2);
        device::CopyBulkToBlocks(to + half, from + half, bytes / 2, barrier, 3);
      } else {
        device::CopyBulk(to, from, bytes, barrier);
      }
      ring.Next(plan.weight_stages);
    }
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
