// Both halves from shared memory, the pointwise half register-blocked.
// A block owns a rectangle of kPixels output pixels of one image and kChannelsOut output channels; a thread 4
// pixels of it and kPerThread channels. The block walks the input channels in chunks of kChunk: it loads the
// chunk's halo'd input tile into shared memory once, computes the chunk's depthwise pixels from there into a
// second tile, loads the chunk of w_pw, and multiplies the two from shared memory into registers. The
// depthwise result never touches device memory; it is computed again for every block of output channels. Time
// goes to the product's shared-memory reads (3 of 16 bytes for 32 fmaf) and, when K is small, to the halo's
// loads.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/shared_memory.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::tiled {
namespace {

template <int kThreadsOut_, int kPerThread_>
struct Tile {
  static constexpr int kPixels = 64;
  static constexpr int kPixelsPerThread = 4;
  static constexpr int kThreadsOut = kThreadsOut_;  // threads across output channels
  static constexpr int kPerThread = kPerThread_;    // output channels a thread, in groups of 4
  static constexpr int kChannelsOut = kThreadsOut * kPerThread;
  static constexpr int kThreads = kPixels / kPixelsPerThread * kThreadsOut;
  static constexpr int kChunk = 16;
  static constexpr int kBlocksPerSm = 512 / kThreads;  // at least; leaves 128 registers a thread

  static_assert(kPerThread % 4 == 0, "w_pw is read from shared memory 16 bytes at a time");
  static_assert(kThreads % 32 == 0, "whole warps");

