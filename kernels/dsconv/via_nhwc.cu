// NCHW by the kernels for NHWC, which stand on tensor maps and matrices of pixels by channels. Three
// launches: x is transposed into the workspace, 64 channels by 64 pixels a block; another variant, picked as
// `auto` picks, does both halves there; y is transposed back. So x and y pass device memory three times
// instead of once, and the intermediate never. Time goes to device memory in the transposing, and to what was
// picked. Bits are moved as they are: what is promised is what the picked variant keeps.
#include "kernels/dsconv/via/picked.h"

namespace assay::dsconv::via_nhwc {
namespace {

struct AsAuto {
  static constexpr const char *kName = "via_nhwc",
                              *kSummary =
                                  "nchw in three launches: x transposed, another variant in nhwc, y "
                                  "transposed";
  static constexpr auto kOperands = automatic::Fp32Operands::kAccurate;
};

}  // namespace

assay_variant Row() { return VariantOf<via::ViaNhwc<AsAuto>>::Row(); }

}  // namespace assay::dsconv::via_nhwc
