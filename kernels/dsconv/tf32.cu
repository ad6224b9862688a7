// The depthwise half in fp32 by FFMA, the pointwise half on matrix units in TF32 (mma.sync m16n8k8).
// A block owns a rectangle of output pixels and up to 128 output channels, and walks over rectangles
// (persistent). The halo'd input tile of 16 channels, and their weights unless they stay, come into shared
// memory by cp.async, two chunks ahead. A warp owns 4 x 8 pixels: a lane computes one column of four
// channels, and so holds its part of the B fragments (tf32/depthwise.h); A fragments are weights, prepacked,
// read once for the four rows. Time goes to device memory where there are few channels, to the products where
// many.
#include "kernels/dsconv/tf32/fused.h"

namespace assay::dsconv::tf32 {
namespace {

struct Tf32 {
  static constexpr const char* kName = "tf32";
  static constexpr const char* kSummary =
      "depthwise in fp32, pointwise on matrix units in TF32, the intermediate in registers; fp32";
  static constexpr int kParts = 1;
  static constexpr assay_format kOperand = ASSAY_FORMAT_TF32;
};

}  // namespace

assay_variant Row() { return VariantOf<Fused<Tf32>>::Row(); }

}  // namespace assay::dsconv::tf32
