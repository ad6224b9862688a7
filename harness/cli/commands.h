// The subcommands of `assay`. Each adds itself to the parser; its callback leaves the exit code in
// `exit_code`.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/run/runner.h"

namespace assay {

struct CommandContext {
  std::string command_line;  // as typed, for the record
  ExitCode exit_code = ExitCode::kRight;
};

void AddRunCommand(CLI::App& app, CommandContext& context);
void AddListCommand(CLI::App& app, CommandContext& context);
void AddReportCommand(CLI::App& app, CommandContext& context);
void AddMergeCommand(CLI::App& app, CommandContext& context);
void AddProfileCommand(CLI::App& app, CommandContext& context);
void AddNewKernelCommand(CLI::App& app, CommandContext& context);
void AddDoctorCommand(CLI::App& app, CommandContext& context);
void AddSelftestCommand(CLI::App& app, CommandContext& context);
void AddTuneCommand(CLI::App& app, CommandContext& context);
void AddWorkerCommand(CLI::App& app, CommandContext& context);

// --pack, for the subcommands that open packs.
void AddPackOption(CLI::App& command, std::vector<std::filesystem::path>& packs);

}  // namespace assay
