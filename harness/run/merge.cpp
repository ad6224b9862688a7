#include "harness/run/merge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "harness/config/config.h"

namespace assay {
namespace {

// Of the header's lines, those that may be others at another time or on another GPU of the same kind.
bool MayDiffer(std::string_view name) {
  static constexpr std::string_view kNames[] = {"Device",      "SM clock", "memory clock", "throttling",
                                                "temperature", "CPU",      "empty kernel"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

void CheckSame(const RunPart& first, const RunPart& other, std::string_view what, std::string_view expected,
               std::string_view found) {
  if (expected == found) return;
  throw ConfigError(fmt::format("{}: {}: found {}; allowed: that of {}, {}", other.dir.string(), what, found,
                                first.dir.string(), expected));
}

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string ValueOf(const Lines& lines, const std::string& name) {
  const auto line = std::ranges::find(lines, name, &Lines::value_type::first);
  return line == lines.end() ? "nothing" : line->second;
}

void CheckSameLines(const RunPart& first, const RunPart& other, Lines SweepHeader::*member) {
  const Lines &lines = first.journal.header.*member, &others = other.journal.header.*member;
  for (const auto& [name, value] : lines) {
    if (!MayDiffer(name)) CheckSame(first, other, name, value, ValueOf(others, name));
  }
  for (const auto& [name, value] : others) {
    if (!MayDiffer(name)) CheckSame(first, other, name, ValueOf(lines, name), value);
  }
}

void CheckSameSweep(const RunPart& first, const RunPart& other) {
  const SweepHeader &a = first.journal.header, &b = other.journal.header;
  CheckSame(first, other, "config", a.config_path, b.config_path);
  if (a.config_text != b.config_text) {
    throw ConfigError(fmt::format("{}: {} read otherwise there than in {}", other.dir.string(), b.config_path,
                                  first.dir.string()));
  }
  CheckSame(first, other, "timed", a.timed ? "yes" : "no", b.timed ? "yes" : "no");
  CheckSameLines(first, other, &SweepHeader::environment);
  CheckSameLines(first, other, &SweepHeader::method);
}

// Whose times are compared with each other.
std::string GroupOf(const Record& record) {
  return fmt::format("{}/{}/{}/{}", record.op, record.problem, record.dtype, record.layout);
}

void CheckGroupsAreWhole(const std::vector<RunPart>& parts) {
  std::map<std::string, const RunPart*> owners;
  for (const RunPart& part : parts) {
    for (const Record& record : part.journal.records) {
      const auto [owner, is_new] = owners.emplace(GroupOf(record), &part);
      if (owner->second == &part) continue;
      throw ConfigError(fmt::format(
          "{} holds cases of {}, and so does {}: they are compared with each other, so all are to be of one "
          "run (--shard keeps them together)",
          part.dir.string(), owner->first, owner->second->dir.string()));
    }
  }
}

std::vector<std::vector<Record>> ByProblem(const std::vector<Record>& records) {
  std::vector<std::vector<Record>> problems;
  for (const Record& record : records) {
    if (problems.empty() || problems.back().front().problem != record.problem) problems.emplace_back();
    problems.back().push_back(record);
  }
  return problems;
}

// As --shard deals them.
std::vector<Record> InTurn(const std::vector<RunPart>& parts) {
  std::vector<std::vector<std::vector<Record>>> dealt;
  std::size_t most = 0;
  for (const RunPart& part : parts) {
    dealt.push_back(ByProblem(part.journal.records));
    most = std::max(most, dealt.back().size());
  }
  std::vector<Record> records;
  for (std::size_t i = 0; i < most; ++i) {
    for (auto& problems : dealt) {
      if (i < problems.size()) std::ranges::move(problems[i], std::back_inserter(records));
    }
  }
  return records;
}

void RaiseTo(const Ceilings& other, Ceilings& ceilings) {
  for (double Ceilings::*rate : {&Ceilings::copy_bytes, &Ceilings::ffma_flops, &Ceilings::tensor_fp16_flops,
                                 &Ceilings::tensor_bf16_flops, &Ceilings::tensor_tf32_flops}) {
    ceilings.*rate = std::max(ceilings.*rate, other.*rate);
  }
}

}  // namespace

Journal MergeRuns(const std::vector<RunPart>& parts, const std::string& command) {
  Journal merged;
  SweepHeader& header = merged.header;
  header = parts.front().journal.header;
  header.command = command;
  header.planned_cases = 0;
  std::vector<std::string> commands;
  for (const RunPart& part : parts) {
    CheckSameSweep(parts.front(), part);
    const SweepHeader& of_part = part.journal.header;
    header.planned_cases += of_part.planned_cases;
    header.started = std::min(header.started, of_part.started);
    if (header.ceilings && of_part.ceilings) RaiseTo(*of_part.ceilings, *header.ceilings);
    for (const std::string& notice : of_part.notices) {
      if (std::ranges::find(header.notices, notice) == header.notices.end()) header.notices.push_back(notice);
    }
    commands.push_back(of_part.command);
  }
  CheckGroupsAreWhole(parts);
  header.notices.push_back(
      fmt::format("Put together from {} runs, each problem whole in one of them: {}. Floors are by the "
                  "ceilings of the run "
                  "that a case was in; the ceilings shown are the highest.",
                  parts.size(), fmt::join(commands, "; ")));
  merged.records = InTurn(parts);
  return merged;
}

}  // namespace assay
