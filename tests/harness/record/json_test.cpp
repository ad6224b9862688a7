#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "harness/record/journal.h"
#include "tests/harness/record/sample_records.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

// Replaces the one occurrence of `from`.
std::string With(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in " << text;
  return text.replace(at, from.size(), to);
}

std::string RecordError(const std::string& line) {
  try {
    RecordFromJson(line);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HeaderJson, EveryFieldComesBack) {
  const SweepHeader header = testing::FullHeader();
  const SweepHeader back = HeaderFromJson(ToJson(header));
  EXPECT_EQ(back.schema, header.schema);
  EXPECT_EQ(back.name, header.name);
  EXPECT_EQ(back.config_path, header.config_path);
  EXPECT_EQ(back.config_text, header.config_text);
  EXPECT_EQ(back.command, header.command);
  EXPECT_EQ(back.started, header.started);
  EXPECT_EQ(back.assay_version, header.assay_version);
  EXPECT_EQ(back.device, header.device);
  EXPECT_EQ(back.timed, header.timed);
  EXPECT_EQ(back.untimed_reason, header.untimed_reason);
  EXPECT_EQ(back.notices, header.notices);
  EXPECT_EQ(back.environment, header.environment);
  EXPECT_EQ(back.method, header.method);
  EXPECT_EQ(back.planned_cases, header.planned_cases);
  ASSERT_TRUE(back.ceilings.has_value());
  EXPECT_EQ(back.ceilings->copy_bytes, header.ceilings->copy_bytes);
  EXPECT_EQ(back.ceilings->ffma_flops, header.ceilings->ffma_flops);
  EXPECT_EQ(back.ceilings->tensor_fp16_flops, header.ceilings->tensor_fp16_flops);
  EXPECT_EQ(back.ceilings->tensor_bf16_flops, header.ceilings->tensor_bf16_flops);
  EXPECT_EQ(back.ceilings->tensor_tf32_flops, header.ceilings->tensor_tf32_flops);
  EXPECT_EQ(ToJson(back), ToJson(header));
}

TEST(RecordJson, EveryFieldComesBack) {
  const Record record = testing::FullRecord();
  const std::string line = ToJson(record);
  EXPECT_EQ(line.find('\n'), std::string::npos) << "a record is one line";
  const Record back = RecordFromJson(line);
  EXPECT_EQ(back.id, record.id);
  EXPECT_EQ(back.op, record.op);
  EXPECT_EQ(back.problem, record.problem);
  EXPECT_EQ(back.params, record.params);
  EXPECT_EQ(back.label, record.label);
  EXPECT_EQ(back.dtype, record.dtype);
  EXPECT_EQ(back.layout, record.layout);
  EXPECT_EQ(back.variant, record.variant);
  EXPECT_EQ(back.baseline, record.baseline);
  EXPECT_EQ(back.named, record.named);
  EXPECT_EQ(back.device, record.device);
  EXPECT_EQ(back.verdict, record.verdict);
  EXPECT_EQ(back.reason, record.reason);
  EXPECT_EQ(back.max_error_share, record.max_error_share);
  EXPECT_EQ(back.plan, record.plan);
  EXPECT_EQ(back.operand_bits, record.operand_bits);
  EXPECT_EQ(back.printed, record.printed);
  EXPECT_TRUE(back.transient);
  EXPECT_EQ(back.reproduce, record.reproduce);
  EXPECT_EQ(back.bytes, record.bytes);
  EXPECT_EQ(back.flops, record.flops);
  EXPECT_EQ(back.case_seconds, record.case_seconds);
  EXPECT_EQ(back.stages, record.stages);
  ASSERT_EQ(back.steps.size(), 2u);
  EXPECT_EQ(back.steps[1].step, Step::kAfterTiming);
  EXPECT_EQ(back.steps[1].outcome, Outcome::kFailed);
  EXPECT_EQ(back.steps[1].detail, "differs");
  EXPECT_EQ(ToJson(back), line);
}

TEST(RecordJson, FailureFloorAndTimingComeBack) {
  const Record record = testing::FullRecord();
  const Record back = RecordFromJson(ToJson(record));
  ASSERT_TRUE(back.failure && back.floor && back.timing);
  EXPECT_EQ(back.failure->step, Step::kAfterTiming);
  EXPECT_EQ(back.failure->tensor, "y");
  EXPECT_EQ(back.failure->coordinates, record.failure->coordinates);
  EXPECT_EQ(back.failure->expected, 1.0 / 3.0) << "doubles keep every bit";
  EXPECT_TRUE(std::isnan(back.failure->got));
  EXPECT_EQ(back.failure->bound, std::numeric_limits<double>::infinity());
  EXPECT_EQ(back.failure->count, 5);
  EXPECT_EQ(back.failure->total, 784);
  EXPECT_EQ(back.failure->seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(back.failure->detail, record.failure->detail);
  EXPECT_EQ(back.floor->byte_seconds, record.floor->byte_seconds);
  EXPECT_EQ(back.floor->flop_seconds, record.floor->flop_seconds);
  EXPECT_EQ(back.floor->bytes, record.floor->bytes);
  EXPECT_EQ(back.floor->flops, record.floor->flops);
  EXPECT_EQ(back.floor->flop_unit, record.floor->flop_unit);
  EXPECT_EQ(back.timing->median, record.timing->median);
  EXPECT_EQ(back.timing->low, record.timing->low);
  EXPECT_EQ(back.timing->high, record.timing->high);
  EXPECT_EQ(back.timing->confidence, 0.99);
  EXPECT_EQ(back.timing->samples, record.timing->samples);
  EXPECT_EQ(back.timing->dropped_throttled, 2);
  EXPECT_EQ(back.timing->stop_reason, "interval");
  EXPECT_EQ(back.timing->wall_seconds, record.timing->wall_seconds);
  EXPECT_EQ(back.timing->clock_agreement, "agrees");
  EXPECT_EQ(back.timing->sm_clock_mhz, 1755);
  EXPECT_EQ(back.timing->supervisor_seconds, 5.2e-4);
}

TEST(RecordJson, AbsentPartsStayAbsent) {
  Record record = testing::FullRecord();
  record.failure.reset();
  record.floor.reset();
  record.timing.reset();
  const Record back = RecordFromJson(ToJson(record));
  EXPECT_FALSE(back.failure || back.floor || back.timing);
}

TEST(RecordJson, BytesThatAreNoUtf8DoNotLoseTheRecord) {
  Record record = testing::FullRecord();
  record.reason = "driver said \xff\xfe.";
  EXPECT_EQ(RecordFromJson(ToJson(record)).reason, "driver said \xEF\xBF\xBD\xEF\xBF\xBD.");
}

TEST(RecordJson, ErrorsNameTheMember) {
  const std::string line = ToJson(testing::FullRecord());
  EXPECT_EQ(RecordError(With(line, "\"variant\":", "\"varian\":")), "the record has no \"variant\"");
  EXPECT_EQ(RecordError(With(line, "\"bytes\":1000000001.0", "\"bytes\":\"many\"")),
            "\"bytes\" of the record is not a number, \"nan\", \"inf\" or \"-inf\"");
  EXPECT_EQ(RecordError(With(line, "\"verdict\":\"wrong\"", "\"verdict\":\"wonky\"")),
            "\"verdict\" of the record is \"wonky\", which is not known");
  EXPECT_EQ(RecordError(With(line, "\"baseline\":true", "\"baseline\":1")),
            "\"baseline\" of the record is not true or false");
  EXPECT_EQ(RecordError(With(line, "\"dropped_throttled\":2", "\"dropped_throttled\":2.5")),
            "\"dropped_throttled\" of the timing is not an integer");
  EXPECT_EQ(RecordError("[]"), "the record is not a JSON object");
  EXPECT_THAT(RecordError(line.substr(0, 40)), HasSubstr("not JSON at byte"));
}

TEST(HeaderJson, AnotherSchemaIsRefusedByNumber) {
  SweepHeader header = testing::FullHeader();
  header.schema = 2;
  try {
    HeaderFromJson(ToJson(header));
    FAIL() << "schema 2 was read";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the journal has schema 2; this program reads schema 1");
  }
}

}  // namespace
}  // namespace assay
