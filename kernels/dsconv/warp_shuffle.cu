// The depthwise results of 32 channels live one a lane; the pointwise half takes them by __shfl_sync.
// A warp owns kPixels consecutive output pixels (rows and images run on into each other) and 32 * kPerLane
// output channels: lane l has channels l, l + 32, ... of them. It walks the input channels 32 at a time: each
// lane computes its channel's depthwise value for every pixel from device memory into registers, then the
// warp passes the 32 channels' values round and each lane adds them, times its column of w_pw, to its sums.
// No shared memory, no block barrier; warps never meet. w_pw is read as [C][K'], rearranged once by
// prepare(), so that the lanes' loads are contiguous. Time goes to the shuffles: one for kPerLane fmaf, on a
// unit that takes 32 lanes a clock.
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/depthwise.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::warp_shuffle {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr unsigned kAllLanes = 0xffffffffu;

template <int kPixels_, int kPerLane_>
struct Tile {
  static constexpr int kPixels = kPixels_;    // a warp
  static constexpr int kPerLane = kPerLane_;  // output channels a lane
  static constexpr int kChannelsOut = kWarp * kPerLane;
  static_assert(kPixels * kPerLane <= 32, "the sums stay in registers, with as many again for addresses");
};

using WideTile = Tile<8, 4>;
using NarrowTile = Tile<8, 1>;  // K <= 32

// w_pw[k][c] -> to[c][k], fp32, zero for k in [K, k_padded).
template <class T>
__global__ void __launch_bounds__(kThreads)
    TransposeKernel(const T* __restrict__ w_pw, std::int32_t k, std::int32_t c, std::int32_t k_padded,
                    float* __restrict__ to) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= static_cast<std::int64_t>(c) * k_padded) return;
  const std::int64_t at_c = i / k_padded;
  const std::int64_t at_k = i % k_padded;
  to[i] = at_k < k ? device::ToFloat(w_pw[at_k * c + at_c]) : 0.0f;
}

// Where an output pixel's window starts in x, and where the pixel stands in y (both at channel 0).
struct Pixel {
  std::int64_t x, y;
  std::int32_t h0, w0;
};

__device__ __forceinline__ Pixel PixelAt(const Shape& shape, std::int64_t i) {
  const auto q = static_cast<std::int32_t>(i % shape.q);
  i /= shape.q;
  const auto p = static_cast<std::int32_t>(i % shape.p);
  i /= shape.p;
  Pixel pixel;
  pixel.x = i * shape.x.n;
  pixel.y = i * shape.y.n + p * shape.y.h + q * shape.y.w;
  pixel.h0 = p * shape.stride_h - shape.pad_h;
  pixel.w0 = q * shape.stride_w - shape.pad_w;
  return pixel;
}

// This lane's depthwise values of channel c; zero for a lane beyond the last channel.
template <class T, class TileType>
__device__ __forceinline__ void ComputeDepthwise(const Shape& shape, const T* __restrict__ x,
                                                 const T* __restrict__ w_dw, const T* __restrict__ b_dw,
                                                 std::int32_t c, const Pixel (&pixels)[TileType::kPixels],
                                                 float (&mid)[TileType::kPixels]) {
  const bool inside = c < shape.c;
  const float bias = inside && b_dw ? device::ToFloat(b_dw[c]) : 0.0f;
  const T* taps = w_dw + static_cast<std::int64_t>(inside ? c : 0) * shape.r * shape.s;
#pragma unroll
  for (int i = 0; i < TileType::kPixels; ++i) {
    mid[i] = inside ? DepthwisePixel(shape, x + pixels[i].x + c * shape.x.c, taps, bias, pixels[i].h0,
                                     pixels[i].w0)
                    : 0.0f;
  }
}

template <class T, class TileType>
__global__ void __launch_bounds__(kThreads)
    WarpShuffleKernel(Shape shape, std::int32_t k_padded, const T* __restrict__ x, const T* __restrict__ w_dw,
                      const T* __restrict__ b_dw, const float* __restrict__ w_pw, const T* __restrict__ b_pw,
                      T* __restrict__ y) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t total = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
  const std::int64_t first =
      (static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp) * TileType::kPixels;
  if (first >= total) return;  // whole warps only
  const std::int32_t k0 = static_cast<std::int32_t>(blockIdx.y) * TileType::kChannelsOut + lane;

  Pixel pixels[TileType::kPixels];
#pragma unroll
  for (int i = 0; i < TileType::kPixels; ++i) {
    // Pixels behind the last one repeat it and are not stored.
    pixels[i] = PixelAt(shape, first + i < total ? first + i : total - 1);
  }

  float sums[TileType::kPixels][TileType::kPerLane] = {};
  for (std::int32_t chunk = 0; chunk < shape.c; chunk += kWarp) {
    float mid[TileType::kPixels];
    ComputeDepthwise<T, TileType>(shape, x, w_dw, b_dw, chunk + lane, pixels, mid);
    const std::int32_t in_chunk = min(kWarp, shape.c - chunk);
    for (std::int32_t c = 0; c < in_chunk; ++c) {
      const float* row = w_pw + static_cast<std::int64_t>(chunk + c) * k_padded + k0;
      float weights[TileType::kPerLane];
#pragma unroll
      for (int j = 0; j < TileType::kPerLane; ++j) weights[j] = row[j * kWarp];
#pragma unroll
      for (int i = 0; i < TileType::kPixels; ++i) {
        const float value = __shfl_sync(kAllLanes, mid[i], c);
#pragma unroll
        for (int j = 0; j < TileType::kPerLane; ++j) sums[i][j] = fmaf(weights[j], value, sums[i][j]);
      }
    }
  }

