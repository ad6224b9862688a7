// cuBLASLt's functions, looked up at run time.
#pragma once

#include <cublasLt.h>

#include <string>

namespace assay::cudnn {

// Each member has the type of the function that the header declares.
struct LtFunctions {
  decltype(&::cublasLtCreate) create = nullptr;
  decltype(&::cublasLtGetVersion) version = nullptr;
  decltype(&::cublasLtGetStatusString) status_string = nullptr;
  decltype(&::cublasLtMatmul) matmul = nullptr;
  decltype(&::cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&::cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&::cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&::cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&::cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&::cublasLtMatrixLayoutSetAttribute) layout_set = nullptr;
  decltype(&::cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&::cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&::cublasLtMatmulAlgoConfigGetAttribute) config_get = nullptr;
};

struct LtLibrary {
  LtFunctions call;
  std::string name;         // "cuBLASLt 13.1.0"
  std::string unavailable;  // empty: usable
};

// Opens the library at the first call: the file that $ASSAY_CUBLASLT_LIBRARY names and no other; without the
// variable, where the dynamic loader looks and then the folder that the pack was built against.
const LtLibrary& OpenLt();

}  // namespace assay::cudnn
