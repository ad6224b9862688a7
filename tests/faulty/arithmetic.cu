// Kernels that compute the right thing in other arithmetic than they promise, which is fp32.
#include "tests/faulty/arithmetic_steps.h"

namespace assay::faulty::arithmetic {
namespace {

std::string Only16Bits(assay_dtype dtype) {
  return dtype == ASSAY_F32 ? "dtype: in fp32 there is nothing to round to" : "";
}

struct Fp16Operands : Fp16OperandSteps {
  static constexpr const char* kName = "fp16_operands";
};
struct Tf32Operands : Tf32OperandSteps {
  static constexpr const char* kName = "tf32_operands";
};
struct Fp16Accumulator : AccumulatorSteps<__half> {
  static constexpr const char* kName = "fp16_accumulator";
};
struct Bf16Accumulator : AccumulatorSteps<__nv_bfloat16> {
  static constexpr const char* kName = "bf16_accumulator";
};

struct RoundedIntermediate : RoundedIntermediateSteps {
  static constexpr const char* kName = "rounded_intermediate";
  static std::string WhyNot(const Shape&, assay_dtype dtype) { return Only16Bits(dtype); }
};
struct RoundedSums : RoundedSumSteps {
  static constexpr const char* kName = "rounded_sums";
  static std::string WhyNot(const Shape&, assay_dtype dtype) { return Only16Bits(dtype); }
};

// The bits that the type lacks are cut off, as a shift makes bf16 of fp32, where rounding is promised.
struct TruncatedIntermediate : Fused {
  static constexpr const char* kName = "truncated_intermediate";
  static std::string WhyNot(const Shape&, assay_dtype dtype) { return Only16Bits(dtype); }
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.rounds_intermediate = 1;
    return promise;
  }
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    const float value = Correct::Mid<T>(shape, bias, sum);
    const unsigned bits = __float_as_uint(value);
    if ((bits & 0x7f800000U) == 0x7f800000U) return value;
    return __uint_as_float(bits & (std::is_same_v<T, __half> ? 0xffffe000U : 0xffff0000U));
  }
};

// The accumulator is the tensors' own type, as where `auto sum = x[i] * w[i]` stands.
struct SumInDtype : Fused {
  static constexpr const char* kName = "sum_in_dtype";
  static std::string WhyNot(const Shape&, assay_dtype dtype) { return Only16Bits(dtype); }
  template <class T>
  static __device__ float MulAdd(float weight, float value, float sum) {
    return RoundTo<T>(fmaf(weight, value, sum));
  }
};

std::string OnlySilu(const Shape& shape) {
  const bool silu = shape.act_mid == Activation::kSilu || shape.act_out == Activation::kSilu;
  return silu ? "" : "act_mid, act_out: neither is silu, and it is right elsewhere";
}

// `Silu::Of` wherever the problem asks for silu.
template <class Silu>
struct WithSilu : Fused {
  static std::string WhyNot(const Shape& shape, assay_dtype) { return OnlySilu(shape); }
  static __device__ float Activate(Activation activation, float z) {
    return activation == Activation::kSilu ? Silu::Of(z) : device::Activate(activation, z);
  }
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    return Activate(shape.act_mid, sum + bias);
  }
  template <class T>
  static __device__ float Out(const Shape& shape, float bias, float sum) {
    return Activate(shape.act_out, sum + bias);
  }
};

// What fast-math makes of it, __expf and __fdividef, in operations that a CPU has too. Like __fdividef, it
// gives zero for divisors above 2^126.
struct FastExponential {
  static __device__ float Of(float z) {
    const float divisor = 1.0f + exp2f(__fmul_rn(-z, 1.44269504f));
    return divisor > 8.507e37f ? 0.0f : z * __frcp_rn(divisor);
  }
};
struct FastMathSilu : WithSilu<FastExponential> {
  static constexpr const char* kName = "fast_math_silu";
};

// By way of a hyperbolic tangent with 11 bits, as tanh.approx.f32 has.
struct CoarseTangent {
  static __device__ float Of(float z) { return 0.5f * z * (1.0f + RoundToTf32(tanhf(0.5f * z))); }
};
struct ApproximateSilu : WithSilu<CoarseTangent> {
  static constexpr const char* kName = "approximate_silu";
};

// e^z / (1 + e^z), which is infinity over infinity from 88.8 on.
struct OverflowingQuotient {
  static __device__ float Of(float z) {
    const float e = expf(z);
    return z * (e / (1.0f + e));
  }
};
struct SiluOverflows : WithSilu<OverflowingQuotient> {
  static constexpr const char* kName = "silu_overflows";
};

std::string OnlyRelu(const Shape& shape) {
  const auto is_relu = [](Activation a) { return a == Activation::kRelu || a == Activation::kRelu6; };
  const bool relu = is_relu(shape.act_mid) || is_relu(shape.act_out);
  return relu ? "" : "act_mid, act_out: neither is relu or relu6, and it is right elsewhere";
}

// fmaxf(NaN, 0) is 0.
struct NaNSwallowed : Fused {
  static constexpr const char* kName = "nan_swallowed";
  static std::string WhyNot(const Shape& shape, assay_dtype) { return OnlyRelu(shape); }
  static __device__ float Activate(Activation activation, float z) {
    if (activation == Activation::kRelu) return fmaxf(z, 0.0f);
    if (activation == Activation::kRelu6) return fminf(fmaxf(z, 0.0f), 6.0f);
    return device::Activate(activation, z);
  }
  template <class T>
  static __device__ float Mid(const Shape& shape, float bias, float sum) {
    return Activate(shape.act_mid, sum + bias);
  }
  template <class T>
  static __device__ float Out(const Shape& shape, float bias, float sum) {
    return Activate(shape.act_out, sum + bias);
  }
};

// What -ftz=true does, and on 16-bit tensors what a unit without subnormals does.
struct SubnormalsFlushed : Fused {
  static constexpr const char* kName = "subnormals_flushed";
  template <class T>
  static __device__ float Flush(float value) {
    const float smallest = std::is_same_v<T, __half> ? 6.103515625e-5f : 1.17549435e-38f;
    return fabsf(value) < smallest ? 0.0f : value;
  }
  template <class T>
  static __device__ float MulAdd(float weight, float value, float sum) {
    return fmaf(Flush<T>(weight), Flush<T>(value), sum);
  }
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    y[i] = FromFloat<T>(Flush<T>(value));
  }
};

// Where a sum overflows it stops at the largest number, as saturating conversions do.
struct InfinityClamped : Fused {
  static constexpr const char* kName = "infinity_clamped";
  template <class T>
  static __device__ void Store(const Shape&, T* y, std::int64_t i, const Place&, float value) {
    const float largest = std::is_same_v<T, __half> ? 65504.0f : 3.38953139e38f;
    y[i] = FromFloat<T>(value > largest ? largest : (value < -largest ? -largest : value));
  }
};

struct NotRepeatable : AtomicSumSteps {
  static constexpr const char* kName = "not_repeatable";
};

}  // namespace

Variants Rows() {
  return VariantsOf<Fp16Operands, Tf32Operands, Fp16Accumulator, Bf16Accumulator, RoundedIntermediate,
                    RoundedSums, TruncatedIntermediate, SumInDtype, FastMathSilu, ApproximateSilu,
                    SiluOverflows, NaNSwallowed, SubnormalsFlushed, InfinityClamped, NotRepeatable>();
}

}  // namespace assay::faulty::arithmetic
