// Everything a person reads, made from the journal alone.
#pragma once

#include <filesystem>
#include <string>

#include "harness/record/journal.h"

namespace assay {

// Writes results.csv, report.html and junit.xml into `dir` (which holds results.jsonl). Each file is written
// beside its final name and renamed, so that a reader never sees half of one. Throws std::runtime_error with
// the path.
void WriteReports(const std::filesystem::path& dir, const Journal& journal);

std::string RenderCsv(const Journal& journal);
// One file that opens offline: data, styles, scripts and the charting library are inside it.
std::string RenderHtml(const Journal& journal);
std::string RenderJunit(const Journal& journal);
// The summary that ends a run on the console; `width` is the terminal's in columns, 0 if it is none (then
// lines may be as long as they are). `dir` is where the reports are; empty: not said.
std::string RenderConsole(const Journal& journal, int width, const std::filesystem::path& dir = {});

}  // namespace assay
