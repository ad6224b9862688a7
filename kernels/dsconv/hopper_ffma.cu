// Both halves in fp32 by FFMA, each in warps of their own; fp32 tensors, sm_90a.
// A block owns 128 output pixels and up to 256 output channels, and walks over such tiles (persistent), as
// `hopper_tf32` does (hopper_tf32/plan.h): a warp loads input tiles by TMA, one pointwise weights, once where
// they fit, six make the depthwise half, and eight multiply, 8 x 4 to 8 x 16 sums a thread. Shared memory
// holds rings of input tiles, of depthwise results [channel][pixel] and of weights [channel][column]. The
// multiplying warps issue nothing but FFMA and a read of 16 bytes for 16 of them; time goes to these.
#include "kernels/dsconv/hopper_tf32/fused.h"

namespace assay::dsconv::hopper_ffma {
namespace {

struct HopperFfma {
  static constexpr const char* kName = "hopper_ffma";
  static constexpr const char* kSummary =
      "both halves in fp32 by FFMA, loads and either half in warps of their own; fp32, sm_90a";
  static constexpr int kParts = 0;
  static constexpr assay_format kOperand = ASSAY_FORMAT_F32;
};

}  // namespace

assay_variant Row() { return VariantOf<hopper_tf32::Fused<HopperFfma>>::Row(); }

}  // namespace assay::dsconv::hopper_ffma
