#include "harness/cli/device_choice.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "harness/config/config.h"

namespace assay {
namespace {

std::unique_ptr<Device> OpenCuda(const std::string& argument) {
  int ordinal = 0;
  if (argument != "cuda") {
    const char* begin = argument.data() + 5;
    const char* end = argument.data() + argument.size();
    const auto parsed = std::from_chars(begin, end, ordinal);
    if (parsed.ec != std::errc{} || parsed.ptr != end || ordinal < 0) {
      throw ConfigError(
          fmt::format("--device: found {}; allowed: auto, host, cuda, cuda:0, cuda:1, ...", argument));
    }
  }
  const CudaProbe probe = ProbeCuda();
  if (probe.devices == 0) throw DeviceError(fmt::format("--device {}: {}", argument, probe.unavailable));
  if (ordinal >= probe.devices) {
    throw DeviceError(fmt::format("--device {}: this machine has {} CUDA device{}, numbered from 0", argument,
                                  probe.devices, probe.devices == 1 ? "" : "s"));
  }
  return MakeCudaDevice(ordinal);
}

}  // namespace

std::unique_ptr<Device> OpenDevice(const std::string& argument) {
  if (argument == "host") return MakeHostDevice();
  if (argument == "cuda" || argument.starts_with("cuda:")) return OpenCuda(argument);
  if (argument != "auto") {
    throw ConfigError(
        fmt::format("--device: found {}; allowed: auto, host, cuda, cuda:0, cuda:1, ...", argument));
  }
  const CudaProbe probe = ProbeCuda();
  if (probe.devices > 0) return MakeCudaDevice(0);
  fmt::print(stderr, "assay: no GPU ({}): kernels run on the host device, judged but not timed\n",
             probe.unavailable);
  return MakeHostDevice();
}

}  // namespace assay
