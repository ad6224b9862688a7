// Many input and output channels (fp16 and bf16, sm_90a): both halves in one persistent kernel, a block a
// multiprocessor, one half after the other. All warps of all blocks make the depthwise half, each output
// once, into the workspace, most of which L2 keeps; when all have, two warpgroups of each block multiply it,
// 128 pixels x up to 256 output channels at a time, while a warp copies operands and one weights, which two
// blocks of a cluster may share (multicast). Time goes to FMA and device memory first, then to the tensor
// cores, which nothing else disturbs.
#include "kernels/dsconv/phases/fused.h"

namespace assay::dsconv::hopper_phases {
namespace {

struct HopperPhases {
  static constexpr const char *kName = "hopper_phases", *kOthers = "hopper";
  static constexpr const char* kSummary =
      "for many channels: all blocks make the depthwise half in L2, then multiply it by wgmma; fp16 and "
      "bf16, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }
  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (shape.k % 8 == 0) return {};
    return "takes k a multiple of 8, whose rows are stored by TMA; hopper_l2 takes others";
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype dtype, Fn&& fn) {
    return DispatchSixteenBits(dtype, fn);
  }
};

}  // namespace

assay_variant Row() { return VariantOf<phases::Fused<HopperPhases>>::Row(); }

}  // namespace assay::dsconv::hopper_phases
