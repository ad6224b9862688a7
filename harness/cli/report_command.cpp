#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "harness/cli/commands.h"
#include "harness/cli/run_setup.h"
#include "harness/report/report.h"

namespace assay {
namespace {

void Report(const std::filesystem::path& dir) {
  const Journal journal = ReadRun(dir);
  WriteReports(dir, journal);
  if (journal.torn) fmt::print("The last line of results.jsonl was cut short and has been left out.\n");
  fmt::print("{}\nReports: {}\n", RenderConsole(journal, 0), (dir / "report.html").string());
}

}  // namespace

void AddReportCommand(CLI::App& app, CommandContext&) {
  CLI::App* command = app.add_subcommand("report", "make the reports again from a folder's results.jsonl");
  const auto dir = std::make_shared<std::filesystem::path>();
  command->add_option("dir", *dir, "folder of a run")->required();
  command->callback([dir] { Report(*dir); });
}

}  // namespace assay
