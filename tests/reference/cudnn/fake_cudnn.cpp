// Stands for a shared object that is not cuDNN at all, or cuDNN of another major version.
#include <cstddef>

#ifdef ASSAY_FAKE_CUDNN_VERSION
extern "C" __attribute__((visibility("default"))) std::size_t cudnnGetVersion() {
  return ASSAY_FAKE_CUDNN_VERSION;
}
#else
extern "C" __attribute__((visibility("default"))) int assay_not_cudnn() { return 0; }
#endif
