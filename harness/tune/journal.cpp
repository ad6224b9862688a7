#include "harness/tune/journal.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

namespace assay {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

TrialState StateNamed(const std::string& name) {
  for (const TrialState state : kAllTrialStates) {
    if (name == TrialStateName(state)) return state;
  }
  throw std::runtime_error(fmt::format("\"state\" is \"{}\", which is not known", name));
}

Json Write(const Trial& t) {
  Json json = {
      {"variant", t.variant}, {"configuration", t.configuration}, {"state", TrialStateName(t.state)}};
  if (t.cost > 0) json["cost"] = t.cost;
  if (t.own_choice) json["own_choice"] = true;
  if (t.incumbent) json["incumbent"] = true;
  if (!t.why.empty()) json["why"] = t.why;
  if (!t.plan.empty() && t.state != TrialState::kPruned) json["plan"] = t.plan;
  if (!t.timed()) return json;
  json["median_s"] = t.median, json["low_s"] = t.low, json["high_s"] = t.high;
  json["samples"] = t.samples, json["rounds"] = t.rounds;
  return json;
}

Trial ReadTrial(const Json& json) {
  Trial t;
  t.variant = json.at("variant");
  t.configuration = json.at("configuration");
  t.state = StateNamed(json.at("state"));
  t.cost = json.value("cost", 0.0);
  t.own_choice = json.value("own_choice", false);
  t.incumbent = json.value("incumbent", false);
  t.why = json.value("why", "");
  t.plan = json.value("plan", "");
  if (!json.contains("samples")) return t;
  t.samples = json.at("samples"), t.rounds = json.at("rounds");
  t.median = json.at("median_s"), t.low = json.at("low_s"), t.high = json.at("high_s");
  return t;
}

TuneHeader ReadHeader(const Json& json) {
  TuneHeader h;
  h.schema = json.at("schema");
  if (h.schema != kSchema) {
    throw std::runtime_error(fmt::format("\"schema\" is {}; this program reads {}", h.schema, kSchema));
  }
  h.name = json.at("name"), h.command = json.at("command"), h.started = json.at("started");
  h.picker = json.at("picker"), h.environment = json.at("environment");
  h.gpu = json.at("gpu"), h.capability = json.at("capability"), h.sms = json.at("sms");
  h.config_text = json.at("config_text"), h.sources = json.at("sources"), h.device = json.at("device");
  h.planned = json.at("planned");
  return h;
}

TuneRecord ReadRecord(const Json& json) {
  TuneRecord r;
  r.key = {json.at("op"), json.at("problem"), json.at("dtype"), json.at("layout")};
  r.label = json.at("label");
  r.not_tuned = json.at("not_tuned");
  r.seconds = json.at("seconds");
  for (const Json& trial : json.at("trials")) r.trials.push_back(ReadTrial(trial));
  return r;
}

}  // namespace

const char* TrialStateName(TrialState state) {
  switch (state) {
    case TrialState::kPruned:
      return "pruned";
    case TrialState::kFinalist:
      return "finalist";
    case TrialState::kRight:
      return "right";
    case TrialState::kWrong:
      return "wrong";
    case TrialState::kFailed:
      return "failed";
  }
  return "?";
}

std::string ToJson(const TuneHeader& h) {
  return Dump({{"schema", h.schema},
               {"name", h.name},
               {"command", h.command},
               {"started", h.started},
               {"picker", h.picker},
               {"gpu", h.gpu},
               {"capability", h.capability},
               {"sms", h.sms},
               {"environment", h.environment},
               {"config_text", h.config_text},
               {"sources", h.sources},
               {"device", h.device},
               {"planned", h.planned}});
}

std::string ToJson(const TuneRecord& r) {
  Json trials = Json::array();
  for (const Trial& trial : r.trials) trials.push_back(Write(trial));
  return Dump({{"op", r.key.op},
               {"problem", r.key.problem},
               {"dtype", r.key.dtype},
               {"layout", r.key.layout},
               {"label", r.label},
               {"not_tuned", r.not_tuned},
               {"seconds", r.seconds},
               {"trials", trials}});
}

TuneJournal ReadTuneJournal(const std::filesystem::path& path) {
  const Lines lines = ReadLines(path);
  TuneJournal journal;
  journal.torn = lines.torn;
  if (lines.whole.empty())
    throw std::runtime_error(fmt::format("{}:1: there is no whole line in it", path.string()));
  for (std::size_t i = 0; i < lines.whole.size(); ++i) {
    try {
      const Json json = Json::parse(lines.whole[i]);
      if (i == 0) {
        journal.header = ReadHeader(json);
      } else {
        journal.records.push_back(ReadRecord(json));
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", path.string(), i + 1, error.what()));
    }
  }
  return journal;
}

}  // namespace assay
