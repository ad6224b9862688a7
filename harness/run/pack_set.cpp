#include "harness/run/pack_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace assay {
namespace {

std::span<const assay_variant> VariantsOf(const Pack& pack) {
  if (pack.table == nullptr) return {};
  return {pack.table->variants, static_cast<std::size_t>(pack.table->num_variants)};
}

}  // namespace

std::string_view BackendName(assay_backend backend) {
  return backend == ASSAY_BACKEND_CUDA ? "cuda" : "host";
}

void PackSet::CheckAnyReadable() const {
  std::string reasons;
  for (const Pack& pack : packs_) {
    if (pack.table != nullptr) return;
    reasons += fmt::format("; {}: {}", pack.path.string(), pack.unavailable);
  }
  throw DeviceError(fmt::format(
      "no kernel pack can be used; build them, or set ASSAY_PACK_DIR to where they are{}", reasons));
}

Catalog PackSet::BuildCatalog() const {
  Catalog catalog;
  for (const Pack& pack : packs_) {
    for (const assay_variant& variant : VariantsOf(pack)) {
      const bool known = std::ranges::any_of(catalog.entries, [&](const Catalog::Entry& entry) {
        return entry.op == variant.op && entry.variant == variant.name;
      });
      if (!known) {
        catalog.entries.push_back({variant.op, variant.name, variant.role == ASSAY_ROLE_BASELINE});
      }
    }
  }
  return catalog;
}

VariantLookup PackSet::Find(std::string_view op, std::string_view variant, assay_backend backend) const {
  VariantLookup found;
  for (const Pack& pack : packs_) {
    for (const assay_variant& row : VariantsOf(pack)) {
      if (row.op != op || row.name != variant) continue;
      if (!pack.unavailable.empty()) {
        found.unavailable = pack.unavailable;
      } else if (pack.backend != backend) {
        if (found.unavailable.empty()) {
          found.unavailable = fmt::format("pack {} runs on {} devices; this run is on a {} device", pack.name,
                                          BackendName(pack.backend), BackendName(backend));
        }
      } else {
        return {&row, &pack, {}};
      }
    }
  }
  if (found.unavailable.empty()) found.unavailable = fmt::format("no pack has a variant named {}", variant);
  return found;
}

}  // namespace assay
