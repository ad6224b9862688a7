#include "reference/two_kernel_best/cublaslt_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace assay::cudnn {
namespace {

std::vector<std::string> Candidates() {
  if (const char* given = std::getenv("ASSAY_CUBLASLT_LIBRARY"); given != nullptr && *given != '\0')
    return {given};
  const std::string file = fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR);
  std::vector<std::string> candidates = {file};
  if (const std::string folder = ASSAY_CUBLASLT_LIBRARY_DIR; !folder.empty())
    candidates.push_back((std::filesystem::path(folder) / file).string());
  return candidates;
}

// Looks functions up, and remembers the first that is not there.
class Lookup {
 public:
  explicit Lookup(void* handle) : handle_(handle) {}
  template <typename Function>
  void operator()(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(handle_, name));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }
  const std::string& missing() const { return missing_; }

 private:
  void* handle_;
  std::string missing_;
};

std::string LookUpAll(void* handle, LtFunctions& call) {
  Lookup find(handle);
  find(call.create, "cublasLtCreate");
  find(call.version, "cublasLtGetVersion");
  find(call.status_string, "cublasLtGetStatusString");
  find(call.matmul, "cublasLtMatmul");
  find(call.desc_create, "cublasLtMatmulDescCreate");
  find(call.desc_destroy, "cublasLtMatmulDescDestroy");
  find(call.desc_set, "cublasLtMatmulDescSetAttribute");
  find(call.layout_create, "cublasLtMatrixLayoutCreate");
  find(call.layout_destroy, "cublasLtMatrixLayoutDestroy");
  find(call.layout_set, "cublasLtMatrixLayoutSetAttribute");
  find(call.preference_create, "cublasLtMatmulPreferenceCreate");
  find(call.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  find(call.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  find(call.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  find(call.config_get, "cublasLtMatmulAlgoConfigGetAttribute");
  return find.missing();
}

LtLibrary Open() {
  LtLibrary library;
  std::string errors;
  for (const std::string& path : Candidates()) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed
    if (handle == nullptr) {
      const char* error = dlerror();
      errors += fmt::format("{}{}", errors.empty() ? "" : "; ", error != nullptr ? error : path.c_str());
      continue;
    }
    const std::string missing = LookUpAll(handle, library.call);
    if (!missing.empty()) {
      library.unavailable = fmt::format("{} has no function {}", path, missing);
      return library;
    }
    const std::size_t version = library.call.version();
    const std::size_t major = version / 10000;
    library.name = fmt::format("cuBLASLt {}.{}.{}", major, version / 100 % 100, version % 100);
    if (major != CUBLAS_VER_MAJOR) {
      library.unavailable =
          fmt::format("{} is {}, but the pack was built for {}.x", path, library.name, CUBLAS_VER_MAJOR);
    }
    return library;
  }
  library.unavailable = fmt::format("cuBLASLt was not found ({})", errors);
  return library;
}

}  // namespace

const LtLibrary& OpenLt() {
  static const LtLibrary library = Open();
  return library;
}

}  // namespace assay::cudnn
