#include "harness/device/tile.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace assay {
namespace {

// More than any kernel has; a pack that says it has more is asked for no more.
constexpr std::int32_t kMostAxes = 16;

bool IsParameter(const assay_problem& problem, const char* name) {
  const std::span params(problem.params, static_cast<std::size_t>(problem.num_params));
  return std::ranges::any_of(params,
                             [&](const assay_param& param) { return std::strcmp(param.name, name) == 0; });
}

}  // namespace

std::vector<TileAxis> TileOf(const assay_variant& variant, const assay_problem& problem,
                             const assay_device_info& device) {
  if (variant.tile == nullptr) return {};
  std::array<assay_tile_axis, kMostAxes> axes = {};  // what the pack leaves unwritten has no name
  const std::int32_t count =
      std::clamp(variant.tile(&problem, &device, axes.data(), kMostAxes), 0, kMostAxes);
  std::vector<TileAxis> tile;
  for (const assay_tile_axis& axis : std::span(axes).first(static_cast<std::size_t>(count))) {
    if (axis.param != nullptr && axis.size > 0 && IsParameter(problem, axis.param)) {
      tile.push_back({axis.param, axis.size});
    }
  }
  return tile;
}

}  // namespace assay
