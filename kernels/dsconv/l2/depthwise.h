// The depthwise half: a warp makes a band of outputs at a time, 64 channels of some rows, a lane two
// channels of them. It walks along the rows, copies columns of x to shared memory some columns ahead, and
// adds each to all sums under way that it is a tap of (fp32). What is finished goes to the workspace.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/l2/type.h"
#include "kernels/dsconv/wide/two_channels.h"

namespace assay::dsconv::l2 {

// A band: rows first_row, first_row + step, ... of an image, up to `rows` of them, and of each the columns
// first_column, first_column + step, ..., `columns` of them.
struct Band {
  std::int32_t chunk, image, first_row, rows, first_column, columns;

  __device__ __forceinline__ Band(const Shape& shape, const Plan& plan, std::int32_t item) {
    std::int32_t unit;
    if (plan.tile.run >= plan.chunks) {
      unit = plan.by_chunks.Quotient(item), chunk = item - unit * plan.chunks;
    } else {
      // Groups of bands; in each, runs of chunks.
      const std::int32_t of_group = plan.group * plan.chunks, group = item / of_group;
      const std::int32_t units = min(plan.group, plan.units - group * plan.group);
      item -= group * of_group;
      const std::int32_t run = item / (units * plan.tile.run), begin = run * plan.tile.run;
      const std::int32_t length = min(plan.tile.run, plan.chunks - begin);
      item -= units * begin;
      const std::int32_t within = item / length;
      unit = group * plan.group + within, chunk = begin + item - within * length;
    }
    std::int32_t rest = plan.by_phases_w.Quotient(unit);
    first_column = unit - rest * plan.phases_w;
    const std::int32_t of_phase = plan.by_phases_h.Quotient(rest), phase = rest - of_phase * plan.phases_h;
    image = plan.by_bands.Quotient(of_phase);
    const std::int32_t band = of_phase - image * plan.bands;
    first_row = phase + band * BandRows(shape.stride_h) * plan.step_h;
    rows = min(BandRows(shape.stride_h), (plan.rows_up - first_row) / plan.step_h);
    columns = (shape.q - first_column + plan.step_w - 1) / plan.step_w;
  }

  // The number of its first output.
  __device__ __forceinline__ std::int32_t FirstPixel(const Shape& shape) const {
    return (image * shape.p + first_row) * shape.q + first_column;
  }
};

// The columns of x that a band reads, numbered from the first output's left tap on: column i is tap s of
// output b where i = b stride + s. Those outside of x count as zeros.
struct Columns {
  std::int32_t first_w, first;

  __device__ __forceinline__ Columns(const Shape& shape, const Plan& plan, const Band& band) {
    const std::int32_t stride = shape.stride_w, step = plan.step_w;
    first_w = band.first_column * stride - shape.pad_w;
    // The walk begins with the first that lies inside, at stride 2 with an even one; but with the first
    // output's last tap at the latest, for outputs whose taps all lie to the left of x are stored too.
    first = first_w >= 0 ? 0 : min((step - 1 - first_w) / step, 2) / stride * stride;
  }
};

// Copies the rows of a band to shared memory, two columns at a time, 16 bytes a lane and copy.
template <class T, int kStride>
class BandLoad {
 public:
  static constexpr int kIn = (BandRows(kStride) - 1) * kStride + 3;  // rows
  static constexpr int kRowBytes = TypeOf<T>::kPlanes * kPixelBytes;
  static constexpr int kColumnBytes = kIn * kRowBytes, kSlots = 3;  // pairs of columns
  static constexpr int kLanes = kRowBytes / 16;                     // that copy a pixel
  static constexpr int kPieces = 2 * kIn * kLanes, kCopies = (kPieces + 31) / 32;
  // Where copies end with the left column, those of the right one are found from them.
  static constexpr bool kAlike = kIn % (32 / kLanes) == 0;
  static constexpr int kPlaces = kAlike ? kCopies / 2 : kCopies;

  __device__ __forceinline__ BandLoad(const Block& block, const T* x, const Band& band,
                                      const Columns& columns, int lane)
      : shape_(block.shape),
        plan_(block.plan),
        x_(reinterpret_cast<const char*>(x)),
        left_(columns.first_w + columns.first * plan_.step_w) {
    const std::int32_t first_h = band.first_row * kStride - shape_.pad_h;
    const std::int32_t channel = band.chunk * kChunk + lane % kLanes * (16 / static_cast<int>(sizeof(T)));
#pragma unroll
    for (int i = 0; i < kPlaces; ++i) {
      const int segment = i * (32 / kLanes) + lane / kLanes, right = segment >= kIn ? 1 : 0,
                row = segment - right * kIn;
      const std::int32_t h = first_h + row * plan_.step_h, w = left_ + right * plan_.step_w;
      // May go below zero and around, where nothing is read.
      from_[i] = static_cast<std::uint32_t>((band.image * shape_.h + h) * shape_.w + w) *
                     static_cast<std::uint32_t>(shape_.c * static_cast<int>(sizeof(T))) +
                 static_cast<std::uint32_t>(channel * static_cast<int>(sizeof(T)));
      if (segment < 2 * kIn && h >= 0 && h < shape_.h && channel < shape_.c) pieces_ |= 1u << i;
      pieces_ |= static_cast<std::uint32_t>(right) << (i + kRight);
    }
  }

