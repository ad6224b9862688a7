// Usage: assay_cudnn_probe PACK. Opens a pack and prints its table, one "key: value" a line; then what
// supports() and create() say to a small problem on device 0.
#include <dlfcn.h>

#include <cstdio>

#include "kernels/pack.h"

namespace {

const char* OrNull(const char* text) { return text != nullptr ? text : "NULL"; }

void AskForPlan(const assay_variant& variant) {
  const assay_param params[] = {{"n", 1}, {"c", 8}, {"k", 8}, {"h", 8}, {"w", 8}, {"r", 3}, {"s", 3}};
  const assay_problem problem = {variant.op, params, 7, ASSAY_F32, ASSAY_NCHW};
  assay_device_info device = {};
  device.backend = ASSAY_BACKEND_CUDA;
  device.compute_capability = 80;
  assay_message message = {};
  const int supported = variant.supports(&problem, &device, &message);
  std::printf("supports: %d %s\n", supported, message.text);
  void* plan = nullptr;
  message = {};
  const int created = variant.create(&problem, &device, &plan, &message);
  std::printf("create: %d %s\n", created, message.text);
  if (created == 0) variant.release(plan);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("dlopen: %s\n", dlerror());
    return 1;
  }
  auto* entry = reinterpret_cast<const assay_pack* (*)()>(dlsym(library, ASSAY_PACK_ENTRY_NAME));
  if (entry == nullptr) {
    std::printf("dlsym: %s\n", dlerror());
    return 1;
  }
  const assay_pack& pack = *entry();
  std::printf("abi: %u\nname: %s\nversion: %s\nbackend: %d\nunavailable: %s\nvariants: %d\n", pack.abi,
              pack.name, OrNull(pack.version), static_cast<int>(pack.backend), OrNull(pack.unavailable),
              pack.num_variants);
  for (int i = 0; i < pack.num_variants; ++i) {
    const assay_variant& variant = pack.variants[i];
    std::printf("variant: %s %s %d\n", variant.op, variant.name, static_cast<int>(variant.role));
    AskForPlan(variant);
  }
  return 0;
}
