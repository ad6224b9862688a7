// Kernels that are right in the middle and wrong at an edge: of the image, of a tile, of a count of channels.
#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty::edges {
namespace {

// The tile that these kernels believe in.
constexpr std::int32_t kTileColumns = 16;

struct TopEdge : Fused {
  static constexpr const char* kName = "top_edge";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    return h <= 0 ? 0.0f : Correct::Pixel(shape, plane, h, w);
  }
};

struct BottomEdge : Fused {
  static constexpr const char* kName = "bottom_edge";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    return h >= shape.h - 1 ? 0.0f : Correct::Pixel(shape, plane, h, w);
  }
};

struct LeftEdge : Fused {
  static constexpr const char* kName = "left_edge";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    return w <= 0 ? 0.0f : Correct::Pixel(shape, plane, h, w);
  }
};

struct RightEdge : Fused {
  static constexpr const char* kName = "right_edge";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    return w >= shape.w - 1 ? 0.0f : Correct::Pixel(shape, plane, h, w);
  }
};

struct PaddingIsNearest : Fused {
  static constexpr const char* kName = "padding_is_nearest";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    return Correct::Pixel(shape, plane, min(max(h, 0), shape.h - 1), min(max(w, 0), shape.w - 1));
  }
};

// Pads the intermediate and not x: where a window leaves the image, the depthwise result counts as zero.
template <class T>
__global__ void __launch_bounds__(kThreads) PadMidKernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  const std::int32_t h = at.p * shape.stride_h - shape.pad_h, w = at.q * shape.stride_w - shape.pad_w;
  const bool inside = h >= 0 && w >= 0 && h + (shape.r - 1) * shape.dilation_h < shape.h &&
                      w + (shape.s - 1) * shape.dilation_w < shape.w;
  float sum = 0.0f;
  for (std::int32_t c = 0; inside && c < shape.c; ++c) {
    sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]),
               DepthwiseAt<Correct>(shape, t, at.n, c, at.p, at.q), sum);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), sum));
}

struct PaddingOfIntermediate : Launching {
  static constexpr const char* kName = "padding_of_intermediate";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return device::LaunchKernel(PadMidKernel<T>, BlocksOf(Outputs(shape)), dim3(kThreads), 0, stream, shape,
                                TensorsOf<T>(buffers), Outputs(shape));
  }
};

struct TopPaddingForLeft : Fused {
  static constexpr const char* kName = "top_padding_for_left";
  static Shape Bend(Shape shape) {
    shape.pad_w = shape.pad_h;
    return shape;
  }
};

struct ColumnsPastBlock : Fused {
  static constexpr const char* kName = "columns_past_block";
  static __device__ bool Skip(const Shape&, const Place& at) { return at.q >= kTileColumns; }
};

struct GridAxesExchanged : Fused {
  static constexpr const char* kName = "grid_axes_exchanged";
  static __device__ bool Skip(const Shape& shape, const Place& at) {
    return at.p >= shape.q || at.q >= shape.p;
  }
};

struct ChannelsUpToK : Fused {
  static constexpr const char* kName = "channels_up_to_k";
  static __device__ std::int32_t Channels(const Shape& shape) { return min(shape.c, shape.k); }
};

struct LastOddChannelDropped : Fused {
  static constexpr const char* kName = "last_odd_channel_dropped";
  static __device__ std::int32_t Channels(const Shape& shape) { return shape.c / 2 * 2; }
};

struct ChannelsPast32Dropped : Fused {
  static constexpr const char* kName = "channels_past_32_dropped";
  static __device__ std::int32_t Channels(const Shape& shape) { return min(shape.c, 32); }
};

struct LastOutputChannelDropped : Fused {
  static constexpr const char* kName = "last_output_channel_dropped";
  static __device__ bool Skip(const Shape& shape, const Place& at) {
    return shape.k % 2 == 1 && at.k == shape.k - 1;
  }
};

struct WrongForKernel5 : Fused {
  static constexpr const char* kName = "wrong_for_kernel_5";
  static __device__ std::int32_t Tap(const Shape& shape, std::int32_t r, std::int32_t s) {
    return shape.s == 5 && s == 4 ? r * shape.s : r * shape.s + s;
  }
};

struct WrongForKernel7 : Fused {
  static constexpr const char* kName = "wrong_for_kernel_7";
  static __device__ std::int32_t Tap(const Shape& shape, std::int32_t r, std::int32_t s) {
    return shape.r == 7 && r == 6 ? s : r * shape.s + s;
  }
};

// The grid counts whole blocks only.
struct LastBlockMissing : Launching {
  static constexpr const char* kName = "last_block_missing";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    const auto blocks = static_cast<unsigned>(Outputs(shape) / kThreads);
    return device::LaunchKernel(FusedKernel<Correct, T>, dim3(blocks > 0 ? blocks : 1), dim3(kThreads), 0,
                                stream, shape, TensorsOf<T>(buffers), Outputs(shape));
  }
};

// Offsets into x in 32 bits: past 2^31 they are negative, which the bounds check takes for outside the image.
template <class T>
__global__ void __launch_bounds__(kThreads) Offsets32Kernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  float sum = 0.0f;
  for (std::int32_t c = 0; c < shape.c; ++c) {
    float mid = 0.0f;
    for (std::int32_t tap = 0; tap < shape.r * shape.s; ++tap) {
      const std::int32_t h = at.p * shape.stride_h - shape.pad_h + tap / shape.s * shape.dilation_h;
      const std::int32_t w = at.q * shape.stride_w - shape.pad_w + tap % shape.s * shape.dilation_w;
      if (h < 0 || h >= shape.h || w < 0 || w >= shape.w) continue;
      const auto offset = static_cast<std::int32_t>(static_cast<std::uint32_t>(
          at.n * shape.x.n + c * shape.x.c + static_cast<std::int64_t>(h) * shape.x.h + w * shape.x.w));
      if (offset >= 0) mid = fmaf(ToFloat(t.w_dw[c * shape.r * shape.s + tap]), ToFloat(t.x[offset]), mid);
    }
    mid = Correct::Mid<T>(shape, Correct::BiasDw(shape, t, c), mid);
    sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]), mid, sum);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), sum));
}

struct OffsetsIn32Bits : Launching {
  static constexpr const char* kName = "offsets_in_32_bits";
  static std::string WhyNot(const Shape& shape, assay_dtype) {
    const bool shows = Inputs(shape) > (std::int64_t{1} << 31);
    return shows ? "" : "n * c * h * w is at most 2^31, and up to there it is right";
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return device::LaunchKernel(Offsets32Kernel<T>, BlocksOf(Outputs(shape)), dim3(kThreads), 0, stream,
                                shape, TensorsOf<T>(buffers), Outputs(shape));
  }
};

}  // namespace

Variants Rows() {
  return VariantsOf<TopEdge, BottomEdge, LeftEdge, RightEdge, PaddingIsNearest, PaddingOfIntermediate,
                    TopPaddingForLeft, ColumnsPastBlock, GridAxesExchanged, ChannelsUpToK,
                    LastOddChannelDropped, ChannelsPast32Dropped, LastOutputChannelDropped, WrongForKernel5,
                    WrongForKernel7, LastBlockMissing, OffsetsIn32Bits>();
}

}  // namespace assay::faulty::edges
