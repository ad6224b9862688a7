#include "harness/cli/commands.h"
#include "harness/worker/server.h"

namespace assay {

void AddWorkerCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("worker", "the process that `run` starts to launch kernels in");
  command->group("");  // not for people
  command->callback([&context] { context.exit_code = static_cast<ExitCode>(ServeInheritedChannel()); });
}

}  // namespace assay
