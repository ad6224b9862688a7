#include "harness/run/environment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <thread>

#include "harness/device/cpu.h"
#include "harness/measure/measure.h"

namespace assay {
namespace {

std::string OperatingSystem() {
  std::string name = "unknown";
  std::ifstream release("/etc/os-release");
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with("PRETTY_NAME=\"") && line.size() > 14) name = line.substr(13, line.size() - 14);
  }
  utsname kernel{};
  if (uname(&kernel) == 0) {
    // What follows the version number names a builder's own build.
    const std::string version = kernel.release;
    name += fmt::format(", {} {}", kernel.sysname, version.substr(0, version.find('-')));
  }
  return name;
}

}  // namespace

std::string ProgramVersion() { return ASSAY_VERSION; }

std::string UtcNow() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::vector<std::pair<std::string, std::string>> DescribeEnvironment(Executor& executor) {
  const Device& device = executor.device();
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back("Assay", ProgramVersion());
  lines.emplace_back("Device", fmt::format("{}: {}", device.name(), device.description()));
  for (auto& line : executor.DescribeDevice()) lines.push_back(std::move(line));
  for (const Pack& pack : executor.packs()) {
    lines.emplace_back("Pack " + pack.name, pack.unavailable.empty()
                                                ? (pack.version.empty() ? "usable" : pack.version)
                                                : "unavailable: " + pack.unavailable);
  }
  lines.emplace_back("CPU", fmt::format("{}, {} threads", CpuModel(), std::thread::hardware_concurrency()));
  lines.emplace_back("Operating system", OperatingSystem());
  lines.emplace_back("Compiler", fmt::format("{} {}", ASSAY_COMPILER, __VERSION__));
  return lines;
}

}  // namespace assay
