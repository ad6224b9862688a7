// For a build without cuBLASLt's header.
#include "reference/two_kernel_best/cublaslt.h"

namespace assay::cudnn {

std::string CublasLtName() { return ""; }
std::string CublasLtUnavailable() { return "built without cuBLASLt: its header cublasLt.h was not found"; }

MatmulContenders PointwiseMatmuls(const Convolution&, int) { return {{}, "", CublasLtUnavailable()}; }

}  // namespace assay::cudnn
