// The `via_nhwc` variants: NCHW by the kernels for NHWC. Three launches: x is transposed into the workspace,
// another variant, picked as `auto` picks, does both halves there, y is transposed back.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/dsconv/auto/plan.h"
#include "kernels/dsconv/auto/promise.h"
#include "kernels/dsconv/auto/sizes.h"
#include "kernels/dsconv/variant.h"
#include "kernels/dsconv/via/transpose.h"

namespace assay::dsconv::via {

using automatic::SizesView;

// The problem that is picked for.
inline SizesView InNhwc(const assay_problem& problem) {
  return {automatic::SizesOf(problem), problem.dtype, ASSAY_NHWC};
}

inline std::int64_t Up(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

// Kind has: kName, kSummary, and kOperands, what fp32 operands may become in what is picked.
template <class Kind>
class ViaNhwc {
 public:
  static constexpr const char *kName = Kind::kName, *kSummary = Kind::kSummary;
  // Of the only one, its time.
  struct Tile {
    double us;
  };

  static assay_promise Promise(assay_dtype dtype) { return automatic::Promise<Kind::kOperands>(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (std::string why = automatic::WhyNotDtype<Kind::kOperands>(problem.dtype); !why.empty()) return why;
    if (problem.layout != ASSAY_NCHW) return "takes nchw; others take nhwc as it is";
    const SizesView view = InNhwc(problem);
    if (std::string why = WhyNotAnyVariant(view.View()); !why.empty()) return "in nhwc: " + why;
    if (InputOf(shape).Blocks() > kMostBlocks || OutputOf(shape).Blocks() > kMostBlocks)
      return "x or y has more than 2^31 - 1 blocks of 64 pixels by 64 channels";
    assay_message why{};
    if (!automatic::Takers(Promise(problem.dtype), view.View(), device, &why).empty()) return {};
    return std::string("in nhwc: ") + why.text;
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    const double picked_us = PickedUs(problem, device);
    if (picked_us <= 0) return {{0}};
    // Bytes that are read and written a microsecond, of which two at a time are fewer, and two launches more.
    constexpr double kLaunchUs = 2.5;
    const double bytes_per_us = problem.dtype == ASSAY_F32 ? 4e6 : 3e6;
    const auto bytes =
        static_cast<double>(BytesOf(InputOf(shape), problem.dtype) + BytesOf(OutputOf(shape), problem.dtype));
    return {{picked_us + 2 * bytes / bytes_per_us + 2 * kLaunchUs}};
  }
  static std::string TileName(const Tile&) { return "picked"; }
  static double Cost(const assay_problem&, const Shape&, const assay_device_info&, const Tile& tile) {
    return tile.us;
  }
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&) {
    return {{"c", kSide}, {"k", kSide}, {"q", kSide}};
  }

  ViaNhwc(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : dtype_(problem.dtype),
        input_(InputOf(shape)),
        output_(OutputOf(shape)),
        picked_(Promise(problem.dtype), InNhwc(problem).View(), device),
        description_("x and y transposed; " + picked_.description()) {}
  ViaNhwc(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile&)
      : ViaNhwc(problem, shape, device) {}

  // x and y in NHWC, then what the picked variant asks for.
  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(OutputAt() + Up(BytesOf(output_, dtype_))) + picked_.workspace_bytes();
  }
  const std::string& description() const { return description_; }

  std::int32_t Prepare(const assay_buffers& buffers, void* stream, assay_message* error) const {
    const Inner inner(*this, buffers);
    return picked_.Prepare(&inner.buffers, stream, error);
  }

  std::int32_t Launch(const assay_buffers& buffers, void* stream, assay_message* error) const {
    const Inner inner(*this, buffers);
    cudaError_t status = Transposed(buffers.inputs[kX], inner.x, input_, stream);
    if (status != cudaSuccess) return Report(status, "transposing x", error);
    if (picked_.Launch(&inner.buffers, stream, error) != 0) return 1;
    status = Transposed(inner.y, buffers.outputs[0], output_, stream);
    return Report(status, "transposing y", error);
  }

 private:
  // Of what is picked in NHWC; 0: not known. `auto` asks for a problem and for those near it that were tuned,
  // every time, and ranking asks each variant for all of its tiles: it is remembered.
  static double PickedUs(const assay_problem& problem, const assay_device_info& device) {
    using Key = std::tuple<decltype(automatic::Values(automatic::Sizes{})), assay_dtype, std::string,
                           std::int32_t, std::int32_t, std::int64_t>;
    static std::mutex guard;
    static std::map<Key, double> known;
    const Key key{automatic::Values(automatic::SizesOf(problem)),
                  problem.dtype,
                  device.name,
                  device.num_sms,
                  device.compute_capability,
                  device.shared_bytes_per_block};
    {
      const std::lock_guard lock(guard);
      if (const auto found = known.find(key); found != known.end()) return found->second;
    }
    const SizesView view = InNhwc(problem);
    const auto picks = automatic::RankAll(Promise(problem.dtype), view.View(), device);
    const double us = picks.empty() ? 0 : picks.front().us;
    const std::lock_guard lock(guard);
    known.emplace(key, us);
    return us;
  }

  static constexpr std::int64_t kMostBlocks = 0x7fffffff;

  // The planes of x, and the pixels of the y that is picked for.
  static Matrices InputOf(const Shape& shape) { return {shape.n, shape.c, shape.h * shape.w}; }
  static Matrices OutputOf(const Shape& shape) { return {shape.n, shape.p * shape.q, shape.k}; }
  static std::int64_t BytesOf(const Matrices& matrices, assay_dtype dtype) {
    return std::int64_t{dtype == ASSAY_F32 ? 4 : 2} * matrices.count * matrices.rows * matrices.columns;
  }
  std::int64_t OutputAt() const { return Up(BytesOf(input_, dtype_)); }

  cudaError_t Transposed(const void* from, void* to, const Matrices& matrices, void* stream) const {
    return dtype_ == ASSAY_F32 ? Transpose<std::uint32_t>(from, to, matrices, stream)
                               : Transpose<std::uint16_t>(from, to, matrices, stream);
  }

  // The buffers that the picked variant sees.
  struct Inner {
    Inner(const ViaNhwc& plan, const assay_buffers& all)
        : x(static_cast<char*>(all.workspace)),
          y(x + plan.OutputAt()),
          inputs(all.inputs, all.inputs + all.num_inputs),
          buffers(all) {
      inputs[kX] = x;
      const std::int64_t taken = plan.OutputAt() + Up(BytesOf(plan.output_, plan.dtype_));
      buffers.inputs = inputs.data();
      buffers.outputs = &y;
      buffers.workspace = x + taken;
      buffers.workspace_bytes -= static_cast<std::uint64_t>(taken);
    }
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;

    char* const x;
    void* const y;
    std::vector<const void*> inputs;
    assay_buffers buffers;
  };

  assay_dtype dtype_;
  Matrices input_, output_;
  automatic::Plan picked_;
  std::string description_;
};

}  // namespace assay::dsconv::via
