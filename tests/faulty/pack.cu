// The gallery as a pack: the rows of all files of kernels.
#include <utility>

#include "tests/faulty/faulty_kernel.h"

#define ASSAY_FAULTY_FILES(X) \
  X(output)                   \
  X(composition) X(edges) X(arithmetic) X(memory) X(replay) X(cooperation) X(timing) X(process) X(control)

#define ASSAY_FAULTY_FILE(file)   \
  namespace assay::faulty::file { \
  assay::faulty::Variants Rows(); \
  }
ASSAY_FAULTY_FILES(ASSAY_FAULTY_FILE)
#undef ASSAY_FAULTY_FILE

namespace {

assay::faulty::Variants AllRows() {
  assay::faulty::Variants rows;
#define ASSAY_FAULTY_FILE(file) \
  for (const assay_variant& row : assay::faulty::file::Rows()) rows.push_back(row);
  ASSAY_FAULTY_FILES(ASSAY_FAULTY_FILE)
#undef ASSAY_FAULTY_FILE
  return rows;
}

}  // namespace

extern "C" const assay_pack* assay_pack_entry(void) {
  static const assay::faulty::Variants rows = AllRows();
  static const assay_pack pack = {
      ASSAY_PACK_ABI,
      ASSAY_PACK_BACKEND == ASSAY_BACKEND_CUDA ? "faulty-cuda" : "faulty-host",
      nullptr,
      ASSAY_PACK_BACKEND,
      nullptr,
      rows.data(),
      static_cast<int32_t>(rows.size()),
  };
  return &pack;
}
