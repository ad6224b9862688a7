// Both halves on matrix units (mma.sync), the intermediate in registers only; fp16 and bf16.
// A block owns a rectangle of output pixels and up to 128 output channels, and walks over rectangles
// (persistent). The halo'd input tile of a chunk of channels, and its weights unless they stay, come into
// shared memory by cp.async, some chunks ahead. A warp owns a patch of 8 x 2 kRows pixels, or of several that
// share its input channels one part: it makes the depthwise half of 16 channels by products with diagonal
// matrices (mma/depthwise.h), whose sums, rounded, are the A fragments of the pointwise product. Each input
// is read from shared memory 4.5 times (3 x 3, 8 rows), weights once for all rows of a warp. Time goes to
// device memory where there are few output channels, and to the products where there are many.
#include <string>

#include "kernels/dsconv/mma/fused.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::mma {
namespace {

struct Mma {
  static constexpr const char* kName = "mma";
  static constexpr const char* kSummary =
      "both halves on matrix units (mma.sync), the intermediate in registers; fp16 and bf16";
  template <class T>
  using LoaderOf = CopyLoader<T>;
  using Blocks = BlockList<Block<4, 2, 12>, Block<4, 4, 12>, Block<2, 4, 12>, Block<4, 8, 8>, Block<2, 8, 12>,
                           Block<2, 12, 8>, Block<2, 16, 8>>;

  template <class T>
  static cudaError_t SourceOf(const Shape&, const Plan&, const T* x, const T*& source) {
    source = x;
    return cudaSuccess;
  }

  static std::string WhyNot(const assay_problem&, const Shape&, const assay_device_info& device) {
    if (device.backend == ASSAY_BACKEND_CUDA && device.compute_capability < 80) {
      return "mma.sync needs compute capability 8.0";
    }
    return {};
  }
};

}  // namespace

assay_variant Row() { return VariantOf<Fused<Mma>>::Row(); }

}  // namespace assay::dsconv::mma
