// The names that the targets' configs and ids may use.
#pragma once

#include "harness/config/case.h"

namespace assay::fuzz {

inline Catalog SmallCatalog() {
  return {{{"dsconv", "naive", false}, {"dsconv", "tiled", false}, {"dsconv", "cudnn", true}}};
}

}  // namespace assay::fuzz
