// How what crosses the channel is written as JSON (in CBOR). Both sides are the same program, so there is no
// version.
#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/worker/executor.h"

namespace assay::wire {

using Json = nlohmann::json;

// A problem that owns its names; View() is valid as long as it is.
class OwnedProblem {
 public:
  explicit OwnedProblem(const Json& json);
  OwnedProblem(const OwnedProblem&) = delete;
  const assay_problem& View() const { return view_; }

 private:
  std::string op_;
  std::deque<std::string> names_;
  std::vector<assay_param> params_;
  assay_problem view_ = {};
};

Json Write(const assay_problem& problem);
Json Write(const assay_device_info& info);
Json Write(const Pack& pack);
Json Write(const LaunchBuffers& buffers);
Json Write(const assay_buffers& buffers);
Json Write(const MeasureSettings& settings);
Json Write(const Measurement& measurement);
Json Write(const Ceilings& ceilings);
Json Write(VariantId variant);

assay_device_info ReadDeviceInfo(const Json& json);
Pack ReadPack(const Json& json);  // its table stays where it is
LaunchBuffers ReadBuffers(const Json& json);
Json Write(const std::vector<DeviceRange>& ranges);
std::vector<DeviceRange> ReadRanges(const Json& json);
MeasureSettings ReadSettings(const Json& json);
Measurement ReadMeasurement(const Json& json);
Ceilings ReadCeilings(const Json& json);
VariantId ReadVariantId(const Json& json);

// Device addresses are numbers.
inline std::uint64_t Number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }
template <class T = std::byte>
T* Address(const Json& json) {
  return reinterpret_cast<T*>(json.get<std::uint64_t>());
}

}  // namespace assay::wire
