#include "harness/run/sanitizer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "harness/device/case_buffers.h"
#include "harness/run/random_inputs.h"
#include "harness/worker/worker_process.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

// On the PATH, or where the CUDA toolkit puts it.
std::string FindProgram() {
  const char* path = std::getenv("PATH");
  std::stringstream folders(std::string(path != nullptr ? path : "") + ":/usr/local/cuda/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path program = fs::path(folder) / "compute-sanitizer";
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) return program.string();
  }
  throw DeviceError("--sanitize: there is no compute-sanitizer on the PATH; it comes with the CUDA toolkit");
}

// The lines that begin a finding stand right behind the mark; what belongs to one is indented: first where it
// is, and for a race what else reaches there.
constexpr std::string_view kMark = "========= ";
constexpr std::array<std::string_view, 8> kNoFindings = {
    "COMPUTE-SANITIZER", "ERROR SUMMARY", "RACECHECK SUMMARY", "Target application",
    "LEAK SUMMARY",      "No attachable", "Error: process",    "Error: Target"};

}  // namespace

std::vector<std::string> SanitizerTools() { return {"memcheck", "racecheck", "initcheck", "synccheck"}; }

SanitizerReport ReadSanitizerOutput(std::string_view printed) {
  SanitizerReport report;
  bool is_of_first = false, has_place = false;
  std::stringstream lines{std::string(printed)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kMark)) continue;
    const std::string_view text = std::string_view(line).substr(kMark.size());
    if (text.empty() || text.front() == ' ') {
      const std::string_view detail = text.substr(std::min(text.find_first_not_of(' '), text.size()));
      const bool is_place = detail.starts_with("at ") && !has_place;
      if (is_of_first && (is_place || detail.starts_with("and "))) {
        report.first += fmt::format(" {}", detail);
        has_place |= is_place;
      }
      continue;
    }
    is_of_first = false;
    if (std::ranges::any_of(kNoFindings, [&](std::string_view other) { return text.starts_with(other); }))
      continue;
    is_of_first = report.findings++ == 0;
    if (is_of_first) report.first = text;
  }
  return report;
}

Sanitizer::Sanitizer(const std::vector<std::string>& tools, const WorkerOptions& worker, double limit_seconds)
    : worker_(worker), program_(FindProgram()), limit_seconds_(limit_seconds) {
  for (const std::string& name : tools) tools_.push_back({name, nullptr});
}

void Sanitizer::Check(Job& job, std::uint64_t seed) {
  if (job.record.verdict == Verdict::kUnsupported || job.record.verdict == Verdict::kUnavailable) return;
  StepResult step{Step::kSanitizer, Outcome::kNotApplicable, "a baseline is not looked at"};
  if (!job.c->baseline) {
    std::string findings, clean;
    for (Tool& tool : tools_) {
      const std::string found = Find(tool, job, seed);
      std::string& list = found.empty() ? clean : findings;
      list += fmt::format("{}{}{}",
                          list.empty()    ? ""
                          : found.empty() ? ", "
                                          : "; ",
                          tool.name, found.empty() ? "" : ": " + found);
    }
    step = findings.empty()
               ? StepResult{Step::kSanitizer, Outcome::kPassed, clean + ": nothing found in one launch"}
               : StepResult{Step::kSanitizer, Outcome::kFailed, findings};
  }
  job.record.steps.push_back(step);
  if (step.outcome != Outcome::kFailed) return;
  if (job.record.verdict != Verdict::kRight && job.record.verdict != Verdict::kUntrusted) return;
  Failure failure;
  failure.step = Step::kSanitizer;
  failure.seed = seed;
  failure.detail = fmt::format("step sanitizer, seed {}: {}", seed, step.detail);
  Settle(job, Verdict::kWrong, failure.detail);
  job.record.failure = failure;
}

std::string Sanitizer::Find(Tool& tool, const Job& job, std::uint64_t seed) {
  std::string ended;
  try {
    if (!tool.executor) {
      WorkerOptions options = worker_;
      // Errors of API calls that the caller handles are no findings.
      options.wrapper = {program_, "--tool", tool.name, "--report-api-errors", "no", "--print-limit", "20"};
      if (tool.name == "initcheck" || tool.name == "racecheck" || tool.name == "synccheck") {
        options.wrapper = {program_, "--tool", tool.name, "--print-limit", "20"};
      }
      tool.executor = std::make_unique<RemoteExecutor>(options);
    }
    static_cast<void>(tool.executor->TakeOutput());
    Launch(tool, job, seed);
  } catch (const std::exception& error) {
    ended = error.what();
  }
  const SanitizerReport report =
      tool.executor ? ReadSanitizerOutput(tool.executor->TakeOutput()) : SanitizerReport{};
  // After a finding the kernel's context may be gone; the next case gets a fresh one.
  if (!ended.empty() && tool.executor) tool.executor.reset();
  if (report.findings > 0) {
    return report.findings == 1 ? report.first
                                : fmt::format("{} (and {} more)", report.first, report.findings - 1);
  }
  return ended.empty() ? "" : "it could not be watched: " + ended;
}

void Sanitizer::Launch(Tool& tool, const Job& job, std::uint64_t seed) {
  RemoteExecutor& executor = *tool.executor;
  const Case& c = *job.c;
  // Everything is many times slower under it.
  constexpr double kSlower = 10;
  executor.BeginCase(fmt::format("{} under {}", job.record.id, tool.name), kSlower * limit_seconds_);
  const std::unique_ptr<Plan> plan =
      executor.Create(job.id, c.problem.View(c.dtype, c.layout), c.configuration);
  // Nothing is poisoned: what a kernel reads without having been given it is uninitialised, as initcheck
  // wants it.
  CaseBuffers buffers(executor.device(), c.problem, c.dtype, plan->WorkspaceBytes());
  UploadRandomInputs(c, seed, buffers);
  const std::unique_ptr<Stream> stream = executor.device().CreateStream();
  plan->Prepare(buffers.Pointers(), stream->handle());
  plan->Launch(buffers.Pointers(), stream->handle());
  stream->Synchronize();
  executor.device().Synchronize();
}

}  // namespace assay
