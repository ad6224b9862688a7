// Kernels that compute another operator than the one asked for, which on some problems is the same: the
// classic mistakes of fusing a depthwise and a pointwise convolution.
#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty::composition {
namespace {

// y[k] = act_out(b_pw[k] + pointwise of x + depthwise of channel k): both halves, side by side.
template <class T>
__global__ void __launch_bounds__(kThreads) SumKernel(Shape shape, Tensors<T> t, std::int64_t total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= total) return;
  const Place at = PlaceOf(shape, i);
  float sum = DepthwiseAt<Correct>(shape, t, at.n, at.k % shape.c, at.p, at.q);
  for (std::int32_t c = 0; c < shape.c; ++c) {
    const T* plane = t.x + at.n * shape.x.n + c * shape.x.c;
    sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, at.k, c)]),
               Correct::Pixel(shape, plane, at.p * shape.stride_h, at.q * shape.stride_w), sum);
  }
  t.y[i] = FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, at.k), sum));
}

struct SumOfHalves : Launching {
  static constexpr const char* kName = "sum_of_halves";
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return device::LaunchKernel(SumKernel<T>, BlocksOf(Outputs(shape)), dim3(kThreads), 0, stream, shape,
                                TensorsOf<T>(buffers), Outputs(shape));
  }
};

struct MidBiasDropped : Fused {
  static constexpr const char* kName = "mid_bias_dropped";
  template <class T>
  static void Swap(const Shape&, Tensors<T>& t) {
    t.b_dw = nullptr;
  }
};

struct OutBiasDropped : Fused {
  static constexpr const char* kName = "out_bias_dropped";
  template <class T>
  static void Swap(const Shape&, Tensors<T>& t) {
    t.b_pw = nullptr;
  }
};

struct BiasOnWrongHalf : Fused {
  static constexpr const char* kName = "bias_on_wrong_half";
  template <class T>
  static __device__ float BiasDw(const Shape& shape, const Tensors<T>& t, std::int32_t c) {
    return t.b_pw ? ToFloat(t.b_pw[c % shape.k]) : 0.0f;
  }
  template <class T>
  static __device__ float BiasPw(const Shape& shape, const Tensors<T>& t, std::int32_t k) {
    return t.b_dw ? ToFloat(t.b_dw[k % shape.c]) : 0.0f;
  }
};

struct BiasAfterActivation : Fused {
  static constexpr const char* kName = "bias_after_activation";
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    return device::Activate(shape.act_mid, sum) + bias;
  }
};

struct ActivationsExchanged : Fused {
  static constexpr const char* kName = "activations_exchanged";
  static Shape Bend(Shape shape) {
    std::swap(shape.act_mid, shape.act_out);
    return shape;
  }
};

struct MidActivationDropped : Fused {
  static constexpr const char* kName = "mid_activation_dropped";
  static Shape Bend(Shape shape) {
    shape.act_mid = Activation::kNone;
    return shape;
  }
};

struct OutActivationDropped : Fused {
  static constexpr const char* kName = "out_activation_dropped";
  static Shape Bend(Shape shape) {
    shape.act_out = Activation::kNone;
    return shape;
  }
};

struct Relu6AsRelu : Fused {
  static constexpr const char* kName = "relu6_as_relu";
  static Shape Bend(Shape shape) {
    if (shape.act_mid == Activation::kRelu6) shape.act_mid = Activation::kRelu;
    if (shape.act_out == Activation::kRelu6) shape.act_out = Activation::kRelu;
    return shape;
  }
};

struct FilterFlipped : Fused {
  static constexpr const char* kName = "filter_flipped";
  static __device__ std::int32_t Tap(const Shape& shape, std::int32_t r, std::int32_t s) {
    return (shape.r - 1 - r) * shape.s + (shape.s - 1 - s);
  }
};

struct FilterTransposed : Fused {
  static constexpr const char* kName = "filter_transposed";
  static __device__ std::int32_t Tap(const Shape& shape, std::int32_t r, std::int32_t s) {
    return shape.r == shape.s ? s * shape.s + r : r * shape.s + s;
  }
};

struct WeightsTransposedIfSquare : Fused {
  static constexpr const char* kName = "weights_transposed_if_square";
  static __device__ std::int64_t Weight(const Shape& shape, std::int32_t k, std::int32_t c) {
    return shape.c == shape.k ? static_cast<std::int64_t>(c) * shape.c + k : Correct::Weight(shape, k, c);
  }
};

struct DilationIgnoredInW : Fused {
  static constexpr const char* kName = "dilation_ignored_in_w";
  static Shape Bend(Shape shape) {
    shape.dilation_w = 1;
    return shape;
  }
};

struct DilationAxesExchanged : Fused {
  static constexpr const char* kName = "dilation_axes_exchanged";
  static Shape Bend(Shape shape) {
    std::swap(shape.dilation_h, shape.dilation_w);
    return shape;
  }
};

struct StrideIgnoredInH : Fused {
  static constexpr const char* kName = "stride_ignored_in_h";
  static Shape Bend(Shape shape) {
    shape.stride_h = 1;
    return shape;
  }
};

struct StrideTwice : Fused {
  static constexpr const char* kName = "stride_twice";
  static Shape Bend(Shape shape) {
    shape.stride_h *= shape.stride_h;
    shape.stride_w *= shape.stride_w;
    return shape;
  }
};

struct LayoutIgnored : Fused {
  static constexpr const char* kName = "layout_ignored";
  static Shape Bend(Shape shape) {
    shape.x = dsconv::StridesOf(ASSAY_NCHW, shape.c, shape.h, shape.w);
    return shape;
  }
};

// What the kernel reads stays inside the plane, as it would if a bounds check were there for safety.
struct OnlySquareImages : Fused {
  static constexpr const char* kName = "only_square_images";
  template <class T>
  static __device__ float Pixel(const Shape& shape, const T* plane, std::int32_t h, std::int32_t w) {
    if (h < 0 || h >= shape.h || w < 0 || w >= shape.w) return 0.0f;
    const std::int32_t pixel = (h * shape.h + w) % (shape.h * shape.w);
    return Correct::Pixel(shape, plane, pixel / shape.w, pixel % shape.w);
  }
};

}  // namespace

Variants Rows() {
  return VariantsOf<SumOfHalves, MidBiasDropped, OutBiasDropped, BiasOnWrongHalf, BiasAfterActivation,
                    ActivationsExchanged, MidActivationDropped, OutActivationDropped, Relu6AsRelu,
                    FilterFlipped, FilterTransposed, WeightsTransposedIfSquare, DilationIgnoredInW,
                    DilationAxesExchanged, StrideIgnoredInH, StrideTwice, LayoutIgnored, OnlySquareImages>();
}

}  // namespace assay::faulty::composition
