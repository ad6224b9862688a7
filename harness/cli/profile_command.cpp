#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "harness/cli/commands.h"
#include "harness/cli/selection.h"
#include "harness/device/device_choice.h"
#include "harness/run/pack_set.h"
#include "harness/run/profile_case.h"
#include "harness/worker/local_executor.h"

namespace assay {
namespace {

struct ProfileArguments {
  std::filesystem::path config;
  std::string case_id;
  std::string configuration;
  std::string device = "auto";
  std::vector<std::filesystem::path> packs;
  int launches = 3;
};

// The case of that id; a config may leave out what the id says already.
Case FindCase(const ProfileArguments& arguments, const Catalog& catalog, std::uint64_t& seed) {
  if (arguments.config.empty()) return ParseCaseId(arguments.case_id, catalog);
  const Sweep sweep = LoadSweep(arguments.config, catalog);
  std::string wanted = arguments.case_id;
  try {
    wanted = ParseCaseId(arguments.case_id, catalog).Id();  // defaults written out are the same case
  } catch (const ConfigError&) {
    // Not an id at all: the sentence below names one that is.
  }
  seed = sweep.verify.first_seed;
  const auto found = std::ranges::find_if(sweep.cases, [&](const Case& c) { return c.Id() == wanted; });
  if (found != sweep.cases.end()) return *found;
  throw ConfigError(fmt::format("--case: {} is none of the {} cases of {}; one of them is {}",
                                arguments.case_id, sweep.cases.size(), arguments.config.string(),
                                sweep.cases.front().Id()));
}

void Profile(const ProfileArguments& arguments) {
  DeviceChoice choice = ChooseDevice(arguments.device);
  if (!choice.device) throw ConfigError(choice.note);
  // In this process, so that a profiler needs to follow no other.
  std::vector<Pack> opened = OpenBuiltInPacks();
  for (const std::filesystem::path& path : arguments.packs) opened.push_back(OpenPack(path));
  LocalExecutor executor(std::move(choice.device), std::move(opened));
  const PackSet packs(executor.packs());
  packs.CheckAnyReadable();
  packs.CheckNamesDiffer();
  std::uint64_t seed = VerifySettings{}.first_seed;
  Case c = FindCase(arguments, packs.BuildCatalog(), seed);
  c.configuration = arguments.configuration;
  ProfileCase(c, executor, seed, arguments.launches);
  fmt::print("{}: {} launches on {}\n", c.Id(), arguments.launches, executor.device().name());
}

}  // namespace

void AddProfileCommand(CLI::App& app, CommandContext&) {
  CLI::App* command = app.add_subcommand(
      "profile",
      "launch one case for ncu or nsys to look at (scripts/profile_ncu and profile_nsys wrap this)");
  const auto arguments = std::make_shared<ProfileArguments>();
  command->add_option("config", arguments->config,
                      "YAML file that holds the case (optional: the id says all)");
  command->add_option("--case", arguments->case_id, "case id, as reports show it")->required();
  command->add_option("--configuration", arguments->configuration,
                      "of the variant, as `assay tune` names it (default: its own choice)");
  command->add_option("--device", arguments->device, "auto, host, cuda or cuda:i")->capture_default_str();
  AddPackOption(*command, arguments->packs);
  command->add_option("--launches", arguments->launches, "launches to make while the profiler collects")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->callback([arguments] { Profile(*arguments); });
}

}  // namespace assay
