#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "fmt/core.h"
#include "harness/record/journal.h"
#include "harness/record/names.h"

namespace assay {
namespace {

using Json = nlohmann::ordered_json;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr int kSchema = 1;

// Text that is no UTF-8 (a kernel pack may say anything) gets replacement characters rather than losing the
// record.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// JSON has no numbers that are not finite.
Json Number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

// Reads members of one JSON object; every complaint names the member.
class Reader {
 public:
  Reader(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json_.is_object()) throw std::runtime_error(fmt::format("{} is not a JSON object", what_));
  }

  bool Has(const char* key) const { return json_.contains(key); }

  const Json& At(const char* key) const {
    const auto it = json_.find(key);
    if (it == json_.end()) throw std::runtime_error(fmt::format("{} has no \"{}\"", what_, key));
    return *it;
  }

  std::string String(const char* key) const { return StringFrom(At(key), key); }

  bool Bool(const char* key) const {
    const Json& value = At(key);
    if (!value.is_boolean()) Wrong(key, "true or false");
    return value.get<bool>();
  }

  std::int64_t Int(const char* key) const { return IntFrom(At(key), key); }

  std::uint64_t Unsigned(const char* key) const {
    const Json& value = At(key);
    if (!value.is_number_unsigned()) Wrong(key, "an integer from 0");
    return value.get<std::uint64_t>();
  }

  double Double(const char* key) const { return DoubleFrom(At(key), key); }

  std::vector<double> Doubles(const char* key) const {
    std::vector<double> values;
    for (const Json& value : Array(key)) values.push_back(DoubleFrom(value, key));
    return values;
  }

  std::vector<std::string> Strings(const char* key) const {
    std::vector<std::string> values;
    for (const Json& value : Array(key)) values.push_back(StringFrom(value, key));
    return values;
  }

  const Json& Array(const char* key) const {
    const Json& value = At(key);
    if (!value.is_array()) Wrong(key, "an array");
    return value;
  }

  Pairs StringPairs(const char* key) const {
    Pairs pairs;
    for (const auto& [name, value] : Object(key).items()) pairs.emplace_back(name, StringFrom(value, key));
    return pairs;
  }

  std::vector<std::pair<std::string, std::int64_t>> IntPairs(const char* key) const {
    std::vector<std::pair<std::string, std::int64_t>> pairs;
    for (const auto& [name, value] : Object(key).items()) pairs.emplace_back(name, IntFrom(value, key));
    return pairs;
  }

  std::vector<std::pair<std::string, double>> DoublePairs(const char* key) const {
    std::vector<std::pair<std::string, double>> pairs;
    for (const auto& [name, value] : Object(key).items()) pairs.emplace_back(name, DoubleFrom(value, key));
    return pairs;
  }

  // The enum value whose name stands at `key`.
  template <typename Enum>
  Enum Named(const char* key, std::optional<Enum> (*parse)(std::string_view)) const {
    const std::string name = String(key);
    const std::optional<Enum> value = parse(name);
    if (!value)
      throw std::runtime_error(fmt::format("\"{}\" of {} is \"{}\", which is not known", key, what_, name));
    return *value;
  }

 private:
  [[noreturn]] void Wrong(const char* key, const char* wanted) const {
    throw std::runtime_error(fmt::format("\"{}\" of {} is not {}", key, what_, wanted));
  }

  const Json& Object(const char* key) const {
    const Json& value = At(key);
    if (!value.is_object()) Wrong(key, "an object");
    return value;
  }

  std::string StringFrom(const Json& value, const char* key) const {
    if (!value.is_string()) Wrong(key, "a string");
    return value.get<std::string>();
  }

  std::int64_t IntFrom(const Json& value, const char* key) const {
    if (!value.is_number_integer()) Wrong(key, "an integer");
    if (value.is_number_unsigned() &&
        value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      Wrong(key, "an integer of 64 bits");
    }
    return value.get<std::int64_t>();
  }

  double DoubleFrom(const Json& value, const char* key) const {
    if (value.is_number()) return value.get<double>();
    if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (value == "inf") return std::numeric_limits<double>::infinity();
    if (value == "-inf") return -std::numeric_limits<double>::infinity();
    Wrong(key, "a number, \"nan\", \"inf\" or \"-inf\"");
  }

