#include "harness/device/pack_loader.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <span>
#include <system_error>
#include <tuple>

#include "harness/device/pack_table.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

// The headers of a shared object lie at its beginning: as much of it as is looked at before it is loaded.
constexpr std::size_t kHeaderBytes = 64 * 1024;

// What keeps a file from being handed to the loader, which is not made for damaged files.
std::string FaultOfFile(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return "there is no such file";
  if (status.type() == fs::file_type::none) return error.message();
  if (fs::is_directory(status)) return "it is a folder, not a file";
  if (!fs::is_regular_file(status)) return "it is no regular file";
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error) return error.message();
  std::ifstream in(path, std::ios::binary);
  if (!in) return fmt::format("it cannot be read: {}", std::generic_category().message(errno));
  std::vector<unsigned char> head(std::min<std::uintmax_t>(bytes, kHeaderBytes));
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  if (in.bad()) return "it cannot be read";
  return FaultOfSharedObject(std::span(head).first(static_cast<std::size_t>(in.gcount())), bytes);
}

// The entry is a C function, but what is behind it may be C++.
const assay_pack* CallEntry(const assay_pack* (*entry)(), std::string& fault) {
  try {
    const assay_pack* table = entry();
    if (table == nullptr) fault = fmt::format("{} returned no table", ASSAY_PACK_ENTRY_NAME);
    return table;
  } catch (const std::exception& e) {
    fault = fmt::format("{} threw an exception, which may not cross this interface: {}",
                        ASSAY_PACK_ENTRY_NAME, PrintableLine(e.what()));
  } catch (...) {
    fault = fmt::format("{} threw an exception, which may not cross this interface", ASSAY_PACK_ENTRY_NAME);
  }
  return nullptr;
}

const assay_pack* TableOf(const fs::path& path, std::string& fault) {
  std::error_code error;
  // A bare name would be searched for in the system's folders.
  const fs::path absolute = fs::absolute(path, error);
  fault = error ? error.message() : FaultOfFile(absolute);
  if (!fault.empty()) return nullptr;
  void* library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    fault = fmt::format("it could not be loaded: {}",
                        reason != nullptr ? PrintableLine(reason) : "no reason given");
    return nullptr;
  }
  using Entry = const assay_pack* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, ASSAY_PACK_ENTRY_NAME));
  if (entry == nullptr) {
    fault = fmt::format("it exports no function {}, so it is not a kernel pack (see kernels/pack.h)",
                        ASSAY_PACK_ENTRY_NAME);
    return nullptr;
  }
  const assay_pack* table = CallEntry(entry, fault);
  if (table == nullptr) return nullptr;
  // Of another version's table nothing but the first field can be read.
  if (table->abi != ASSAY_PACK_ABI) {
    fault =
        fmt::format("it was built for version {} of kernels/pack.h, this program for version {}: rebuild it",
                    table->abi, ASSAY_PACK_ABI);
    return nullptr;
  }
  fault = FaultOfTable(*table);
  // What cannot be used here may promise nothing either.
  if (fault.empty() && table->unavailable == nullptr) fault = FaultOfPromises(*table);
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
    unavailable =
        open.unavailable[0] != '\0' ? PrintableLine(open.unavailable) : "the pack gives no reason why";
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

std::string NameClash(std::span<const Pack> packs) {
  // By operator, name and backend: the same variant may exist for the GPU and for the CPU.
  std::map<std::tuple<std::string, std::string, assay_backend>, const Pack*> owners;
  for (const Pack& pack : packs) {
    if (!pack.unavailable.empty()) continue;
    for (const VariantInfo& variant : pack.variants) {
      const auto [owner, is_new] = owners.emplace(std::tuple(variant.op, variant.name, pack.backend), &pack);
      if (is_new) continue;
      return fmt::format("variant {} of {} is in two packs, {} and {}: rename it in one of them",
                         variant.name, variant.op, owner->second->path.string(), pack.path.string());
    }
  }
  return {};
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
