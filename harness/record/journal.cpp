#include "harness/record/journal.h"

#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "fmt/core.h"

namespace assay {

JournalWriter::JournalWriter(const std::filesystem::path& path, const SweepHeader& header)
    : lines_(path, ToJson(header)) {}

JournalWriter JournalWriter::Resume(const std::filesystem::path& path) {
  ReadJournal(path);  // refuses what is no journal before anything is cut off
  return JournalWriter(LineWriter::Resume(path));
}

JournalWriter JournalWriter::Resume(const std::filesystem::path& path, const Journal& journal) {
  const Journal stored = ReadJournal(path);
  if (ToJson(stored.header) == ToJson(journal.header) && stored.records.size() == journal.records.size()) {
    return Resume(path);
  }
  std::filesystem::path beside = path;
  beside += ".rewritten";
  std::error_code ignored;
  std::filesystem::remove(beside, ignored);  // of a run that was killed just here
  {
    JournalWriter writer(beside, journal.header);
    for (const Record& record : journal.records) writer.Append(record);
  }
  std::filesystem::rename(beside, path);
  return Resume(path);
}

void JournalWriter::Append(const Record& record) { lines_.Append(ToJson(record)); }

bool HasWholeHeader(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string line;
  return std::getline(in, line) && !in.eof();
}

Journal ReadJournal(const std::filesystem::path& path) {
  const Lines lines = ReadLines(path);
  Journal journal;
  journal.torn = lines.torn;
  for (std::size_t i = 0; i < lines.whole.size(); ++i) {
    try {
      if (i == 0) {
        journal.header = HeaderFromJson(lines.whole[i]);
      } else {
        journal.records.push_back(RecordFromJson(lines.whole[i]));
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", path.string(), i + 1, error.what()));
    }
  }
  if (lines.whole.empty()) {
    throw std::runtime_error(
        fmt::format("{}:1: {}", path.string(),
                    lines.torn ? "the header is cut short, and nothing follows it" : "the journal is empty"));
  }
  return journal;
}

}  // namespace assay
