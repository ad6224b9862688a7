// Opens kernel packs and wraps a variant's C functions: failures become exceptions, plans are released.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/device/device.h"
#include "kernels/pack.h"

namespace assay {

// A pack that is open, or the reason why it is not. Never unloaded: library state may outlive any one plan.
struct Pack {
  std::filesystem::path path;
  std::string name;     // from the table, or the file's stem if it could not be opened
  std::string version;  // of the library behind it; may be empty
  assay_backend backend = ASSAY_BACKEND_HOST;
  std::string unavailable;            // empty: usable
  const assay_pack* table = nullptr;  // nullptr if it could not be opened
};

Pack OpenPack(const std::filesystem::path& path);
// The packs built with this program (the folder packs/ beside the executable, or $ASSAY_PACK_DIR), by name.
std::vector<Pack> OpenBuiltInPacks();

class VariantError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A variant created for one problem.
class Plan {
 public:
  // Throws VariantError if the variant's create() fails.
  Plan(const assay_variant& variant, const assay_problem& problem, const assay_device_info& device);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::uint64_t WorkspaceBytes() const;
  void Prepare(const assay_buffers& buffers, void* stream);
  void Launch(const assay_buffers& buffers, void* stream);
  std::string Describe() const;

 private:
  const assay_variant* variant_;
  void* plan_ = nullptr;
};

}  // namespace assay