  // The next two columns, into a slot; `to` is the lane's first 16 bytes of the first one.
  __device__ __forceinline__ void Load(int slot, std::uint32_t to) {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const bool is_right = kAlike ? i >= kPlaces : (pieces_ >> (i + kRight) & 1) != 0;
      const std::int32_t w = left_ + (is_right ? plan_.step_w : 0);
      const bool valid = (pieces_ >> i % kPlaces & 1) != 0 &&
                         static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape_.w);
      if ((i + 1) * 32 <= kPieces || static_cast<int>(threadIdx.x) % 32 < kPieces % 32) {
        device::CopyAsync16To(to + static_cast<std::uint32_t>(slot * 2 * kColumnBytes + i * 512),
                              x_ + (valid ? from_[i % kPlaces] : 0), valid);
      }
      from_[i % kPlaces] += (kAlike ? 1 : 2) * plan_.column_bytes;
    }
    left_ += 2 * plan_.step_w;
    device::CommitCopies();
  }

 private:
  const Shape& shape_;
  const Plan& plan_;
  const char* const x_;
  std::uint32_t from_[kPlaces];
  static constexpr int kRight = 16;
  // A bit for each copy whose row and channels exist; above, for those of right columns.
  std::uint32_t pieces_ = 0;
  std::int32_t left_;
};

// What a lane keeps of a band, and the walk along it. kFew: there are registers to read a pair of columns at
// once, so that a warp waits once for them.
template <class T, int kStride, bool kClamps, bool kFew>
class BandWalk {
  using Input = BandLoad<T, kStride>;
  using Type = TypeOf<T>;
  static constexpr std::uint32_t kLaneBytes = Type::kLaneBytes;
  static constexpr int kRows = BandRows(kStride), kIn = Input::kIn;
  static constexpr int kSets = kStride == 1 ? 3 : 2;   // outputs of a row under way
  static constexpr int kPairs = kStride == 1 ? 3 : 6;  // pairs of columns until all is where it was

 public:
  __device__ __forceinline__ BandWalk(const Block& block, const Band& band, const Columns& columns,
                                      std::uint32_t stage, int lane)
      : plan_(block.plan),
        stage_(stage + static_cast<std::uint32_t>(lane) * kLaneBytes),
        swizzle_(static_cast<std::uint32_t>(lane) * kLaneBytes),
        outputs_(band.rows),
        columns_(band.columns) {
    const Shape& shape = block.shape;
    const float* filters = reinterpret_cast<const float*>(block.workspace + plan_.filters_from) +
                           band.chunk * (10 * kChunk) + lane * 2;
#pragma unroll
    for (int i = 0; i < 9; ++i) filter_[i] = device::LoadFloat2(filters + i * kChunk);
    bias_ = device::LoadFloat2(filters + 9 * kChunk);
#pragma unroll
    for (int i = 0; i < kSets * kRows; ++i) sums_[i / kRows][i % kRows] = bias_;
    to_ = block.Operands() +
          static_cast<std::int64_t>(band.chunk * Type::kPlanes) * plan_.slots * kOperandBytes;
    // The upper lanes' channels lie in the next plane, where `swizzle_` goes on behind a pixel's bytes.
    if (Type::kPlanes == 2 && lane >= 16) {
      to_ += static_cast<std::int64_t>(plan_.slots) * kOperandBytes - kPixelBytes;
    }
    output_ = columns.first / kStride - (kStride == 1 ? 2 : 1);
    std::int32_t pixel = band.FirstPixel(shape);
    if (plan_.Recycles()) pixel = plan_.by_slots.Remainder(pixel / kPixels) * kPixels + pixel % kPixels;
    place_ = static_cast<std::uint32_t>(pixel + output_ * plan_.step_w) * kPixelBytes;
  }

