#include "harness/device/device_choice.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace assay {
namespace {

// The GPU's number; nothing if the argument names none.
std::optional<int> Ordinal(const std::string& argument) {
  if (argument == "cuda") return 0;
  if (!argument.starts_with("cuda:")) return std::nullopt;
  int ordinal = 0;
  const char* begin = argument.data() + 5;
  const char* end = argument.data() + argument.size();
  const auto parsed = std::from_chars(begin, end, ordinal);
  if (parsed.ec != std::errc{} || parsed.ptr != end || ordinal < 0) return std::nullopt;
  return ordinal;
}

}  // namespace

DeviceChoice ChooseDevice(const std::string& argument) {
  if (argument == "host") return {MakeHostDevice(), ""};
  if (argument == "auto") {
    const CudaProbe probe = ProbeCuda();
    if (probe.devices > 0) return {MakeCudaDevice(0), ""};
    return {MakeHostDevice(), fmt::format("no GPU ({}): kernels run on the host device, judged but not timed",
                                          probe.unavailable)};
  }
  const std::optional<int> ordinal = Ordinal(argument);
  if (!ordinal) {
    return {nullptr,
            fmt::format("--device: found {}; allowed: auto, host, cuda, cuda:0, cuda:1, ...", argument)};
  }
  const CudaProbe probe = ProbeCuda();
  if (probe.devices == 0) throw DeviceError(fmt::format("--device {}: {}", argument, probe.unavailable));
  if (*ordinal >= probe.devices) {
    throw DeviceError(fmt::format("--device {}: this machine has {} CUDA device{}, numbered from 0", argument,
                                  probe.devices, probe.devices == 1 ? "" : "s"));
  }
  return {MakeCudaDevice(*ordinal), ""};
}

}  // namespace assay