  // The input tile follows this struct in shared memory; its size depends on the problem.
  struct Storage {
    float mid[kChunk][kPixels];        // depthwise results
    float w_pw[kChunk][kChannelsOut];  // transposed, so that a thread's channels are contiguous
  };
  static_assert(sizeof(Storage) % 16 == 0, "the input tile behind it is aligned");
};

// Wide K and narrow K (projections), so that few of a block's channels lie beyond K.
using WideTile = Tile<16, 8>;
using NarrowTile = Tile<8, 4>;
static_assert(WideTile::kChunk == NarrowTile::kChunk, "Tiled::Axes names one for both");

// Shared memory that a block may take: two blocks and more fit on an SM of any GPU since sm_80.
constexpr std::int64_t kSharedBudget = 48 * 1024;

// How one axis of the input tile is stored. Dense: every row between the first and the last that the pixels
// touch. Sparse, when that is more rows than are touched at all (large dilation or stride): `taps` rows a
// pixel. In both, the row of pixel p and tap r is p * step_pixel + r * step_tap.
struct Axis {
  std::int32_t extent, step_pixel, step_tap;
  bool dense;
};

Axis MakeAxis(std::int32_t pixels, std::int32_t taps, std::int32_t stride, std::int32_t dilation) {
  const std::int64_t span =
      static_cast<std::int64_t>(pixels - 1) * stride + static_cast<std::int64_t>(taps - 1) * dilation + 1;
  const std::int32_t touched = pixels * taps;
  if (span <= touched) return {static_cast<std::int32_t>(span), stride, dilation, true};
  return {touched, taps, 1, false};
}

// What a launch chooses for a problem.
struct Plan {
  std::int32_t rows, columns;  // of the rectangle of output pixels; rows * columns == kPixels
  std::int32_t tiles_p, tiles_q;
  Axis h, w;
  std::int32_t channels_at_once;  // of the input tile, at most kChunk
};

// Where stored row `i` of an axis comes from, relative to the tile's first input row.
__device__ __forceinline__ std::int32_t SourceRow(const Axis& axis, std::int32_t i, std::int32_t taps,
                                                  std::int32_t stride, std::int32_t dilation) {
  return axis.dense ? i : i / taps * stride + i % taps * dilation;
}

// Loads `count` channels from c0 on of the tile whose first input row and column are (h0, w0); zero outside
// the image.
template <class T>
__device__ __forceinline__ void LoadInputTile(const Shape& shape, const Plan& plan,
                                              const T* __restrict__ image, std::int32_t c0,
                                              std::int32_t count, std::int32_t h0, std::int32_t w0,
                                              float* tile, int threads) {
  const std::int32_t area = plan.h.extent * plan.w.extent;
  for (std::int32_t i = threadIdx.x; i < count * area; i += threads) {
    // Neighbouring threads read neighbouring addresses: channels are contiguous in nhwc, columns in nchw.
    const std::int32_t c = shape.channels_last ? i % count : i / area;
    const std::int32_t at = shape.channels_last ? i / count : i % area;
    const std::int32_t row = at / plan.w.extent;
    const std::int32_t column = at - row * plan.w.extent;
    const std::int32_t h = h0 + SourceRow(plan.h, row, shape.r, shape.stride_h, shape.dilation_h);
    const std::int32_t w = w0 + SourceRow(plan.w, column, shape.s, shape.stride_w, shape.dilation_w);
    const bool inside = h >= 0 && h < shape.h && w >= 0 && w < shape.w;
    tile[c * area + at] =
        inside ? device::ToFloat(image[(c0 + c) * shape.x.c + h * shape.x.h + w * shape.x.w]) : 0.0f;
  }
}

// Depthwise pixels of `count` channels from c0 on, from the input tile into mid[0..count).
template <class T, class TileType>
__device__ __forceinline__ void ComputeDepthwise(const Shape& shape, const Plan& plan,
                                                 const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                                                 std::int32_t c0, std::int32_t count, const float* tile,
                                                 float (*mid)[TileType::kPixels]) {
  const std::int32_t area = plan.h.extent * plan.w.extent;
  for (std::int32_t i = threadIdx.x; i < count * TileType::kPixels; i += TileType::kThreads) {
    const std::int32_t c = i / TileType::kPixels;
    const std::int32_t pixel = i % TileType::kPixels;
    const std::int32_t row = pixel / plan.columns * plan.h.step_pixel;
    const std::int32_t column = pixel % plan.columns * plan.w.step_pixel;
    const T* taps = w_dw + static_cast<std::int64_t>(c0 + c) * shape.r * shape.s;
    const float* from = tile + c * area + row * plan.w.extent + column;
    float sum = b_dw ? device::ToFloat(b_dw[c0 + c]) : 0.0f;
    for (std::int32_t r = 0; r < shape.r; ++r) {
      for (std::int32_t s = 0; s < shape.s; ++s) {
        sum = fmaf(device::ToFloat(taps[r * shape.s + s]),
                   from[r * plan.h.step_tap * plan.w.extent + s * plan.w.step_tap], sum);
      }
    }
    mid[c][pixel] = device::Activate(shape.act_mid, sum);
  }
}

// w_pw[k0 ..][c0 ..] transposed; zero beyond K, so that the product needs no bounds.
template <class T, class TileType>
__device__ __forceinline__ void LoadPointwise(const Shape& shape, const T* __restrict__ w_pw, std::int32_t k0,
                                              std::int32_t c0, std::int32_t count,
                                              float (*to)[TileType::kChannelsOut]) {
  for (std::int32_t i = threadIdx.x; i < TileType::kChunk * TileType::kChannelsOut; i += TileType::kThreads) {
    const std::int32_t c = i % TileType::kChunk;
    const std::int32_t k = i / TileType::kChunk;
    const bool inside = c < count && k0 + k < shape.k;
    to[c][k] = inside ? device::ToFloat(w_pw[static_cast<std::int64_t>(k0 + k) * shape.c + c0 + c]) : 0.0f;
  }
}

// sums += mid^T w_pw over `count` channels, for this thread's pixels and output channels.
template <class TileType>
__device__ __forceinline__ void Multiply(const typename TileType::Storage& shared, std::int32_t count,
                                         int pixel0, int thread_out, float (&sums)[TileType::kPerThread][4]) {
  for (std::int32_t c = 0; c < count; ++c) {
    const float4 mid = device::LoadFloat4(&shared.mid[c][pixel0]);
#pragma unroll
    for (int group = 0; group < TileType::kPerThread / 4; ++group) {
      const float4 weight =
          device::LoadFloat4(&shared.w_pw[c][(group * TileType::kThreadsOut + thread_out) * 4]);
      const float weights[4] = {weight.x, weight.y, weight.z, weight.w};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float(&sum)[4] = sums[group * 4 + j];
        sum[0] = fmaf(weights[j], mid.x, sum[0]);
        sum[1] = fmaf(weights[j], mid.y, sum[1]);
        sum[2] = fmaf(weights[j], mid.z, sum[2]);
        sum[3] = fmaf(weights[j], mid.w, sum[3]);
      }
    }
  }
}

struct BlockIndex {
  std::int32_t n, p0, q0;
};

__device__ __forceinline__ BlockIndex BlockAt(const Plan& plan) {
  const std::int32_t tiles = plan.tiles_p * plan.tiles_q;
  const std::int32_t image = static_cast<std::int32_t>(blockIdx.x / tiles);
  const std::int32_t tile = static_cast<std::int32_t>(blockIdx.x % tiles);
  return {image, tile / plan.tiles_q * plan.rows, tile % plan.tiles_q * plan.columns};
}