#pragma unroll
  for (int j = 0; j < TileType::kPerLane; ++j) {
    const std::int32_t k = k0 + j * kWarp;
    if (k >= shape.k) continue;
    const float bias = b_pw ? device::ToFloat(b_pw[k]) : 0.0f;
#pragma unroll
    for (int i = 0; i < TileType::kPixels; ++i) {
      if (first + i >= total) continue;
      y[pixels[i].y + k * shape.y.c] =
          device::FromFloat<T>(device::Activate(shape.act_out, sums[i][j] + bias));
    }
  }
}

std::int64_t RoundUp(std::int64_t value, std::int64_t to) { return (value + to - 1) / to * to; }

class WarpShuffle {
 public:
  static constexpr const char* kName = "warp_shuffle";
  static constexpr const char* kSummary =
      "depthwise results one a lane, passed round by shuffles, no shared memory";

  struct Tile {
    bool narrow;  // NarrowTile
  };

  static assay_promise Promise(assay_dtype) { return PrepackedPromise(ASSAY_FORMAT_F32); }

  static std::string WhyNot(const assay_problem&, const Shape& shape, const assay_device_info&) {
    if (PixelBlocks(shape) > 0x7fffffff) return "n * p * q needs more than 2^31 - 1 blocks";
    if (RoundUp(shape.k, WideTile::kChannelsOut) > 0x7fffffff ||
        shape.k > 65535 * static_cast<std::int64_t>(WideTile::kChannelsOut)) {
      return "k needs more than 65535 blocks";
    }
    return {};
  }

  // Pixels of a warp and of a block; channels of the lanes and of a warp.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info&) {
    std::vector<assay_tile_axis> axes = {
        {"q", WideTile::kPixels}, {"q", kWarps * WideTile::kPixels}, {"k", kWarp}, {"c", kWarp}};
    if (shape.k > NarrowTile::kChannelsOut) axes.push_back({"k", WideTile::kChannelsOut});
    return axes;
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info&) {
    std::vector<Tile> tiles = {{IsNarrow(shape)}};
    if (shape.k <= 65535 * static_cast<std::int64_t>(NarrowTile::kChannelsOut))
      tiles.push_back({!IsNarrow(shape)});
    return tiles;
  }
  static std::string TileName(const Tile& tile) { return tile.narrow ? "narrow" : "wide"; }

  WarpShuffle(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : WarpShuffle(problem, shape, device, {IsNarrow(shape)}) {}
  WarpShuffle(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        narrow_(tile.narrow),
        k_padded_(static_cast<std::int32_t>(
            RoundUp(shape.k, narrow_ ? NarrowTile::kChannelsOut : WideTile::kChannelsOut))) {
    description_ = std::string(narrow_ ? "8 pixels x 32" : "8 pixels x 128") +
                   " channels a warp, w_pw transposed to fp32";
  }

  std::uint64_t workspace_bytes() const {
    return sizeof(float) * static_cast<std::uint64_t>(shape_.c) * k_padded_;
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const std::int64_t elements = static_cast<std::int64_t>(shape_.c) * k_padded_;
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      return device::LaunchKernel(TransposeKernel<T>,
                                  dim3(static_cast<unsigned>((elements + kThreads - 1) / kThreads)),
                                  dim3(kThreads), 0, stream, static_cast<const T*>(buffers.inputs[kWPw]),
                                  shape_.k, shape_.c, k_padded_, static_cast<float*>(buffers.workspace));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      return narrow_ ? LaunchTile<T, NarrowTile>(buffers, stream) : LaunchTile<T, WideTile>(buffers, stream);
    });
  }

 private:
  static bool IsNarrow(const Shape& shape) { return shape.k <= NarrowTile::kChannelsOut; }
  static std::int64_t PixelBlocks(const Shape& shape) {
    const std::int64_t pixels = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
    return RoundUp(pixels, kWarps * WideTile::kPixels) / (kWarps * WideTile::kPixels);
  }
  static_assert(WideTile::kPixels == NarrowTile::kPixels, "PixelBlocks serves both");

  template <class T, class TileType>
  cudaError_t LaunchTile(const assay_buffers& buffers, void* stream) {
    const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
    const dim3 grid(static_cast<unsigned>(PixelBlocks(shape_)),
                    static_cast<unsigned>(k_padded_ / TileType::kChannelsOut));
    return device::LaunchKernel(WarpShuffleKernel<T, TileType>, grid, dim3(kThreads), 0, stream, shape_,
                                k_padded_, in(kX), in(kWDw), in(kBDw),
                                static_cast<const float*>(buffers.workspace), in(kBPw),
                                static_cast<T*>(buffers.outputs[0]));
  }

  Shape shape_;
  assay_dtype dtype_;
  bool narrow_;
  std::int32_t k_padded_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<WarpShuffle>::Row(); }

}  // namespace assay::dsconv::warp_shuffle
