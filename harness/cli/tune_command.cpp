// assay tune: which configuration of which variant is the fastest, problem by problem.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/build_paths.h"
#include "harness/cli/commands.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/run_setup.h"
#include "harness/cli/selection.h"
#include "harness/tune/console.h"
#include "harness/tune/held_out.h"
#include "harness/tune/tuner.h"
#include "harness/worker/remote_executor.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct TuneArguments {
  SelectionOptions selection;
  std::string device = "auto";
  fs::path out, table;
  std::vector<fs::path> packs;
  double seconds = 0;
  bool resume = false;
  bool held_out = false;
  std::string picker = "auto";
};

// kernels/<operator>/tuned.csv of the tree that this program was built from.
fs::path DefaultTable(const Sweep& sweep) {
  const std::string_view op = sweep.cases.front().problem.op->name();
  if (std::ranges::any_of(sweep.cases, [&](const Case& c) { return c.problem.op->name() != op; }))
    throw ConfigError("--table: the config has problems of several operators; say which file to write");
  return fs::path(build_paths::kRoot) / "kernels" / op / "tuned.csv";
}

void CheckCanTime(const Device& device) {
  if (device.can_time()) return;
  throw DeviceError(
      fmt::format("assay tune compares times and needs a GPU; this is the {} device, whose times say nothing "
                  "(`assay doctor` says what keeps a GPU from being used)",
                  device.name()));
}

void CheckPicker(const Sweep& sweep, const std::string& picker) {
  if (std::ranges::any_of(sweep.cases, [&](const Case& c) { return c.variant == picker; })) return;
  throw ConfigError(fmt::format("--picker: found {}; allowed: a variant of the config", picker));
}

void WriteText(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
}

// Merges what the journal has, and says so in a sentence.
std::string UpdateTable(const fs::path& path, const TuneJournal& journal) {
  const std::vector<TunedProblem> problems = RowsOf(journal);
  std::size_t rows = 0;
  for (const TunedProblem& problem : problems) rows += problem.rows.size();
  if (rows == 0) return "nothing was found that could stand in the table";
  const TunedTable table = MergeIntoFile(path, journal.header.gpu, journal.header.environment, problems);
  return fmt::format("{} has {} rows of this run, {} in all; build again for who picks from it",
                     path.string(), rows, table.rows.size());
}

std::string WriteLosses(const fs::path& dir, const TuneJournal& journal) {
  const fs::path path = dir / "held_out.csv";
  WriteText(path, HeldOutCsv(journal));
  return fmt::format("{} has what is lost on each problem", path.string());
}

// Writes what follows from a journal, whole or not.
std::string Conclude(const fs::path& dir, const fs::path& path, const TuneJournal& journal) {
  return journal.header.picker.empty() ? UpdateTable(path, journal) : WriteLosses(dir, journal);
}

ExitCode Tune(const TuneArguments& arguments, const std::string& command_line) {
  CheckOutDir(arguments.out, arguments.resume, "tune.jsonl");
  RunInterrupt interrupt;
  RemoteExecutor executor({arguments.device, AllPacks(arguments.packs), {}});
  if (!executor.note().empty()) fmt::print(stderr, "assay: {}\n", executor.note());
  CheckAddedPacks(executor.packs(), arguments.packs.size());
  const PackSet packs(executor.packs());
  packs.CheckAnyReadable();
  packs.CheckNamesDiffer();
  const Sweep sweep = SelectCases(arguments.selection, packs.BuildCatalog());
  if (arguments.held_out) CheckPicker(sweep, arguments.picker);
  const fs::path path = arguments.table.empty() ? DefaultTable(sweep) : arguments.table;
  const TunedTable table = ReadTunedTable(path);
  CheckCanTime(executor.device());

  TuneOptions options;
  options.out_dir = arguments.out.empty() ? DefaultOutDir("tune-" + sweep.name) : arguments.out;
  options.command = command_line;
  options.resume = arguments.resume;
  options.seconds = arguments.seconds;
  if (arguments.held_out) options.picker = arguments.picker;
  const fs::path journal_path = options.out_dir / "tune.jsonl";
  interrupt.Guard(journal_path, command_line, [journal_path, path] {
    const TuneJournal so_far = ReadTuneJournal(journal_path);
    return fmt::format("after {} of {} problems; {}", so_far.records.size(), so_far.header.planned,
                       Conclude(journal_path.parent_path(), path, so_far));
  });
  const TuneJournal journal =
      RunTune(sweep, executor, table, options, [&](const TuneRecord& record, int done, int planned) {
        fmt::print(stderr, "{}", TuneLine(record, options.picker, done, planned));
        std::fflush(stderr);
      });
  interrupt.Finish([&] {
    fmt::print("{}\n{}\nJournal: {}\n", TuneSummary(journal), Conclude(options.out_dir, path, journal),
               journal_path.string());
  });
  return ExitCodeOf(journal);
}

}  // namespace

void AddTuneCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "tune", "search the configurations of every variant for the fastest, and keep the winners in a table");
  const auto arguments = std::make_shared<TuneArguments>();
  AddSelectionOptions(*command, arguments->selection);
  command->add_option("--device", arguments->device, "auto, cuda or cuda:i")->capture_default_str();
  command->add_option("--out", arguments->out,
                      "folder for the journal (default: reports/tune-<name>-<date>)");
  command->add_option("--table", arguments->table,
                      "the table to merge winners into (default: kernels/<operator>/tuned.csv)");
  AddPackOption(*command, arguments->packs);
  command->add_flag("--resume", arguments->resume,
                    "go on with the search in --out: problems that its journal holds are not searched again");
  command
      ->add_option("--seconds", arguments->seconds,
                   "begin no problem after so many, and take them in an order that is spread over the config")
      ->check(CLI::PositiveNumber);
  CLI::Option* held_out = command->add_flag(
      "--held-out", arguments->held_out,
      "in place of tuning: on problems that the table does not hold, time what --picker picks beside all "
      "that it could have picked, and say what it loses (held_out.csv)");
  command->add_option("--picker", arguments->picker, "the variant that picks")
      ->capture_default_str()
      ->needs(held_out);
  command->callback([arguments, &context] { context.exit_code = Tune(*arguments, context.command_line); });
}

}  // namespace assay
