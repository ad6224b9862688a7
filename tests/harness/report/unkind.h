// Texts that break careless writers: a config may hold any label, a kernel pack may say anything.
#pragma once

#include "harness/record/journal.h"

namespace assay::testing {

inline constexpr const char* kUnkindLabel =
    "Net</script><script>window.onerror('x')</script><img src=x onerror=\"boom()\">, \"q\" 'a' <!-- & ]]> \n "
    "h\xC3\xA9 \xE6\xB7\xB1\xE5\xBA\xA6 \xF0\x9F\x94\xA5 \xE2\x80\xA8 \x01 $& @@DATA@@";

// Puts unkind texts into every text of the header and of the first records.
inline void MakeUnkind(Journal& journal) {
  const std::string unkind = kUnkindLabel;
  journal.header.name = unkind;
  journal.header.config_text = unkind;
  journal.header.command = unkind;
  journal.header.notices.push_back(unkind);
  journal.header.environment.emplace_back(unkind, unkind);
  journal.header.method.emplace_back(unkind, unkind);
  for (std::size_t i = 0; i < journal.records.size() && i < 8; ++i) {
    Record& record = journal.records[i];
    record.label = unkind;
    record.id += unkind;
    record.reason = unkind;
    record.plan = unkind;
    record.printed = unkind;
    record.reproduce = unkind;
    for (StepResult& step : record.steps) step.detail = unkind;
    if (record.failure) record.failure->detail = record.failure->coordinates = unkind;
  }
}

}  // namespace assay::testing
