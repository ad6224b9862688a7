// What a warp computes together: matrix products and loads of matrices, from the operands that its 32 lanes
// brought. Layouts are those of PTX's mma.sync and ldmatrix; see kernels/device/ptx/mma.h and ldmatrix.h.
#pragma once

#include <array>
#include <cstdint>

#include "harness/simt/device_api.h"

namespace assay::simt {

// d[16][8] += a[16][16] b[16][8] for 16-bit types; a[16][8] b[8][8] for TF32. Products are exact, sums in
// fp32, in ascending order of k. `lanes[l]` points to what lane l brought; results go where its `d` says.
void MultiplyWarp(FragmentType type, const std::array<const FragmentPort*, 32>& lanes);

// Hands each lane its elements of `count` matrices (lanes[0]->count) of 8 rows of 16 bytes.
void LoadWarpMatrices(const std::array<const MatrixPort*, 32>& lanes);

}  // namespace assay::simt
