// The kernel of hopper_phases.cu for fp32 tensors, the pointwise half in TF32: 32 channels a chunk, a lane
// two of them, rounded to TF32 where the depthwise half hands them over; y leaves from registers.
#include "kernels/dsconv/floats_nhwc.h"
#include "kernels/dsconv/phases/fused.h"

namespace assay::dsconv::hopper_phases_tf32 {
namespace {

struct HopperPhasesTf32 : FloatsNhwc<1> {
  static constexpr const char *kName = "hopper_phases_tf32", *kOthers = "hopper_tf32";
  static constexpr const char* kSummary =
      "as hopper_phases, depthwise in fp32, pointwise by wgmma in TF32; fp32, sm_90a";

  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    return WhyNotFloatsNhwc(problem, shape, device, kOthers);
  }
};

}  // namespace

assay_variant Row() { return VariantOf<phases::Fused<HopperPhasesTf32>>::Row(); }

}  // namespace assay::dsconv::hopper_phases_tf32
