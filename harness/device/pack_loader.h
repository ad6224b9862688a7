// Opens kernel packs and wraps a variant's C functions: failures become exceptions, plans are released.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness/device/device.h"
#include "kernels/pack.h"

namespace assay {

// What is known of a variant without creating it.
struct VariantInfo {
  VariantInfo() = default;
  // Asks the pack for its promises.
  VariantInfo(const assay_variant& row);  // NOLINT: whoever has the row has all of this

  const assay_promise& promise(assay_dtype dtype) const { return promises[static_cast<std::size_t>(dtype)]; }

  std::string op, name, summary;
  assay_role role = ASSAY_ROLE_KERNEL;
  bool configurable = false;                   // it offers configurations
  std::array<assay_promise, 3> promises = {};  // by assay_dtype
};

// A pack that is open, or the reason why it is not. Never unloaded: library state may outlive any one plan.
struct Pack {
  Pack() = default;
  // One that is open in this process already.
  Pack(const std::filesystem::path& file, const assay_pack& open);

  std::filesystem::path path;
  std::string name;     // from the table, or the file's stem if it could not be opened
  std::string version;  // of the library behind it; may be empty
  assay_backend backend = ASSAY_BACKEND_HOST;
  bool readable = false;              // it was opened, and this is what it says
  std::string unavailable;            // empty: usable
  std::vector<VariantInfo> variants;  // also those that cannot be used
  const assay_pack* table = nullptr;  // nullptr if it is not open in this process
};

// A file that is no pack, is damaged or has a table with faults gives a Pack that says so. Code of the pack
// runs here (constructors, the entry, promise()): a constructor that throws or crashes ends the process.
Pack OpenPack(const std::filesystem::path& path);
// If two usable packs have a variant of the same operator, name and backend, a sentence that names them: its
// records could not be told apart. Empty otherwise.
std::string NameClash(std::span<const Pack> packs);
// The files of the packs built with this program, by name; throws DeviceError if the folder cannot be read.
std::vector<std::filesystem::path> BuiltInPacks();
// The packs built with this program (the folder packs/ beside the executable, or $ASSAY_PACK_DIR), by name.
std::vector<Pack> OpenBuiltInPacks();

class VariantError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A variant created for one problem. Failures of the variant are thrown as VariantError.
class Plan {
 public:
  Plan() = default;
  virtual ~Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  virtual std::uint64_t WorkspaceBytes() const = 0;
  virtual void Prepare(const assay_buffers& buffers, void* stream) = 0;
  virtual void Launch(const assay_buffers& buffers, void* stream) = 0;
  virtual std::string Describe() const = 0;
};

// In this process.
class LocalPlan final : public Plan {
 public:
  // `configuration` is one that the variant offers, or empty for its own choice. Throws VariantError if its
  // create() fails.
  LocalPlan(const assay_variant& variant, const assay_problem& problem, const assay_device_info& device,
            const std::string& configuration = {});
  ~LocalPlan() override;

  std::uint64_t WorkspaceBytes() const override;
  void Prepare(const assay_buffers& buffers, void* stream) override;
  void Launch(const assay_buffers& buffers, void* stream) override;
  std::string Describe() const override;

 private:
  const assay_variant* variant_;
  void* plan_ = nullptr;
};

}  // namespace assay
