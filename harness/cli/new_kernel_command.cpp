#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "harness/cli/build_paths.h"
#include "harness/cli/commands.h"
#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/run/pack_set.h"

extern "C" const char assay_new_kernel_template[], assay_new_kernel_template_end[];

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 63;

struct NewKernelOptions {
  std::string name;
  fs::path dir = ".";
};

void CheckName(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool identifier = !name.empty() && name.size() <= kMaxNameBytes && !digit(name[0]) &&
                          std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
  if (!identifier) {
    throw ConfigError(
        fmt::format("new-kernel: found the name \"{}\"; allowed: 1 to {} of the letters a-z A-Z, digits and "
                    "_, not beginning "
                    "with a digit",
                    name, kMaxNameBytes));
  }
  if (name == "all" || name == "none") {
    throw ConfigError(fmt::format("new-kernel: \"{}\" names no variant but has a meaning of its own", name));
  }
  for (const Catalog::Entry& entry : PackSet(OpenBuiltInPacks()).BuildCatalog().entries) {
    if (entry.variant == name) {
      throw ConfigError(
          fmt::format("new-kernel: there is a built-in variant {}/{}; choose another name", entry.op, name));
    }
  }
}

std::string TextFor(const std::string& name) {
  constexpr std::string_view kPlaceholder = "@NAME@";
  std::string text(assay_new_kernel_template, assay_new_kernel_template_end);
  for (std::size_t at = text.find(kPlaceholder); at != std::string::npos; at = text.find(kPlaceholder, at)) {
    text.replace(at, kPlaceholder.size(), name);
  }
  return text;
}

// Creates the file, and never writes over one.
void WriteNew(const fs::path& path, const std::string& text) {
  const auto fail = [&](const char* what, int error) {
    throw ConfigError(fmt::format("new-kernel: {}: {}{}", path.string(), what,
                                  error == 0 ? "" : ": " + std::generic_category().message(error)));
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0 && errno == EEXIST) fail("there is such a file already, and it is left as it is", 0);
  if (file < 0) fail("cannot be created", errno);
  std::size_t done = 0;
  int error = 0;
  while (done < text.size() && error == 0) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written > 0) done += static_cast<std::size_t>(written);
    if (written <= 0 && !(written < 0 && errno == EINTR)) error = written < 0 ? errno : ENOSPC;
  }
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0) return;
  std::error_code ignored;
  fs::remove(path, ignored);
  fail("cannot be written", error);
}

// As one word of a shell's command line.
std::string Word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=,:@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// PTX of the oldest GPU that packs are built for goes on every newer one.
std::string GpuArchitecture() {
  if (ProbeCuda().devices == 0) return "sm_80";
  return fmt::format("sm_{}", MakeCudaDevice(0)->info().compute_capability);
}

// "./" in front: what begins with '-' would be an option, and --pack wants to be told from a name.
std::string PathWord(const fs::path& path) {
  return Word(path.is_absolute() ? path.string() : "./" + path.lexically_normal().string());
}

void PrintCommands(const NewKernelOptions& options, const fs::path& source) {
  const fs::path gpu = options.dir / (options.name + ".so");
  const fs::path host = options.dir / (options.name + "-host.so");
  const std::string program = Word(fs::read_symlink("/proc/self/exe").string());
  const std::string config = Word(std::string(build_paths::kRoot) + "/configs/quick.yaml");
  fmt::print("Wrote {}. From this folder, for the GPU:\n\n", PathWord(source));
  fmt::print(
      "  {} -std=c++20 -O3 -arch={} -lineinfo -shared -cudart static -Xcompiler -fPIC,-fvisibility=hidden {} "
      "-o {} {}\n",
      Word(build_paths::kNvcc), GpuArchitecture(), Word("-I" + std::string(build_paths::kRoot)),
      PathWord(gpu), PathWord(source));
  fmt::print("  {} run {} --pack {} --variant {}\n\n", program, config, PathWord(gpu), options.name);
  fmt::print("For the CPU, where it is judged but not timed:\n\n");
  fmt::print("  {} -std=c++20 {} -shared -fPIC -fvisibility=hidden {} {} -o {} -x c++ {} -x none {} {}\n",
             Word(build_paths::kCompiler), build_paths::kHostFlags,
             Word("-I" + std::string(build_paths::kRoot) + "/harness/simt/include"),
             Word("-I" + std::string(build_paths::kRoot)), PathWord(host), PathWord(source),
             Word(build_paths::kSimtLibrary),
             Word("-Wl,-rpath," + fs::path(build_paths::kSimtLibrary).parent_path().string()));
  fmt::print("  {} run {} --pack {} --variant {} --device host\n", program, config, PathWord(host),
             options.name);
}

void CheckInstallation() {
  for (const std::string& path : {std::string(build_paths::kRoot) + "/kernels/pack.h",
                                  std::string(build_paths::kRoot) + "/harness/simt/include/cuda_runtime.h",
                                  std::string(build_paths::kSimtLibrary)}) {
    if (!fs::exists(path)) {
      throw std::runtime_error(fmt::format(
          "{}, which kernels are built with, is gone: build this program again where it stands", path));
    }
  }
}

void NewKernel(const NewKernelOptions& options) {
  CheckName(options.name);
  CheckInstallation();
  std::error_code error;
  if (!fs::is_directory(options.dir, error)) {
    throw ConfigError(fmt::format("new-kernel: --out {}: there is no such folder", options.dir.string()));
  }
  const fs::path source = (options.dir / (options.name + ".cu")).lexically_normal();
  WriteNew(source, TextFor(options.name));
  PrintCommands(options, source);
}

}  // namespace

void AddNewKernelCommand(CLI::App& app, CommandContext&) {
  CLI::App* command =
      app.add_subcommand("new-kernel", "write a small kernel to start from, and say how it is built and run");
  const auto options = std::make_shared<NewKernelOptions>();
  command->add_option("name", options->name, "of the file NAME.cu and of the variant")->required();
  command->add_option("--out", options->dir, "folder of the file; default: this one");
  command->callback([options] { NewKernel(*options); });
}

}  // namespace assay
