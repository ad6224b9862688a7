#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "harness/cli/commands.h"
#include "harness/cli/run_setup.h"
#include "harness/report/report.h"
#include "harness/run/merge.h"
#include "harness/run/runner.h"

namespace assay {
namespace {

struct MergeArguments {
  std::vector<std::filesystem::path> parts;
  std::filesystem::path out;
};

ExitCode Merge(const MergeArguments& arguments, const std::string& command_line) {
  CheckOutDir(arguments.out, false, "results.jsonl");
  std::vector<RunPart> parts;
  for (const std::filesystem::path& dir : arguments.parts) {
    parts.push_back({dir, ReadRun(dir)});
    if (parts.back().journal.torn) {
      fmt::print("The last line of {} was cut short and has been left out.\n",
                 (dir / "results.jsonl").string());
    }
  }
  const Journal merged = MergeRuns(parts, command_line);
  std::filesystem::create_directories(arguments.out);
  JournalWriter writer(arguments.out / "results.jsonl", merged.header);
  for (const Record& record : merged.records) writer.Append(record);
  WriteReports(arguments.out, merged);
  fmt::print("{}\nReports: {}\n", RenderConsole(merged, 0), (arguments.out / "report.html").string());
  return ExitCodeOf(merged);
}

}  // namespace

void AddMergeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "merge", "put runs of one sweep that went side by side (run --shard) together into one");
  const auto arguments = std::make_shared<MergeArguments>();
  command->add_option("dirs", arguments->parts, "folders of the runs")->required();
  command->add_option("--out", arguments->out, "folder for what they are together")->required();
  command->callback([arguments, &context] { context.exit_code = Merge(*arguments, context.command_line); });
}

}  // namespace assay
