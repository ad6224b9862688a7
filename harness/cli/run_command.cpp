#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "harness/cli/commands.h"
#include "harness/cli/device_choice.h"
#include "harness/cli/selection.h"
#include "harness/report/progress.h"
#include "harness/report/report.h"
#include "harness/run/environment.h"

namespace assay {
namespace {

struct RunArguments {
  SelectionOptions selection;
  std::string device = "auto";
  std::filesystem::path out;
  bool no_measure = false;
  bool resume = false;
};

int TerminalWidth() {
  winsize size{};
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// reports/<name>-<date>, with a number behind it if a run of that day is there already.
std::filesystem::path DefaultOutDir(const std::string& name) {
  const std::string stem = fmt::format("{}-{}", name, UtcNow().substr(0, 10));
  std::filesystem::path dir = std::filesystem::path("reports") / stem;
  for (int i = 2; std::filesystem::exists(dir); ++i)
    dir = std::filesystem::path("reports") / fmt::format("{}-{}", stem, i);
  return dir;
}

// Nothing is overwritten: a folder with results in it is refused before anything runs.
void CheckOutDir(const std::filesystem::path& dir, bool resume) {
  const bool journal = std::filesystem::exists(dir / "results.jsonl");
  if (journal && !resume) {
    throw ConfigError(
        fmt::format("--out: {} holds the results of another run; go on with it by --resume, or choose a "
                    "folder without results.jsonl",
                    dir.string()));
  }
  if (resume && !journal) {
    throw ConfigError(fmt::format(
        "--resume: {} holds no results.jsonl to go on with; give the run's folder by --out", dir.string()));
  }
}

ExitCode Run(const RunArguments& arguments, const std::string& command_line) {
  const PackSet packs(OpenBuiltInPacks());
  packs.CheckAnyReadable();
  Sweep sweep = SelectCases(arguments.selection, packs.BuildCatalog());
  if (arguments.no_measure) sweep.measure.enabled = false;
  const std::unique_ptr<Device> device = OpenDevice(arguments.device);
  RunOptions options;
  options.out_dir = arguments.out.empty() ? DefaultOutDir(sweep.name) : arguments.out;
  options.command = command_line;
  options.device_argument = arguments.device;
  options.resume = arguments.resume;
  CheckOutDir(options.out_dir, arguments.resume);

  const std::unique_ptr<Progress> progress = MakeProgress(stderr);
  const Journal journal = RunSweep(sweep, packs, *device, options, *progress);
  WriteReports(options.out_dir, journal);
  fmt::print("{}\n", RenderConsole(journal, TerminalWidth()));
  fmt::print("Reports: {}\n", (options.out_dir / "report.html").string());
  return ExitCodeOf(journal);
}

}  // namespace

void AddRunCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("run", "judge and time the cases of a sweep");
  const auto arguments = std::make_shared<RunArguments>();
  AddSelectionOptions(*command, arguments->selection);
  command->add_option("--device", arguments->device, "auto, host, cuda or cuda:i")->capture_default_str();
  command->add_option("--out", arguments->out, "folder for the reports (default: reports/<name>-<date>)");
  command->add_flag("--no-measure", arguments->no_measure, "judge only, as under compute-sanitizer");
  command->add_flag("--resume", arguments->resume,
                    "go on with the run in --out: what its journal holds is not run again");
  command->callback([arguments, &context] { context.exit_code = Run(*arguments, context.command_line); });
}

}  // namespace assay