template <class T, class TileType>
__device__ __forceinline__ void StoreOutputs(const Shape& shape, const Plan& plan, const BlockIndex& at,
                                             std::int32_t k0, int pixel0, int thread_out,
                                             const T* __restrict__ b_pw, T* __restrict__ y,
                                             const float (&sums)[TileType::kPerThread][4]) {
  T* image = y + at.n * shape.y.n;
#pragma unroll
  for (int j = 0; j < TileType::kPerThread; ++j) {
    const std::int32_t k = k0 + (j / 4 * TileType::kThreadsOut + thread_out) * 4 + j % 4;
    if (k >= shape.k) continue;
    const float bias = b_pw ? device::ToFloat(b_pw[k]) : 0.0f;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::int32_t p = at.p0 + (pixel0 + i) / plan.columns;
      const std::int32_t q = at.q0 + (pixel0 + i) % plan.columns;
      if (p >= shape.p || q >= shape.q) continue;
      image[k * shape.y.c + p * shape.y.h + q * shape.y.w] =
          device::FromFloat<T>(device::Activate(shape.act_out, sums[j][i] + bias));
    }
  }
}

template <class T, class TileType>
__global__ void __launch_bounds__(TileType::kThreads, TileType::kBlocksPerSm)
    TiledKernel(Shape shape, Plan plan, const T* __restrict__ x, const T* __restrict__ w_dw,
                const T* __restrict__ b_dw, const T* __restrict__ w_pw, const T* __restrict__ b_pw,
                T* __restrict__ y) {
  auto& shared = dynamic_shared<typename TileType::Storage>();
  float* input_tile = reinterpret_cast<float*>(&shared + 1);
  const BlockIndex at = BlockAt(plan);
  const std::int32_t k0 = static_cast<std::int32_t>(blockIdx.y) * TileType::kChannelsOut;
  const std::int32_t h0 = at.p0 * shape.stride_h - shape.pad_h;
  const std::int32_t w0 = at.q0 * shape.stride_w - shape.pad_w;
  const T* image = x + at.n * shape.x.n;
  const int thread_out = static_cast<int>(threadIdx.x) % TileType::kThreadsOut;
  const int pixel0 = static_cast<int>(threadIdx.x) / TileType::kThreadsOut * TileType::kPixelsPerThread;

  float sums[TileType::kPerThread][4] = {};
  for (std::int32_t chunk = 0; chunk < shape.c; chunk += TileType::kChunk) {
    const std::int32_t in_chunk = min(TileType::kChunk, shape.c - chunk);
    for (std::int32_t first = 0; first < in_chunk; first += plan.channels_at_once) {
      const std::int32_t count = min(plan.channels_at_once, in_chunk - first);
      __syncthreads();  // the tiles of the round before have been read
      LoadInputTile(shape, plan, image, chunk + first, count, h0, w0, input_tile, TileType::kThreads);
      if (first == 0) LoadPointwise<T, TileType>(shape, w_pw, k0, chunk, in_chunk, shared.w_pw);
      __syncthreads();
      ComputeDepthwise<T, TileType>(shape, plan, w_dw, b_dw, chunk + first, count, input_tile,
                                    shared.mid + first);
    }
    __syncthreads();
    Multiply<TileType>(shared, in_chunk, pixel0, thread_out, sums);
  }
  StoreOutputs<T, TileType>(shape, plan, at, k0, pixel0, thread_out, b_pw, y, sums);
}

// With so many rows of pixels a block; 0: the rectangle that reads the fewest input elements for the pixels
// that it really has. `rows` are 0 in the answer where none fits.
template <class TileType>
Plan MakePlan(const Shape& shape, std::int32_t wanted = 0) {
  Plan best{};
  double least = 0;
  for (const std::int32_t rows : {8, 4, 16, 2, 32, 1, 64}) {
    if (wanted != 0 && rows != wanted) continue;
    Plan plan{};
    plan.rows = rows, plan.columns = TileType::kPixels / rows;
    plan.tiles_p = (shape.p + plan.rows - 1) / plan.rows;
    plan.tiles_q = (shape.q + plan.columns - 1) / plan.columns;
    plan.h = MakeAxis(plan.rows, shape.r, shape.stride_h, shape.dilation_h);
    plan.w = MakeAxis(plan.columns, shape.s, shape.stride_w, shape.dilation_w);
    const double area = static_cast<double>(plan.h.extent) * plan.w.extent;
    // An idle pixel costs about as much as an input element: both are one step of the block's work on a
    // channel.
    const double work = static_cast<double>(plan.tiles_p) * plan.tiles_q * (area + TileType::kPixels);
    if (least != 0 && work >= least) continue;
    const std::int64_t room = kSharedBudget - static_cast<std::int64_t>(sizeof(typename TileType::Storage));
    const std::int64_t fitting = room / static_cast<std::int64_t>(area * sizeof(float));
    if (fitting < 1) continue;
    plan.channels_at_once = static_cast<std::int32_t>(std::min<std::int64_t>(TileType::kChunk, fitting));
    least = work;
    best = plan;
  }
  return best;
}

bool IsNarrow(const Shape& shape) { return shape.k <= NarrowTile::kChannelsOut; }

