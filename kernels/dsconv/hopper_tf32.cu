// The depthwise half in fp32 by FFMA, the pointwise half by wgmma in TF32; fp32 tensors, sm_90a.
// A block owns 128 or 64 output pixels and up to 320 output channels, and walks over such tiles (persistent).
// Warps load (TMA, or element by element where rows are no multiples of 16 bytes): input tiles of 16 or 32
// channels, each with its halo and depthwise weights, several ahead, and pointwise weights, once where they
// fit. One to three groups of warps make the depthwise half (strips_nhwc.h, depthwise_*.h) and leave it in
// shared memory as operand A; one or two warpgroups multiply it by the weights and store (Sharing). Time goes
// to device memory where there are few channels, to the depthwise half on small images, to shared memory and
// the products where there are many.
#include "kernels/dsconv/hopper_tf32/fused.h"

namespace assay::dsconv::hopper_tf32 {
namespace {

struct HopperTf32 {
  static constexpr const char* kName = "hopper_tf32";
  static constexpr const char* kSummary =
      "depthwise in fp32 and pointwise by wgmma in TF32, in warps of their own; fp32, sm_90a";
  static constexpr int kParts = 1;
  static constexpr assay_format kOperand = ASSAY_FORMAT_TF32;
};

}  // namespace

assay_variant Row() { return VariantOf<Fused<HopperTf32>>::Row(); }

}  // namespace assay::dsconv::hopper_tf32
