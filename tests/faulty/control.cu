// Right kernels, made of the same parts as the faulty ones. Each keeps what it promises, so none may be
// accused.
#include "tests/faulty/arithmetic_steps.h"
#include "tests/faulty/block_kernels.h"
#include "tests/faulty/two_launches.h"

namespace assay::faulty::control {
namespace {

struct ControlFused : Fused {
  static constexpr const char* kName = "control_fused";
};

struct ControlTiles : Launching {
  static constexpr const char* kName = "control_tiles";
  static std::string WhyNot(const Shape& shape, assay_dtype) { return WhyNoBlocks(shape); }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunTiles<BlockSteps, T>(shape, buffers, stream);
  }
};

struct ControlShuffles : Launching {
  static constexpr const char* kName = "control_shuffles";
  static std::string WhyNot(const Shape& shape, assay_dtype) { return WhyNoBlocks(shape); }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunShuffles<WarpSteps, T>(shape, buffers, stream);
  }
};

struct ControlTwoLaunches : Launching {
  static constexpr const char* kName = "control_two_launches";
  std::uint64_t WorkspaceBytes(const Shape& shape, assay_dtype) const {
    return sizeof(float) * static_cast<std::uint64_t>(Intermediates(shape));
  }
  template <class T>
  cudaError_t Launch(const Shape& shape, const assay_buffers& buffers, void* stream) {
    return RunTwoLaunches<T>(shape, TensorsOf<T>(buffers), static_cast<float*>(buffers.workspace), stream);
  }
};

struct ControlFp16Operands : Fp16OperandSteps {
  static constexpr const char* kName = "control_fp16_operands";
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.operand = ASSAY_FORMAT_F16;
    return promise;
  }
};

struct ControlTf32Operands : Tf32OperandSteps {
  static constexpr const char* kName = "control_tf32_operands";
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.operand = ASSAY_FORMAT_TF32;
    return promise;
  }
};

struct ControlFp16Accumulator : AccumulatorSteps<__half> {
  static constexpr const char* kName = "control_fp16_accumulator";
  // Step exact lets sums of fp32 tensors grow to 2^24, further than an fp16 accumulator counts, whatever is
  // promised: it would accuse this kernel.
  static std::string WhyNot(const Shape&, assay_dtype dtype) {
    return dtype == ASSAY_F32 ? "dtype: sums in fp16 are for 16-bit tensors" : "";
  }
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.accumulator = ASSAY_FORMAT_F16;
    return promise;
  }
};

struct ControlRoundedIntermediate : RoundedIntermediateSteps {
  static constexpr const char* kName = "control_rounded_intermediate";
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.rounds_intermediate = 1;
    return promise;
  }
};

struct ControlRoundedSums : RoundedSumSteps {
  static constexpr const char* kName = "control_rounded_sums";
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.rounds_intermediate = 1;
    promise.rounds_sums = 1;
    return promise;
  }
};

struct ControlAtomics : AtomicSumSteps {
  static constexpr const char* kName = "control_atomics";
  static assay_promise Promise(assay_dtype) {
    assay_promise promise = dsconv::Fp32Promise();
    promise.repeatable = 0;
    return promise;
  }
};

}  // namespace

Variants Rows() {
  return VariantsOf<ControlFused, ControlTiles, ControlShuffles, ControlTwoLaunches, ControlFp16Operands,
                    ControlTf32Operands, ControlFp16Accumulator, ControlRoundedIntermediate,
                    ControlRoundedSums, ControlAtomics>();
}

}  // namespace assay::faulty::control