Plan PlanOf(const Shape& shape, bool narrow, std::int32_t rows = 0) {
  return narrow ? MakePlan<NarrowTile>(shape, rows) : MakePlan<WideTile>(shape, rows);
}
Plan PlanOf(const Shape& shape) { return PlanOf(shape, IsNarrow(shape)); }

class Tiled {
 public:
  static constexpr const char* kName = "tiled";
  static constexpr const char* kSummary =
      "input tile and depthwise result in shared memory, register-blocked product";

  struct Tile {
    bool narrow;        // NarrowTile
    std::int32_t rows;  // of pixels
  };

  static assay_promise Promise(assay_dtype) { return Fp32Promise(); }

  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info&) {
    const Plan plan = PlanOf(shape);
    std::vector<assay_tile_axis> axes = {
        {"p", plan.rows},
        {"q", plan.columns},
        {"k", shape.k > NarrowTile::kChannelsOut ? WideTile::kChannelsOut : NarrowTile::kChannelsOut},
        {"c", WideTile::kChunk}};
    if (plan.channels_at_once < WideTile::kChunk) axes.push_back({"c", plan.channels_at_once});
    return axes;
  }

  static std::string WhyNot(const assay_problem&, const Shape& shape, const assay_device_info&) {
    const Plan plan = PlanOf(shape);
    if (Blocks(shape, plan) > 0x7fffffff) return "n, p and q need more than 2^31 - 1 blocks";
    if (shape.k > 65535 * static_cast<std::int64_t>(WideTile::kChannelsOut))
      return "k needs more than 65535 blocks";
    return {};
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info&) {
    std::vector<Tile> tiles = {{IsNarrow(shape), PlanOf(shape).rows}};
    for (const bool narrow : {false, true}) {
      const int channels = narrow ? NarrowTile::kChannelsOut : WideTile::kChannelsOut;
      if (shape.k > 65535 * static_cast<std::int64_t>(channels)) continue;
      for (const std::int32_t rows : {1, 2, 4, 8, 16, 32, 64}) {
        const Plan plan = PlanOf(shape, narrow, rows);
        const bool first = narrow == tiles.front().narrow && rows == tiles.front().rows;
        if (plan.rows == 0 || first || Blocks(shape, plan) > 0x7fffffff) continue;
        tiles.push_back({narrow, rows});
      }
    }
    return tiles;
  }
  static std::string TileName(const Tile& tile) {
    return std::string(tile.narrow ? "narrow" : "wide") + std::to_string(tile.rows);
  }

  Tiled(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Tiled(problem, shape, device, {IsNarrow(shape), PlanOf(shape).rows}) {}
  Tiled(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        narrow_(tile.narrow),
        plan_(PlanOf(shape, tile.narrow, tile.rows)) {
    description_ = std::to_string(plan_.rows) + "x" + std::to_string(plan_.columns) + " pixels x " +
                   std::to_string(narrow_ ? NarrowTile::kChannelsOut : WideTile::kChannelsOut) +
                   " channels a block, input tile " + std::to_string(plan_.h.extent) + "x" +
                   std::to_string(plan_.w.extent) + " x " + std::to_string(plan_.channels_at_once) +
                   " channels";
  }

  std::uint64_t workspace_bytes() const { return 0; }
  const std::string& description() const { return description_; }
  cudaError_t Prepare(const assay_buffers&, void*) { return cudaSuccess; }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      return narrow_ ? LaunchTile<T, NarrowTile>(buffers, stream) : LaunchTile<T, WideTile>(buffers, stream);
    });
  }

 private:
  static std::int64_t Blocks(const Shape& shape, const Plan& plan) {
    return static_cast<std::int64_t>(shape.n) * plan.tiles_p * plan.tiles_q;
  }

  template <class T, class TileType>
  cudaError_t LaunchTile(const assay_buffers& buffers, void* stream) {
    const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
    const dim3 grid(static_cast<unsigned>(shape_.n * plan_.tiles_p * plan_.tiles_q),
                    static_cast<unsigned>((shape_.k + TileType::kChannelsOut - 1) / TileType::kChannelsOut));
    const std::size_t shared = sizeof(typename TileType::Storage) +
                               sizeof(float) * plan_.h.extent * plan_.w.extent * plan_.channels_at_once;
    return device::LaunchKernel(TiledKernel<T, TileType>, grid, dim3(TileType::kThreads), shared, stream,
                                shape_, plan_, in(kX), in(kWDw), in(kBDw), in(kWPw), in(kBPw),
                                static_cast<T*>(buffers.outputs[0]));
  }

  Shape shape_;
  assay_dtype dtype_;
  bool narrow_;
  Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<Tiled>::Row(); }

}  // namespace assay::dsconv::tiled