  const Json& json_;
  std::string what_;
};

template <typename Value>
Json ObjectOf(const std::vector<std::pair<std::string, Value>>& pairs) {
  Json json = Json::object();
  for (const auto& [name, value] : pairs) json[name] = value;
  return json;
}

Json ToObject(const StepResult& step) {
  return {{"step", StepName(step.step)}, {"outcome", OutcomeName(step.outcome)}, {"detail", step.detail}};
}

StepResult StepFrom(const Json& json) {
  const Reader in(json, "a step");
  return {in.Named<Step>("step", ParseStep), in.Named<Outcome>("outcome", ParseOutcome), in.String("detail")};
}

Json ToObject(const Failure& failure) {
  return {{"step", StepName(failure.step)},
          {"tensor", failure.tensor},
          {"coordinates", failure.coordinates},
          {"expected", Number(failure.expected)},
          {"got", Number(failure.got)},
          {"bound", Number(failure.bound)},
          {"count", failure.count},
          {"total", failure.total},
          {"seed", failure.seed},
          {"detail", failure.detail}};
}

Failure FailureFrom(const Json& json) {
  const Reader in(json, "the failure");
  Failure failure;
  failure.step = in.Named<Step>("step", ParseStep);
  failure.tensor = in.String("tensor");
  failure.coordinates = in.String("coordinates");
  failure.expected = in.Double("expected");
  failure.got = in.Double("got");
  failure.bound = in.Double("bound");
  failure.count = in.Int("count");
  failure.total = in.Int("total");
  failure.seed = in.Unsigned("seed");
  failure.detail = in.String("detail");
  return failure;
}

Json ToObject(const Timing& timing) {
  Json samples = Json::array();
  for (double sample : timing.samples) samples.push_back(Number(sample));
  Json json = {{"median_s", Number(timing.median)},
               {"low_s", Number(timing.low)},
               {"high_s", Number(timing.high)},
               {"confidence", Number(timing.confidence)},
               {"dropped_throttled", timing.dropped_throttled},
               {"stop_reason", timing.stop_reason},
               {"wall_s", Number(timing.wall_seconds)},
               {"clock_agreement", timing.clock_agreement},
               {"sm_clock_mhz", Number(timing.sm_clock_mhz)},
               {"samples_s", std::move(samples)}};
  if (timing.supervisor_seconds > 0) json["supervisor_wall_s"] = Number(timing.supervisor_seconds);
  return json;
}

Timing TimingFrom(const Json& json) {
  const Reader in(json, "the timing");
  Timing timing;
  timing.median = in.Double("median_s");
  timing.low = in.Double("low_s");
  timing.high = in.Double("high_s");
  timing.confidence = in.Double("confidence");
  timing.dropped_throttled = static_cast<int>(in.Int("dropped_throttled"));
  timing.stop_reason = in.String("stop_reason");
  timing.wall_seconds = in.Double("wall_s");
  timing.clock_agreement = in.String("clock_agreement");
  timing.sm_clock_mhz = in.Double("sm_clock_mhz");
  timing.samples = in.Doubles("samples_s");
  if (in.Has("supervisor_wall_s")) timing.supervisor_seconds = in.Double("supervisor_wall_s");
  return timing;
}

Json ToObject(const Floor& floor) {
  return {{"bytes", Number(floor.bytes)},
          {"flops", Number(floor.flops)},
          {"byte_s", Number(floor.byte_seconds)},
          {"flop_s", Number(floor.flop_seconds)},
          {"flop_unit", floor.flop_unit}};
}

Floor FloorFrom(const Json& json) {
  const Reader in(json, "the floor");
  Floor floor;
  floor.bytes = in.Double("bytes");
  floor.flops = in.Double("flops");
  floor.byte_seconds = in.Double("byte_s");
  floor.flop_seconds = in.Double("flop_s");
  floor.flop_unit = in.String("flop_unit");
  return floor;
}

Json ToObject(const Ceilings& ceilings) {
  return {{"copy_bytes_per_s", Number(ceilings.copy_bytes)},
          {"ffma_flop_per_s", Number(ceilings.ffma_flops)},
          {"tensor_fp16_flop_per_s", Number(ceilings.tensor_fp16_flops)},
          {"tensor_bf16_flop_per_s", Number(ceilings.tensor_bf16_flops)},
          {"tensor_tf32_flop_per_s", Number(ceilings.tensor_tf32_flops)}};
}

Ceilings CeilingsFrom(const Json& json) {
  const Reader in(json, "the ceilings");
  Ceilings ceilings;
  ceilings.copy_bytes = in.Double("copy_bytes_per_s");
  ceilings.ffma_flops = in.Double("ffma_flop_per_s");
  ceilings.tensor_fp16_flops = in.Double("tensor_fp16_flop_per_s");
  ceilings.tensor_bf16_flops = in.Double("tensor_bf16_flop_per_s");
  ceilings.tensor_tf32_flops = in.Double("tensor_tf32_flop_per_s");
  return ceilings;
}

Json Parse(const std::string& line) {
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    throw std::runtime_error(fmt::format("not JSON at byte {} of the line", error.byte));
  }
}

}  // namespace