  // Two pairs of columns are on their way.
  __device__ __forceinline__ void WalkAll(Input& input) {
    while (output_ < columns_) {
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
        if (output_ >= columns_) break;
        device::WaitCopies<1>();
        __syncwarp();  // and all have read what lay where the next ones go
        const int slot = pair % Input::kSlots;
        float2 ahead[2][kIn];
        if constexpr (kFew) {
#pragma unroll
          for (int i = 0; i < 2 * kIn; ++i) ahead[i / kIn][i % kIn] = Value(slot * 2 + i / kIn, i % kIn);
        }
        const auto value = [&](int column, int h) {
          if constexpr (kFew) {
            return ahead[column][h];
          } else {
            return Value(slot * 2 + column, h);
          }
        };
        const auto left = [&](int h) { return value(0, h); };
        const auto right = [&](int h) { return value(1, h); };
        Load(input, (pair + 2) % Input::kSlots);
        if constexpr (kStride == 1) {
          AddColumn1(pair * 2 % 3, left);
          Store((pair * 2 + 1) % 3);
          AddColumn1((pair * 2 + 1) % 3, right);
          Store((pair * 2 + 2) % 3);
        } else {
          AddPair2(pair % 2, left, right);
          Store((pair + 1) % 2);
        }
      }
    }
    device::WaitCopies<0>();
    __syncwarp();
  }

 private:
  // 16 bytes a lane, where the walk reads less.
  __device__ __forceinline__ void Load(Input& input, int slot) {
    input.Load(slot, stage_ + (16 / kLaneBytes - 1) * swizzle_);
  }

  __device__ __forceinline__ float2 Value(int column, int row) const {
    return Type::Load(stage_ +
                      static_cast<std::uint32_t>(column * Input::kColumnBytes + row * Input::kRowBytes));
  }

  // A column at stride 1: tap 0 of outputs in set `begun`, 1 and 2 of those in the two before it.
  template <class ValueOf>
  __device__ __forceinline__ void AddColumn1(int begun, const ValueOf& value_of) {
#pragma unroll
    for (int a = 0; a < kRows; ++a) sums_[begun][a] = bias_;
#pragma unroll
    for (int h = 0; h < kIn; ++h) {
      const float2 value = value_of(h);
#pragma unroll
      for (int r = 0; r < 3; ++r) {
        const int a = h - r;
        if (a < 0 || a >= kRows) continue;
#pragma unroll
        for (int s = 0; s < 3; ++s)
          wide::AddProduct(sums_[(begun + 3 - s) % 3][a], value, filter_[r * 3 + s]);
      }
    }
  }

  // Two columns at stride 2: taps 0 and 1 of outputs in set `begun`, and tap 2 of those before.
  template <class Left, class Right>
  __device__ __forceinline__ void AddPair2(int begun, const Left& left_of, const Right& right_of) {
#pragma unroll
    for (int a = 0; a < kRows; ++a) sums_[begun][a] = bias_;
#pragma unroll
    for (int h = 0; h < kIn; ++h) {
      const float2 left = left_of(h), right = right_of(h);
#pragma unroll
      for (int r = 0; r < 3; ++r) {
        const int a = (h - r) / 2;
        if (h < r || (h - r) % 2 != 0 || a >= kRows) continue;
        wide::AddProduct(sums_[1 - begun][a], left, filter_[r * 3 + 2]);
        wide::AddProduct(sums_[begun][a], left, filter_[r * 3]);
        wide::AddProduct(sums_[begun][a], right, filter_[r * 3 + 1]);
      }
    }
  }

  // Of the output whose last tap this was, and to the next one. Without branches: they would keep the next
  // column's work from beginning.
  __device__ __forceinline__ void Store(int set) {
    const std::int32_t rows =
        static_cast<std::uint32_t>(output_) < static_cast<std::uint32_t>(columns_) ? outputs_ : 0;
    std::uint32_t place = place_;
#pragma unroll
    for (int a = 0; a < kRows; ++a, place += plan_.row_place) {
      const std::uint32_t in_ring = min(place, place - plan_.ring_bytes);  // from behind it to its beginning
      Type::template StoreIf<kClamps>(a < rows, to_, in_ring, (place >> 3 & 0x70u) ^ swizzle_, plan_.middle,
                                      sums_[set][a]);
    }
    ++output_, place_ += static_cast<std::uint32_t>(plan_.step_w * kPixelBytes);
  }

  const Plan& plan_;
  char* to_;
  const std::uint32_t stage_, swizzle_;
  float2 filter_[9], bias_, sums_[kSets][kRows];
  const std::int32_t outputs_, columns_;
  std::int32_t output_;
  std::uint32_t place_;  // in a chunk's plane of the workspace, before it is wrapped and swizzled
};

// The blocks of operands that a band has a part in.
struct BlocksOf {
  const Plan& plan;
  const Band& band;
  const std::int32_t first;

