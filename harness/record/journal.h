// results.jsonl: the header on the first line, then one record a line, each flushed as its case ends.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "harness/record/record.h"

namespace assay {

// One line of JSON, without the newline. Numbers that are not finite are written as the strings "nan", "inf", "-inf".
std::string ToJson(const SweepHeader& header);
std::string ToJson(const Record& record);

class JournalWriter {
 public:
  // Creates the file; throws std::runtime_error (with the path and the system's words) if it cannot be written or exists.
  JournalWriter(const std::filesystem::path& path, const SweepHeader& header);
  // Written and flushed when it returns; throws std::runtime_error if the disk refuses.
  void Append(const Record& record);

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

struct Journal {
  SweepHeader header;
  std::vector<Record> records;
  bool torn = false;  // the last line was cut short and has been left out
};

// Throws std::runtime_error with file:line for anything but a torn last line.
Journal ReadJournal(const std::filesystem::path& path);

}  // namespace assay
