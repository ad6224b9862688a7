// All packs of a run, and which of them serves a variant on a device.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/pack_loader.h"
#include "harness/worker/executor.h"

namespace assay {

// A variant that can be used, or the reason why it cannot be here.
struct VariantLookup {
  const VariantInfo* variant = nullptr;
  VariantId id;
  std::string unavailable;  // set if variant is null
};

class PackSet {
 public:
  explicit PackSet(std::vector<Pack> packs) : packs_(std::move(packs)) {}

  const std::vector<Pack>& packs() const { return packs_; }
  // Throws DeviceError that says why if no pack could be read at all.
  void CheckAnyReadable() const;
  // Throws ConfigError if two packs have a variant of the same name for the same device: a case's id would
  // not say whose it is.
  void CheckNamesDiffer() const;
  // Every variant that any pack names, usable here or not, each once, in the packs' order.
  Catalog BuildCatalog() const;
  VariantLookup Find(std::string_view op, std::string_view variant, assay_backend backend) const;

 private:
  std::vector<Pack> packs_;
};

// For harness/config/boundary.h: what the case's variant says of its tile, asked of the executor. DeviceError
// if its tile() failed, sticky where that took the worker down.
std::vector<TileAxis> AskForTile(const PackSet& packs, Executor& executor, const Case& c);

std::string_view BackendName(assay_backend backend);  // "host", "cuda"

}  // namespace assay
