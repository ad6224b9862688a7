// What a variant says of its tile, checked.
#pragma once

#include <vector>

#include "kernels/pack.h"
#include "reference/operator.h"

namespace assay {

// The axes that make sense: of a parameter that the problem has and with a size of at least 1. Empty for a
// variant that says nothing of its tile.
std::vector<TileAxis> TileOf(const assay_variant& variant, const assay_problem& problem,
                             const assay_device_info& device);

}  // namespace assay
