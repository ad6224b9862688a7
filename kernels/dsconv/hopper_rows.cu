// Few input channels, so few that whole rows of images fit shared memory by the dozen (fp16 and bf16, NHWC,
// 3x3, sm_90a). A block, one a multiprocessor, takes an image or a band of one and goes down its rows: they
// are copied as they lie in memory, all columns of all channels in one bulk copy, each once, so that neither
// a halo nor a box's many short rows take the copy engine's time. Twelve warps make the depthwise half, four
// channels of some columns a lane, sums of two or three rows in registers; what is finished becomes operands,
// which a warpgroup multiplies by weights that stay (wgmma) and stores. At stride 2 time goes to device
// memory, at stride 1 to the depthwise half.
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/rows/choose.h"
#include "kernels/dsconv/rows/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_rows {
namespace {

class HopperRows {
 public:
  using Tile = rows::Tile;
  static constexpr const char* kName = "hopper_rows";
  static constexpr const char* kSummary =
      "for few channels: whole rows of x by bulk copies, depthwise in fp32, pointwise by wgmma; fp16 and "
      "bf16, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (std::string why = WhyNotFilters(shape); !why.empty()) return why;
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (shape.k % 8 != 0) return "takes k a multiple of 8; hopper takes others";
    if (std::int64_t{shape.n} * shape.p > 1 << 26 || std::int64_t{shape.w} * shape.c > 1 << 16 ||
        std::int64_t{shape.k} * shape.c > 1 << 17 || shape.pad_w > shape.w + 2 ||
        rows::AllTiles(shape, problem.dtype, device).empty()) {
      return "rows of x, or the pointwise weights, do not fit into shared memory beside operands, or a row "
             "has more than 384 times four columns of four channels; hopper takes such problems";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return rows::AllTiles(shape, problem.dtype, device);
  }
  static std::string TileName(const Tile& tile) {
    return "w" + std::to_string(tile.span) + "n" + std::to_string(tile.columns) + "b" +
           std::to_string(tile.bands);
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return rows::CostOf(
        shape, rows::MakePlan(shape, problem.dtype, tile, device.num_sms, device.shared_bytes_per_block));
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&) {
    return {{"q", 8}, {"k", 32}, {"c", 16}};
  }

  HopperRows(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperRows(problem, shape, device, rows::AllTiles(shape, problem.dtype, device).at(0)) {}
  HopperRows(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
             const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        plan_(rows::MakePlan(shape, problem.dtype, tile, device.num_sms, device.shared_bytes_per_block)) {
    description_ = std::to_string(tile.span) + " columns of 4 channels a lane, " +
                   std::to_string(plan_.group_rows) + " rows of outputs at once, " +
                   std::to_string(plan_.stages) + " stages of " + std::to_string(plan_.stage_rows) +
                   " rows of x, " + std::to_string(tile.columns) + " output channels at once, bands of " +
                   std::to_string(plan_.band_rows) + " rows, " + std::to_string(plan_.shared_bytes) +
                   " bytes of shared memory, grid " + std::to_string(plan_.grid);
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return rows::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack(dtype_, kernel_of, shape_, plan_, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      return ForTile([&](auto stride, auto span, auto tiles) {
        return device::LaunchKernel(
            rows::RowsKernel<T, stride(), span(), tiles()>, dim3(static_cast<unsigned>(plan_.grid)),
            dim3(rows::kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_,
            static_cast<const char*>(buffers.inputs[kX]), static_cast<const char*>(buffers.workspace),
            static_cast<T*>(buffers.outputs[0]));
      });
    });
#endif
  }

 private:
  // `fn` with the numbers that kernels are compiled for.
  template <class Fn>
  cudaError_t ForTile(Fn&& fn) const {
    switch (plan_.tile.columns) {
      case 32:
        return ForSpan(fn, kNumber<4>);
      case 64:
        return ForSpan(fn, kNumber<8>);
      case 96:
        return ForSpan(fn, kNumber<12>);
      default:
        return cudaErrorInvalidValue;
    }
  }
  template <class Fn, class Tiles>
  cudaError_t ForSpan(Fn&& fn, Tiles tiles) const {
    switch (shape_.stride_h * 10 + plan_.tile.span) {
      case 13:
        return fn(kNumber<1>, kNumber<3>, tiles);
      case 14:
        return fn(kNumber<1>, kNumber<4>, tiles);
      case 22:
        return fn(kNumber<2>, kNumber<2>, tiles);
      case 23:
        return fn(kNumber<2>, kNumber<3>, tiles);
      case 24:
        return fn(kNumber<2>, kNumber<4>, tiles);
      default:
        return cudaErrorInvalidValue;
    }
  }
  template <int kValue>
  static constexpr std::integral_constant<int, kValue> kNumber{};

  Shape shape_;
  assay_dtype dtype_;
  rows::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperRows>::Row(); }

}  // namespace assay::dsconv::hopper_rows
