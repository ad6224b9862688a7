#include <limits>
#include <string>

#include "reference/cudnn/cuda_check.h"
#include "reference/two_kernel_best/depthwise.h"
#include "reference/two_kernel_best/depthwise_nchw.cuh"
#include "reference/two_kernel_best/depthwise_nhwc.cuh"

namespace assay::cudnn {
namespace {

constexpr std::int64_t kMaxIndex = std::numeric_limits<std::int32_t>::max();

bool TakesKernel(const Convolution& conv, const DepthwiseTile& tile) {
  if (tile.kernel == 0) return true;
  const bool dilated = conv.dilation != Pair{1, 1};
  return conv.filter == Pair{tile.kernel, tile.kernel} && conv.stride == Pair{tile.stride, tile.stride} &&
         (!dilated || tile.stride == 1);
}

bool Takes(const Convolution& conv, const DepthwiseTile& tile) {
  if (!TakesKernel(conv, tile)) return false;
  if (conv.layout == ASSAY_NHWC) return conv.in_channels % tile.channels == 0;
  if (!tile.vector) return true;
  return conv.dilation[1] == 1 && conv.pad_before[1] == (tile.kernel - 1) / 2 &&
         conv.image[1] % tile.columns == 0 && conv.out[1] % tile.columns == 0 && conv.out[1] <= conv.image[1];
}

DepthwiseArgs ArgsOf(const Convolution& conv, const DepthwiseTile& tile) {
  const auto narrow = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
  DepthwiseArgs args = {};
  args.c = narrow(conv.in_channels);
  args.h = narrow(conv.image[0]), args.w = narrow(conv.image[1]);
  args.p = narrow(conv.out[0]), args.q = narrow(conv.out[1]);
  args.r = narrow(conv.filter[0]), args.s = narrow(conv.filter[1]);
  args.stride_h = narrow(conv.stride[0]), args.stride_w = narrow(conv.stride[1]);
  args.pad_h = narrow(conv.pad_before[0]), args.pad_w = narrow(conv.pad_before[1]);
  args.dilation_h = narrow(conv.dilation[0]), args.dilation_w = narrow(conv.dilation[1]);
  const bool apart = tile.kernel > 0 && tile.stride == 1;
  args.step_h = apart ? args.dilation_h : 1;
  args.step_w = apart ? args.dilation_w : 1;
  args.tiles_p = narrow(TilesAlong(args.p, args.step_h, tile.rows));
  args.tiles_q = narrow(TilesAlong(args.q, args.step_w, tile.columns));
  args.tiles = conv.n * args.tiles_p * args.tiles_q * (conv.layout == ASSAY_NHWC ? 1 : conv.in_channels);
  args.activation = conv.activation;
  return args;
}

// Everything that the kernels index with 32 bits, positions beyond the image's edges included.
bool FitsIndices(const Convolution& conv) {
  const auto reach = [&](std::size_t axis) {
    return (conv.out[axis] + 16 * conv.dilation[axis]) * conv.stride[axis] +
           conv.filter[axis] * conv.dilation[axis] + conv.pad_before[axis];
  };
  constexpr std::int64_t kFewer = std::int64_t{1} << 30;
  const std::int64_t channels = conv.layout == ASSAY_NHWC ? conv.in_channels : 1;
  return reach(0) < kFewer && reach(1) < kFewer && conv.in_channels < kFewer &&
         conv.image[0] * conv.image[1] < kMaxIndex / channels &&
         conv.out[0] * conv.out[1] < kMaxIndex / channels && conv.filter[0] * conv.filter[1] < 256 &&
         conv.in_channels < 65536;  // blocks along a grid's second axis
}

template <typename T>
void LaunchWith(void (*kernel)(DepthwiseArgs, const T*, const T*, const T*, T*), cudaLaunchConfig_t& config,
                const DepthwiseArgs& args, const ConvPointers& pointers, void* stream) {
  config.stream = static_cast<cudaStream_t>(stream);
  CheckCuda(cudaLaunchKernelEx(&config, kernel, args, static_cast<const T*>(pointers.x),
                               static_cast<const T*>(pointers.filter), static_cast<const T*>(pointers.bias),
                               static_cast<T*>(pointers.y)),
            "launching the native depthwise kernel");
}

unsigned Blocks(std::int64_t items, std::int64_t per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

template <typename T, DepthwiseTile kTile>
void LaunchNhwc(const DepthwiseArgs& args, const ConvPointers& pointers, void* stream) {
  constexpr std::size_t kSharedBytes = 48 * 1024;  // what a block has without asking for more
  const std::size_t bytes_a_lane = sizeof(float) * kTile.channels * static_cast<std::size_t>(args.r * args.s);
  const std::int64_t vectors = args.c / kTile.channels;
  unsigned lanes = 1;
  while (lanes < vectors && lanes < 32 && 2 * lanes * bytes_a_lane <= kSharedBytes) lanes *= 2;
  cudaLaunchConfig_t config = {};
  config.blockDim = dim3(lanes, kDepthwiseThreads / lanes);
  config.gridDim = dim3(Blocks(args.tiles, config.blockDim.y), Blocks(vectors, lanes));
  config.dynamicSmemBytes = lanes * bytes_a_lane;
  LaunchWith<T>(
      DepthwiseNhwc<T, kTile.channels, kTile.rows, kTile.columns, kTile.kernel, kTile.stride, kTile.vector>,
      config, args, pointers, stream);
}

template <typename T, DepthwiseTile kTile>
void LaunchNchw(const DepthwiseArgs& args, const ConvPointers& pointers, void* stream) {
  cudaLaunchConfig_t config = {};
  config.blockDim = dim3(kDepthwiseThreads);
  config.gridDim = dim3(Blocks(args.tiles, kDepthwiseThreads));
  LaunchWith<T>(
      DepthwiseNchw<T, kTile.channels, kTile.rows, kTile.columns, kTile.kernel, kTile.stride, kTile.vector>,
      config, args, pointers, stream);
}

std::string NameOf(const Convolution& conv, const DepthwiseTile& tile) {
  std::string name = conv.layout == ASSAY_NHWC
                         ? "native nhwc " + std::to_string(tile.channels) + " channels, "
                         : std::string("native nchw ");
  name += std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + " pixels";
  if (tile.vector) name += " in vectors";
  if (tile.kernel == 0) name += ", any kernel";
  return name;
}

template <typename T, assay_layout kLayout, DepthwiseTile kTile>
void Offer(const Convolution& conv, std::vector<Contender>& kernels) {
  if (!Takes(conv, kTile)) return;
  const DepthwiseArgs args = ArgsOf(conv, kTile);
  if (args.tiles >= kMaxIndex) return;
  kernels.push_back({NameOf(conv, kTile), 0, [args](const ConvPointers& pointers, void* stream) {
                       if constexpr (kLayout == ASSAY_NHWC) {
                         LaunchNhwc<T, kTile>(args, pointers, stream);
                       } else {
                         LaunchNchw<T, kTile>(args, pointers, stream);
                       }
                     }});
}

template <typename T, assay_layout kLayout, DepthwiseTile... kTiles>
std::vector<Contender> OfferAll(const Convolution& conv) {
  std::vector<Contender> kernels;
  (Offer<T, kLayout, kTiles>(conv, kernels), ...);
  return kernels;
}

template <typename T>
std::vector<Contender> KernelsOf(const Convolution& conv) {
  constexpr int kVector = 16 / static_cast<int>(sizeof(T));
  using Tile = DepthwiseTile;
  if (conv.layout == ASSAY_NHWC) {
    return OfferAll<T, ASSAY_NHWC, Tile{4, 2, 4, 3, 1}, Tile{4, 1, 4, 3, 1}, Tile{4, 2, 2, 3, 1},
                    Tile{4, 4, 4, 3, 1}, Tile{kVector, 2, 2, 3, 1}, Tile{kVector, 1, 2, 3, 1},
                    Tile{2, 4, 4, 3, 1}, Tile{4, 1, 1, 3, 1}, Tile{4, 2, 2, 3, 2}, Tile{4, 1, 2, 3, 2},
                    Tile{2, 4, 2, 3, 2}, Tile{kVector, 1, 2, 3, 2}, Tile{4, 1, 4, 5, 1}, Tile{4, 2, 4, 5, 1},
                    Tile{4, 1, 2, 5, 2}, Tile{4, 1, 4, 7, 1}, Tile{2, 2, 4, 7, 1}, Tile{1, 4, 4, 3, 1},
                    Tile{1, 2, 2, 3, 2}, Tile{4, 1, 1}, Tile{1, 1, 1}>(conv);
  }
  return OfferAll<T, ASSAY_NCHW, Tile{1, 4, 4, 3, 1, true}, Tile{1, 8, 4, 3, 1, true},
                  Tile{1, 4, kVector, 3, 1, true}, Tile{1, 4, 1, 3, 1}, Tile{1, 8, 1, 3, 1},
                  Tile{1, 4, 2, 3, 1}, Tile{1, 1, 1, 3, 1}, Tile{1, 4, 1, 3, 2}, Tile{1, 2, 1, 3, 2},
                  Tile{1, 4, 2, 3, 2}, Tile{1, 4, 4, 5, 1, true}, Tile{1, 4, 1, 5, 1}, Tile{1, 4, 1, 5, 2},
                  Tile{1, 4, 4, 7, 1, true}, Tile{1, 4, 1, 7, 1}, Tile{1, 1, 1}>(conv);
}

}  // namespace

std::vector<Contender> NativeDepthwiseKernels(const Convolution& conv) {
  if (!FitsIndices(conv)) return {};
  switch (conv.dtype) {
    case ASSAY_F32:
      return KernelsOf<float>(conv);
    case ASSAY_F16:
      return KernelsOf<__half>(conv);
    case ASSAY_BF16:
      return KernelsOf<__nv_bfloat16>(conv);
  }
  return {};
}

}  // namespace assay::cudnn
