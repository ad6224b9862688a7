#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "harness/cli/commands.h"
#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/run/environment.h"

namespace {

int Fail(assay::ExitCode code, const std::string& message) {
  fmt::print(stderr, "assay: {}\n", message);
  return static_cast<int>(code);
}

// As a shell takes it back.
std::string Quoted(const std::string& argument) {
  const bool plain = !argument.empty() && argument.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-+=./,:%@") == std::string::npos;
  if (plain) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string CommandLine(int argc, char** argv) {
  std::string line = "assay";
  for (int i = 1; i < argc; ++i) line += " " + Quoted(argv[i]);
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Assay: is this fused GPU kernel right, and how fast is it?", "assay"};
  app.set_version_flag("--version", assay::ProgramVersion());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 every selected case right; 1 a case wrong, crashed or hung; 2 command line or config at "
      "fault; "
      "3 the environment failed.");
  assay::CommandContext context;
  context.command_line = CommandLine(argc, argv);
  assay::AddRunCommand(app, context);
  assay::AddListCommand(app, context);
  assay::AddReportCommand(app, context);
  assay::AddProfileCommand(app, context);
  assay::AddNewKernelCommand(app, context);
  assay::AddDoctorCommand(app, context);
  assay::AddSelftestCommand(app, context);
  assay::AddWorkerCommand(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // CLI11 numbers its errors itself; help and version are no errors.
    return app.exit(e) == 0 ? 0 : static_cast<int>(assay::ExitCode::kUsage);
  } catch (const assay::ConfigError& e) {
    return Fail(assay::ExitCode::kUsage, e.what());
  } catch (const std::exception& e) {
    return Fail(assay::ExitCode::kEnvironment, e.what());
  }
  return static_cast<int>(context.exit_code);
}
