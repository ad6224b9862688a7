#include "reference/cudnn/library.h"

#include <cudnn_version.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

// cudnn-frontend looks up every function of cuDNN through this handle
// (NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING); it leaves the definition to its user.
namespace cudnn_frontend {
extern void* cudnn_dlhandle;
void* cudnn_dlhandle = nullptr;
}  // namespace cudnn_frontend

namespace assay::cudnn {
namespace {

constexpr const char* kFileName = "libcudnn.so.9";
static_assert(CUDNN_MAJOR == 9, "kFileName is that of cuDNN 9");

std::vector<std::string> Candidates() {
  if (const char* given = std::getenv("ASSAY_CUDNN_LIBRARY"); given != nullptr && *given != '\0') {
    const std::filesystem::path path = given;
    std::error_code ignored;
    return {std::filesystem::is_directory(path, ignored) ? (path / kFileName).string() : path.string()};
  }
  std::vector<std::string> candidates = {kFileName};
  if (const std::string built_against = ASSAY_CUDNN_LIBRARY_DIR; !built_against.empty()) {
    candidates.push_back((std::filesystem::path(built_against) / kFileName).string());
  }
  return candidates;
}

// Up to version 8 the number was major * 1000 + minor * 100 + patch.
std::string VersionText(std::size_t version) {
  const std::size_t major = version < 10000 ? version / 1000 : version / 10000;
  return fmt::format("{}.{}.{}", major, version < 10000 ? version / 100 % 10 : version / 100 % 100,
                     version % 100);
}

// The sentence that says why `handle` cannot be used; empty if it can.
std::string Refusal(void* handle, const std::string& path, Library& library) {
  auto* get_version = reinterpret_cast<std::size_t (*)()>(dlsym(handle, "cudnnGetVersion"));
  if (get_version == nullptr)
    return fmt::format("{} has no function cudnnGetVersion, so it is not cuDNN", path);
  const std::size_t version = get_version();
  library.version = "cuDNN " + VersionText(version);
  if (version / 10000 != CUDNN_MAJOR) {
    return fmt::format("{} is cuDNN {}, but the pack was built for cuDNN {}.x", path, VersionText(version),
                       CUDNN_MAJOR);
  }
  return "";
}

Library Open() {
  Library library;
  std::string errors;
  for (const std::string& path : Candidates()) {
    // Never closed: plans and static state of cuDNN live to the end of the process.
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* error = dlerror();
      errors += fmt::format("{}{}", errors.empty() ? "" : "; ", error != nullptr ? error : path.c_str());
      continue;
    }
    library.unavailable = Refusal(handle, path, library);
    if (library.unavailable.empty()) cudnn_frontend::cudnn_dlhandle = handle;
    return library;
  }
  library.unavailable = fmt::format("{} was not found ({}); install cuDNN 9 or set ASSAY_CUDNN_LIBRARY to it",
                                    kFileName, errors);
  return library;
}

}  // namespace

const Library& OpenLibrary() {
  static const Library library = Open();
  return library;
}

}  // namespace assay::cudnn
