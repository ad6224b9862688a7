#include "harness/run/pack_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/record/graph_name.h"

namespace assay {

std::string_view BackendName(assay_backend backend) {
  return backend == ASSAY_BACKEND_CUDA ? "cuda" : "host";
}

void PackSet::CheckAnyReadable() const {
  std::string reasons;
  for (const Pack& pack : packs_) {
    if (pack.readable) return;
    reasons += fmt::format("; {}: {}", pack.path.string(), pack.unavailable);
  }
  throw DeviceError(fmt::format(
      "no kernel pack can be used; build them, or set ASSAY_PACK_DIR to where they are{}", reasons));
}

void PackSet::CheckNamesDiffer() const {
  if (const std::string clash = NameClash(packs_); !clash.empty()) throw ConfigError(clash);
}

Catalog PackSet::BuildCatalog() const {
  Catalog catalog;
  for (const Pack& pack : packs_) {
    for (const VariantInfo& variant : pack.variants) {
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
  const std::string_view name = PlainName(variant);
  for (std::size_t p = 0; p < packs_.size(); ++p) {
    const Pack& pack = packs_[p];
    for (std::size_t v = 0; v < pack.variants.size(); ++v) {
      const VariantInfo& row = pack.variants[v];
      if (row.op != op || row.name != name) continue;
      if (!pack.unavailable.empty()) {
        found.unavailable = pack.unavailable;
      } else if (pack.backend != backend) {
        if (found.unavailable.empty()) {
          found.unavailable = fmt::format("pack {} runs on {} devices; this run is on a {} device", pack.name,
                                          BackendName(pack.backend), BackendName(backend));
        }
      } else {
        return {&row, {p, v, IsGraphName(variant)}, {}};
      }
    }
  }
  if (found.unavailable.empty()) found.unavailable = fmt::format("no pack has a variant named {}", name);
  return found;
}

std::vector<TileAxis> AskForTile(const PackSet& packs, Executor& executor, const Case& c) {
  const VariantLookup found = packs.Find(c.problem.op->name(), c.variant, executor.device().info().backend);
  if (!found.variant) return {};
  return executor.Tile(found.id, c.problem.View(c.dtype, c.layout));
}

}  // namespace assay
