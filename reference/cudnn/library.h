// Opens cuDNN at run time, so that a machine without it has a pack that says so instead of one that fails to
// load.
#pragma once

#include <string>

namespace assay::cudnn {

struct Library {
  std::string unavailable;  // empty: usable. Otherwise what was looked for and what the loader said.
  std::string version;      // "cuDNN 9.14.0"; empty if the library was not found
};

// Opens the library at the first call: the one that $ASSAY_CUDNN_LIBRARY names (a file, or the folder that
// holds libcudnn.so.9) and no other; without the variable, where the dynamic loader looks and then the folder
// that the pack was built against. Never throws for a missing library.
const Library& OpenLibrary();

}  // namespace assay::cudnn
