// A header and records in which every field differs from its default, so that a lost field shows.
#pragma once

#include <cmath>
#include <limits>

#include "harness/record/record.h"

namespace assay::testing {

inline SweepHeader FullHeader() {
  SweepHeader header;
  header.name = "quick \"quoted\"";
  header.config_path = "configs/quick.yaml";
  header.config_text = "name: quick\n# ünïcode \xE2\x80\xA8 and\ttabs\n";
  header.command = "assay run configs/quick.yaml";
  header.started = "2025-01-02T03:04:05Z";
  header.assay_version = "0.1.0";
  header.device = "cuda:0";
  header.timed = true;
  header.untimed_reason = "not at all";
  header.notices = {"4 of 4 problems are left out.", "second"};
  header.environment = {{"GPU", "one"}, {"driver", "2"}, {"CUDA", "13.0"}};
  header.method = {{"z first", "order is kept"}, {"a second", "yes"}};
  header.ceilings = Ceilings{3.0e12, 5.0e13, 6.0e14, 6.1e14, 3.5e14};
  header.planned_cases = 17;
  return header;
}

inline Record FullRecord() {
  Record record;
  record.id = "dsconv/n1c8k16h7w7r3p1/fp16/nhwc/tiled";
  record.op = "dsconv";
  record.problem = "n1c8k16h7w7r3p1";
  record.params = {{"n", 1}, {"c", 8}, {"big", std::numeric_limits<std::int64_t>::max()}, {"negative", -3}};
  record.label = "Net, \"conv\" <1>\n\x01";
  record.dtype = "fp16";
  record.layout = "nhwc";
  record.variant = "tiled";
  record.baseline = true;
  record.named = true;
  record.device = "cuda:0";
  record.verdict = Verdict::kWrong;
  record.reason = "y is wrong";
  record.steps = {{Step::kExact, Outcome::kPassed, "3 seeds"},
                  {Step::kAfterTiming, Outcome::kFailed, "differs"}};
  record.failure = Failure{Step::kAfterTiming,
                           "y",
                           "n=0 k=1",
                           1.0 / 3.0,
                           std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(),
                           5,
                           784,
                           std::numeric_limits<std::uint64_t>::max(),
                           "NaN where 0.333 was expected"};
  record.max_error_share = 0.1;
  record.plan = "16x16 tile";
  record.operand_bits = 22;
  record.printed = "first line\n\tsecond \x1b[31mline\n";
  record.transient = true;
  record.reproduce = "assay run c.yaml --filter '^x$'";
  record.bytes = 1e9 + 1;
  record.flops = 7.5e10;
  record.floor = Floor{1e9, 7.5e10, 3.3e-4, 1e-4, "tensor fp16"};
  record.timing = Timing{5e-4,    4.9e-4,   5.1e-4, 0.99,  {5e-4, 4.9e-4, 5.1e-4}, 2, "interval",
                         5.05e-4, "agrees", 1755,   5.2e-4};
  record.case_seconds = 1.25;
  record.stages = {{"compare", 0.5}, {"own clock", 1.0 / 3.0}};
  return record;
}

}  // namespace assay::testing
