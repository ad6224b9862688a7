// tune.jsonl: what holds for a whole `assay tune` on the first line, then one line a problem, dtype and
// layout, on the disk as soon as its search has ended.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/record/line_writer.h"
#include "harness/tune/trial.h"

namespace assay {

struct TuneHeader {
  int schema = 1;
  std::string name;     // of the sweep
  std::string command;  // as typed
  std::string started;  // ISO 8601, UTC
  std::string picker;   // whose loss is asked for; empty: a table is tuned
  std::string gpu;      // as the driver names it
  int capability = 0;   // 10 * major + minor
  int sms = 0;
  std::string environment;  // on one line: driver, CUDA, date, for the table
  // What a run that goes on must have in common: the config's text, the files that it was read from, the
  // device.
  std::string config_text, sources, device;
  int planned = 0;
};

struct TuneJournal {
  TuneHeader header;
  std::vector<TuneRecord> records;
  bool torn = false;  // the last line was cut short and has been left out
};

std::string ToJson(const TuneHeader& header);
std::string ToJson(const TuneRecord& record);

// Throws std::runtime_error with file:line for anything but a torn last line.
TuneJournal ReadTuneJournal(const std::filesystem::path& path);

}  // namespace assay