std::string ToJson(const SweepHeader& header) {
  Json json = {{"schema", header.schema},
               {"name", header.name},
               {"config_path", header.config_path},
               {"config_text", header.config_text},
               {"command", header.command},
               {"started", header.started},
               {"assay_version", header.assay_version},
               {"device", header.device},
               {"timed", header.timed},
               {"untimed_reason", header.untimed_reason},
               {"environment", ObjectOf(header.environment)},
               {"method", ObjectOf(header.method)},
               {"planned_cases", header.planned_cases}};
  if (!header.notices.empty()) json["notices"] = header.notices;
  if (header.ceilings) json["ceilings"] = ToObject(*header.ceilings);
  return Dump(json);
}

std::string ToJson(const Record& record) {
  Json steps = Json::array();
  for (const StepResult& step : record.steps) steps.push_back(ToObject(step));
  Json json = {{"id", record.id},
               {"op", record.op},
               {"problem", record.problem},
               {"params", ObjectOf(record.params)},
               {"label", record.label},
               {"dtype", record.dtype},
               {"layout", record.layout},
               {"variant", record.variant},
               {"baseline", record.baseline},
               {"named", record.named},
               {"device", record.device},
               {"verdict", VerdictName(record.verdict)},
               {"reason", record.reason},
               {"steps", std::move(steps)},
               {"max_error_share", Number(record.max_error_share)},
               {"plan", record.plan},
               {"reproduce", record.reproduce},
               {"bytes", Number(record.bytes)},
               {"flops", Number(record.flops)},
               {"case_s", Number(record.case_seconds)}};
  for (const auto& [stage, seconds] : record.stages) json["stages_s"][stage] = Number(seconds);
  if (record.operand_bits > 0) json["operand_bits"] = record.operand_bits;
  if (!record.printed.empty()) json["printed"] = record.printed;
  if (record.transient) json["transient"] = true;
  if (record.failure) json["failure"] = ToObject(*record.failure);
  if (record.floor) json["floor"] = ToObject(*record.floor);
  if (record.timing) json["timing"] = ToObject(*record.timing);
  return Dump(json);
}

SweepHeader HeaderFromJson(const std::string& line) {
  const Json json = Parse(line);
  const Reader in(json, "the header");
  SweepHeader header;
  header.schema = static_cast<int>(in.Int("schema"));
  if (header.schema != kSchema) {
    throw std::runtime_error(
        fmt::format("the journal has schema {}; this program reads schema {}", header.schema, kSchema));
  }
  header.name = in.String("name");
  header.config_path = in.String("config_path");
  header.config_text = in.String("config_text");
  header.command = in.String("command");
  header.started = in.String("started");
  header.assay_version = in.String("assay_version");
  header.device = in.String("device");
  header.timed = in.Bool("timed");
  header.untimed_reason = in.String("untimed_reason");
  header.environment = in.StringPairs("environment");
  header.method = in.StringPairs("method");
  header.planned_cases = static_cast<int>(in.Int("planned_cases"));
  if (in.Has("notices")) header.notices = in.Strings("notices");
  if (in.Has("ceilings")) header.ceilings = CeilingsFrom(in.At("ceilings"));
  return header;
}

Record RecordFromJson(const std::string& line) {
  const Json json = Parse(line);
  const Reader in(json, "the record");
  Record record;
  record.id = in.String("id");
  record.op = in.String("op");
  record.problem = in.String("problem");
  record.params = in.IntPairs("params");
  record.label = in.String("label");
  record.dtype = in.String("dtype");
  record.layout = in.String("layout");
  record.variant = in.String("variant");
  record.baseline = in.Bool("baseline");
  record.named = in.Bool("named");
  record.device = in.String("device");
  record.verdict = in.Named<Verdict>("verdict", ParseVerdict);
  record.reason = in.String("reason");
  for (const Json& step : in.Array("steps")) record.steps.push_back(StepFrom(step));
  record.max_error_share = in.Double("max_error_share");
  record.plan = in.String("plan");
  record.reproduce = in.String("reproduce");
  record.bytes = in.Double("bytes");
  record.flops = in.Double("flops");
  record.case_seconds = in.Double("case_s");
  if (in.Has("stages_s")) record.stages = in.DoublePairs("stages_s");
  if (in.Has("operand_bits")) record.operand_bits = static_cast<int>(in.Int("operand_bits"));
  if (in.Has("printed")) record.printed = in.String("printed");
  record.transient = in.Has("transient") && in.Bool("transient");
  if (in.Has("failure")) record.failure = FailureFrom(in.At("failure"));
  if (in.Has("floor")) record.floor = FloorFrom(in.At("floor"));
  if (in.Has("timing")) record.timing = TimingFrom(in.At("timing"));
  return record;
}

}  // namespace assay