  __device__ __forceinline__ BlocksOf(const Block& block, const Band& of_band)
      : plan(block.plan), band(of_band), first(of_band.FirstPixel(block.shape)) {}

  __device__ __forceinline__ std::int32_t First() const { return first / kPixels; }
  __device__ __forceinline__ std::int32_t Last() const {
    return (first + (band.rows - 1) * plan.row_pixels + (band.columns - 1) * plan.step_w) / kPixels;
  }
  // How many of the band's pixels lie in one.
  __device__ __forceinline__ std::int32_t PixelsIn(std::int32_t block) const {
    const std::int32_t step = plan.step_w;
    std::int32_t begin = first, pixels = 0;
    const auto before = [&](std::int32_t pixel) {  // columns of the row that lie before it
      const std::int32_t from = pixel - begin;
      return from <= 0 ? 0 : min(band.columns, step == 1 ? from : (from + step - 1) / step);
    };
    for (std::int32_t a = 0; a < band.rows; ++a, begin += plan.row_pixels) {
      pixels += before((block + 1) * kPixels) - before(block * kPixels);
    }
    return pixels;
  }
};

// Waits until what lies where the band's outputs will has been multiplied.
__device__ __forceinline__ void WaitForRoom(const Block& block, const Band& band, int lane) {
  const Plan& plan = block.plan;
  const BlocksOf blocks(block, band);
  const std::uint32_t* done = block.Counters() + Plan::kDone;
  for (std::int32_t at = blocks.First() + lane; at <= blocks.Last(); at += 32) {
    if (at < plan.slots || blocks.PixelsIn(at) == 0) continue;
    while (device::LoadAcquire(done + at - plan.slots) != static_cast<std::uint32_t>(plan.column_tiles)) {
      device::Pause(100);
    }
  }
  __syncwarp();
}

// Says that the band's outputs are there.
__device__ __forceinline__ void HandOver(const Block& block, const Band& band, int lane) {
  if (band.rows <= 0) return;
  device::FenceGlobalForCopies();
  __syncwarp();
  const Plan& plan = block.plan;
  const BlocksOf blocks(block, band);
  std::uint32_t* filled = block.Counters() + plan.filled_at + band.chunk;
  for (std::int32_t at = blocks.First() + lane; at <= blocks.Last(); at += 32) {
    const std::int32_t pixels = blocks.PixelsIn(at);
    if (pixels > 0) {
      device::ReleaseAdd(filled + static_cast<std::int64_t>(at) * plan.chunks,
                         static_cast<std::uint32_t>(pixels));
    }
  }
}

// Every so manieth band. (Bands handed out by a counter would cost a register that the walk lacks; so would
// what follows from the thread's number and the grid, and is found again for every band.) One is handed over
// when the first columns of the next are on their way, since that waits for its stores.
template <class T, int kStride, bool kClamps, int kWarps>
__device__ __forceinline__ void MakeBands(const Shape& shape, const Plan& plan, char* workspace, const T* x) {
  const auto step = [] { return kWarps * device::Opaque(static_cast<std::int32_t>(gridDim.x)); };
  std::int32_t item = (device::ThreadAgain() / 32 - kMultiplyWarps) * static_cast<std::int32_t>(gridDim.x) +
                      static_cast<std::int32_t>(blockIdx.x);
  for (; item < plan.items; item += step()) {
    const std::int32_t thread = device::ThreadAgain(), lane = thread % 32;
    const Block block(shape, plan, workspace);
    const Band band(shape, plan, item);
    const Columns columns(shape, plan, band);
    const std::uint32_t stage =
        device::SharedAddress(block.bands) +
        static_cast<std::uint32_t>((thread / 32 - kMultiplyWarps) * (kBandBytes * TypeOf<T>::kPlanes));
    BandLoad<T, kStride> input(block, x, band, columns, lane);
    input.Load(0, stage + static_cast<std::uint32_t>(lane) * 16);
    input.Load(1, stage + static_cast<std::uint32_t>(lane) * 16);
    if (item >= step()) HandOver(block, Band(shape, plan, item - step()), lane);
    if (band.rows > 0) {
      if (plan.Recycles()) WaitForRoom(block, band, lane);
      BandWalk<T, kStride, kClamps, kWarps == kFewMakers>(block, band, columns, stage, lane).WalkAll(input);
    } else {
      device::WaitCopies<0>();
    }
  }
  if (item >= step()) {
    HandOver(Block(shape, plan, workspace), Band(shape, plan, item - step()), device::ThreadAgain() % 32);
  }
}

}  // namespace assay::dsconv::l2

#endif
