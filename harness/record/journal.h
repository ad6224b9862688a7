// results.jsonl: the header on the first line, then one record a line, each on the disk as its case ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "harness/record/line_writer.h"
#include "harness/record/record.h"

namespace assay {

// One line of JSON, without the newline. Numbers that are not finite are written as the strings "nan", "inf",
// "-inf"; bytes that are no UTF-8 as U+FFFD. Keys carry units: "median_s", "copy_bytes_per_s".
std::string ToJson(const SweepHeader& header);
std::string ToJson(const Record& record);

// And back. Throw std::runtime_error that names the member which is missing or of the wrong kind.
SweepHeader HeaderFromJson(const std::string& line);
Record RecordFromJson(const std::string& line);

struct Journal;

class JournalWriter {
 public:
  // Creates the file; throws std::runtime_error (with the path and the system's words) if it cannot be
  // written or exists. A character device (/dev/stdout) may stand in for a file.
  JournalWriter(const std::filesystem::path& path, const SweepHeader& header);
  // Goes on with a journal that exists, after cutting off a torn last line. The file must be a readable
  // journal.
  static JournalWriter Resume(const std::filesystem::path& path);
  // The same, with the header and records of `journal` (more cases planned, a record dropped): where they
  // differ from the file's, it is written anew beside itself and renamed.
  static JournalWriter Resume(const std::filesystem::path& path, const Journal& journal);

  // Written through to the disk when it returns; throws std::runtime_error (path and the system's words) if
  // the disk refuses, after taking back what was written of the line.
  void Append(const Record& record);

 private:
  explicit JournalWriter(LineWriter lines) : lines_(std::move(lines)) {}

  LineWriter lines_;
};

struct Journal {
  SweepHeader header;
  std::vector<Record> records;
  bool torn = false;  // the last line was cut short and has been left out
};

// False for a file that is empty or ends within its first line: there is nothing in it to go on with.
bool HasWholeHeader(const std::filesystem::path& path);

// Throws std::runtime_error with file:line for anything but a torn last line (one that lacks its newline).
Journal ReadJournal(const std::filesystem::path& path);

}  // namespace assay
