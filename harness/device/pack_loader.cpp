#include "harness/device/pack_loader.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

namespace assay {
namespace {

namespace fs = std::filesystem;

// The number that a pack put into an enum: reading another one than the enum's as the enum is undefined.
template <class Enum>
int Raw(const Enum& value) {
  static_assert(sizeof(Enum) == sizeof(int));
  int raw = 0;
  std::memcpy(&raw, &value, sizeof(raw));
  return raw;
}

// What is wrong with one row of a pack's table; empty if nothing.
std::string FaultOf(const assay_variant& variant, int index) {
  const auto missing = [&](const char* field) {
    const std::string which = variant.name != nullptr ? fmt::format("variant \"{}\"", variant.name)
                                                      : fmt::format("variant number {}", index);
    return fmt::format("{} has no {}", which, field);
  };
  if (variant.name == nullptr || variant.name[0] == '\0') return missing("name");
  if (variant.op == nullptr || variant.op[0] == '\0') return missing("op");
  if (variant.summary == nullptr) return missing("summary");
  if (variant.promise == nullptr) return missing("promise()");
  if (variant.supports == nullptr) return missing("supports()");
  if (variant.create == nullptr) return missing("create()");
  if (variant.launch == nullptr) return missing("launch()");
  if (variant.release == nullptr) return missing("release()");
  if (const int role = Raw(variant.role); role != ASSAY_ROLE_KERNEL && role != ASSAY_ROLE_BASELINE) {
    return fmt::format("variant \"{}\" has role {}, which is none of assay_role", variant.name, role);
  }
  return {};
}

std::string FaultOf(const assay_pack& table) {
  if (table.name == nullptr || table.name[0] == '\0') return "its table has no name";
  if (const int backend = Raw(table.backend);
      backend != ASSAY_BACKEND_HOST && backend != ASSAY_BACKEND_CUDA) {
    return fmt::format("its backend is {}, which is none of assay_backend", backend);
  }
  if (table.num_variants < 0) return fmt::format("it says that it has {} variants", table.num_variants);
  if (table.num_variants > 0 && table.variants == nullptr) {
    return fmt::format("it says that it has {} variants and gives none", table.num_variants);
  }
  // A pack that cannot be used here may have nothing to offer; a usable one must.
  if (table.num_variants == 0 && table.unavailable == nullptr) return "it has no variants";
  std::set<std::pair<std::string, std::string>> names;
  for (int i = 0; i < table.num_variants; ++i) {
    const assay_variant& variant = table.variants[i];
    if (std::string fault = FaultOf(variant, i); !fault.empty()) return fault;
    if (!names.emplace(variant.op, variant.name).second) {
      return fmt::format("it has two variants named \"{}\" for operator {}", variant.name, variant.op);
    }
  }
  return {};
}

const assay_pack* TableOf(const fs::path& path, std::string& fault) {
  std::error_code error;
  // A bare name would be searched for in the system's folders.
  const fs::path absolute = fs::absolute(path, error);
  if (error || !fs::exists(absolute, error)) {
    fault = "there is no such file";
    return nullptr;
  }
  void* library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    fault = fmt::format("it could not be loaded: {}", reason != nullptr ? reason : "no reason given");
    return nullptr;
  }
  using Entry = const assay_pack* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, ASSAY_PACK_ENTRY_NAME));
  if (entry == nullptr) {
    fault = fmt::format("it exports no function {}, so it is not a kernel pack (see kernels/pack.h)",
                        ASSAY_PACK_ENTRY_NAME);
    return nullptr;
  }
  const assay_pack* table = entry();
  if (table == nullptr) {
    fault = fmt::format("{} returned no table", ASSAY_PACK_ENTRY_NAME);
    return nullptr;
  }
  // Of another version's table nothing but the first field can be read.
  if (table->abi != ASSAY_PACK_ABI) {
    fault =
        fmt::format("it was built for version {} of kernels/pack.h, this program for version {}: rebuild it",
                    table->abi, ASSAY_PACK_ABI);
    return nullptr;
  }
  fault = FaultOf(*table);
  return fault.empty() ? table : nullptr;
}

}  // namespace

Pack::Pack(const fs::path& file, const assay_pack& open)
    : path(file),
      name(open.name),
      version(open.version != nullptr ? open.version : ""),
      backend(open.backend),
      readable(true),
      table(&open) {
  if (open.unavailable != nullptr) {
    unavailable = open.unavailable[0] != '\0' ? open.unavailable : "the pack gives no reason why";
  }
  for (int i = 0; i < open.num_variants; ++i) variants.emplace_back(open.variants[i]);
}

Pack OpenPack(const fs::path& path) {
  Pack pack;
  pack.path = path;
  pack.name = path.stem().string();
  std::string fault;
  pack.table = TableOf(path, fault);
  if (pack.table == nullptr) {
    pack.unavailable = fmt::format("{}: {}", path.string(), fault);
    return pack;
  }
  return Pack(path, *pack.table);
}

std::vector<fs::path> BuiltInPacks() {
  fs::path folder;
  const char* chosen = std::getenv("ASSAY_PACK_DIR");
  const bool is_chosen = chosen != nullptr && chosen[0] != '\0';
  std::error_code error;
  if (is_chosen) {
    folder = chosen;
  } else {
    folder = fs::read_symlink("/proc/self/exe", error).parent_path() / "packs";
  }
  std::vector<fs::path> files;
  if (!error) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".so") files.push_back(entry.path());
    }
  }
  if (error) {
    throw DeviceError(fmt::format(
        "no kernel pack can be used; build them, or set ASSAY_PACK_DIR to where they are; {}{}: {}",
        folder.string(), is_chosen ? " (from ASSAY_PACK_DIR)" : "", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Pack> OpenBuiltInPacks() {
  std::vector<Pack> packs;
  for (const fs::path& file : BuiltInPacks()) packs.push_back(OpenPack(file));
  std::stable_sort(packs.begin(), packs.end(), [](const Pack& a, const Pack& b) { return a.name < b.name; });
  return packs;
}

}  // namespace assay
