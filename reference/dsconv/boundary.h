// Problems at the places where kernels break: around the multiples of a tile, at the ends of every
// parameter's range, and beyond 2^31 elements.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

struct LabelledShape {
  Shape shape;
  std::string label;
};

// Multiply-adds of the most naive kernel, which computes each depthwise pixel again for each output channel:
// what keeps a problem cheap whatever variant runs it. The FLOPs of CostOf are at most twice as many.
double NaiveMultiplyAdds(const Shape& shape);
inline constexpr double kMostBoundaryMultiplyAdds = 1e7;

// Tile axes along n, c, k, h, w, r, s, p and q are looked at; sizes whose problem would take more than
// kMostBoundaryMultiplyAdds are left out, and so are kernel sizes above kMaxKernel. No shape comes twice.
std::vector<LabelledShape> BoundaryShapes(std::span<const TileAxis> tile);

// x or y has more than 2^31 elements, once over all images and once within one.
std::vector<LabelledShape> HugeShapes();

}  // namespace assay::dsconv
