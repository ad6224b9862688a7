#include "harness/worker/wire.h"

namespace assay::wire {
namespace {

Json WritePromise(const assay_promise& p) {
  return {int{p.operand}, int{p.accumulator}, p.rounds_intermediate, p.rounds_sums,
          p.repeatable,   p.alignment,        p.prepacks_weights,    p.drops_nan};
}

assay_promise ReadPromise(const Json& json) {
  assay_promise promise{};
  promise.operand = static_cast<assay_format>(json.at(0).get<int>());
  promise.accumulator = static_cast<assay_format>(json.at(1).get<int>());
  promise.rounds_intermediate = json.at(2);
  promise.rounds_sums = json.at(3);
  promise.repeatable = json.at(4);
  promise.alignment = json.at(5);
  promise.prepacks_weights = json.at(6);
  promise.drops_nan = json.at(7);
  return promise;
}

Json WriteVariant(const VariantInfo& variant) {
  Json promises = Json::array();
  for (const assay_promise& promise : variant.promises) promises.push_back(WritePromise(promise));
  return {{"op", variant.op},
          {"name", variant.name},
          {"summary", variant.summary},
          {"role", int{variant.role}},
          {"configurable", variant.configurable},
          {"promises", promises}};
}

VariantInfo ReadVariant(const Json& json) {
  VariantInfo variant;
  variant.op = json.at("op");
  variant.name = json.at("name");
  variant.summary = json.at("summary");
  variant.role = static_cast<assay_role>(json.at("role").get<int>());
  variant.configurable = json.at("configurable");
  for (std::size_t i = 0; i < variant.promises.size(); ++i)
    variant.promises[i] = ReadPromise(json.at("promises").at(i));
  return variant;
}

}  // namespace

OwnedProblem::OwnedProblem(const Json& json) : op_(json.at("op")) {
  for (const Json& param : json.at("params")) {
    names_.push_back(param.at(0));
    params_.push_back({names_.back().c_str(), param.at(1).get<std::int64_t>()});
  }
  view_.op = op_.c_str();
  view_.params = params_.data();
  view_.num_params = static_cast<std::int32_t>(params_.size());
  view_.dtype = static_cast<assay_dtype>(json.at("dtype").get<int>());
  view_.layout = static_cast<assay_layout>(json.at("layout").get<int>());
}

Json Write(const assay_problem& problem) {
  Json params = Json::array();
  for (int i = 0; i < problem.num_params; ++i) {
    params.push_back(Json::array({problem.params[i].name, problem.params[i].value}));
  }
  return {
      {"op", problem.op}, {"params", params}, {"dtype", int{problem.dtype}}, {"layout", int{problem.layout}}};
}

Json Write(const assay_device_info& info) {
  return {int{info.backend},           info.ordinal,  info.compute_capability, info.num_sms,
          info.shared_bytes_per_block, info.l2_bytes, info.memory_bytes,       std::string(info.name)};
}

assay_device_info ReadDeviceInfo(const Json& json) {
  assay_device_info info{};
  info.backend = static_cast<assay_backend>(json.at(0).get<int>());
  info.ordinal = json.at(1);
  info.compute_capability = json.at(2);
  info.num_sms = json.at(3);
  info.shared_bytes_per_block = json.at(4);
  info.l2_bytes = json.at(5);
  info.memory_bytes = json.at(6);
  SetName(info, json.at(7).get<std::string>());
  return info;
}

Json Write(const Pack& pack) {
  Json variants = Json::array();
  for (const VariantInfo& variant : pack.variants) variants.push_back(WriteVariant(variant));
  return {{"path", pack.path.string()},   {"name", pack.name},         {"version", pack.version},
          {"backend", int{pack.backend}}, {"readable", pack.readable}, {"unavailable", pack.unavailable},
          {"variants", variants}};
}

Pack ReadPack(const Json& json) {
  Pack pack;
  pack.path = json.at("path").get<std::string>();
  pack.name = json.at("name");
  pack.version = json.at("version");
  pack.backend = static_cast<assay_backend>(json.at("backend").get<int>());
  pack.readable = json.at("readable");
  pack.unavailable = json.at("unavailable");
  for (const Json& variant : json.at("variants")) pack.variants.push_back(ReadVariant(variant));
  return pack;
}

Json Write(const assay_buffers& buffers) {
  Json inputs = Json::array(), outputs = Json::array();
  for (int i = 0; i < buffers.num_inputs; ++i) inputs.push_back(Number(buffers.inputs[i]));
  for (int i = 0; i < buffers.num_outputs; ++i) outputs.push_back(Number(buffers.outputs[i]));
  return {{"inputs", inputs},
          {"outputs", outputs},
          {"workspace", Number(buffers.workspace)},
          {"workspace_bytes", buffers.workspace_bytes}};
}

Json Write(const LaunchBuffers& buffers) { return Write(buffers.View()); }

LaunchBuffers ReadBuffers(const Json& json) {
  LaunchBuffers buffers;
  for (const Json& input : json.at("inputs")) buffers.inputs.push_back(Address<const void>(input));
  for (const Json& output : json.at("outputs")) buffers.outputs.push_back(Address<void>(output));
  buffers.workspace = Address<void>(json.at("workspace"));
  buffers.workspace_bytes = json.at("workspace_bytes");
  return buffers;
}

Json Write(const std::vector<DeviceRange>& ranges) {
  Json json = Json::array();
  for (const DeviceRange& range : ranges) json.push_back(Json::array({Number(range.data), range.bytes}));
  return json;
}

std::vector<DeviceRange> ReadRanges(const Json& json) {
  std::vector<DeviceRange> ranges;
  for (const Json& range : json) ranges.push_back({Address(range.at(0)), range.at(1)});
  return ranges;
}

Json Write(const MeasureSettings& s) {
  return {s.min_seconds, s.max_seconds,    s.min_samples, s.max_samples,
          s.confidence,  s.relative_width, s.input_sets,  s.second_clock};
}

MeasureSettings ReadSettings(const Json& json) {
  MeasureSettings settings;
  settings.min_seconds = json.at(0);
  settings.max_seconds = json.at(1);
  settings.min_samples = json.at(2);
  settings.max_samples = json.at(3);
  settings.confidence = json.at(4);
  settings.relative_width = json.at(5);
  settings.input_sets = json.at(6);
  settings.second_clock = json.at(7);
  return settings;
}

Json Write(const Measurement& measurement) {
  Json json = {{"error", measurement.error}, {"untimeable", measurement.untimeable}};
  if (!measurement.timing) return json;
  const Timing& t = *measurement.timing;
  json["timing"] = {{"median", t.median},         {"low", t.low},           {"high", t.high},
                    {"confidence", t.confidence}, {"samples", t.samples},   {"dropped", t.dropped_throttled},
                    {"stop", t.stop_reason},      {"wall", t.wall_seconds}, {"agreement", t.clock_agreement},
                    {"mhz", t.sm_clock_mhz}};
  return json;
}

Measurement ReadMeasurement(const Json& json) {
  Measurement measurement;
  measurement.error = json.at("error");
  measurement.untimeable = json.at("untimeable");
  if (!json.contains("timing")) return measurement;
  const Json& from = json.at("timing");
  Timing timing;
  timing.median = from.at("median");
  timing.low = from.at("low");
  timing.high = from.at("high");
  timing.confidence = from.at("confidence");
  timing.samples = from.at("samples").get<std::vector<double>>();
  timing.dropped_throttled = from.at("dropped");
  timing.stop_reason = from.at("stop");
  timing.wall_seconds = from.at("wall");
  timing.clock_agreement = from.at("agreement");
  timing.sm_clock_mhz = from.at("mhz");
  measurement.timing = std::move(timing);
  return measurement;
}

Json Write(const Ceilings& c) {
  return {c.copy_bytes, c.ffma_flops, c.tensor_fp16_flops, c.tensor_bf16_flops, c.tensor_tf32_flops};
}

Ceilings ReadCeilings(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4)};
}

Json Write(VariantId variant) { return Json::array({variant.pack, variant.variant, variant.graph}); }

VariantId ReadVariantId(const Json& json) { return {json.at(0), json.at(1), json.at(2)}; }

}  // namespace assay::wire
