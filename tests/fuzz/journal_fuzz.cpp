// results.jsonl: whole files, and single lines. What is read is written and read again as the same.
#include <stdexcept>

#include "harness/record/journal.h"
#include "tests/fuzz/fuzz.h"

namespace {

template <class Read>
void Line(const std::string& text, Read read) {
  using namespace assay;
  try {
    const std::string once = ToJson(read(text));
    fuzz::Require(ToJson(read(once)) == once, "a line that reads otherwise", once);
  } catch (const std::runtime_error& error) {
    fuzz::Require(error.what()[0] != '\0', "an error without words");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  static const fuzz::Scratch scratch;
  const std::string text(fuzz::Text(data, size));
  Line(text, RecordFromJson);
  Line(text, HeaderFromJson);
  const std::filesystem::path path = scratch.Write("results.jsonl", text);
  try {
    ReadJournal(path);
  } catch (const std::runtime_error& error) {
    fuzz::Require(std::string_view(error.what()).starts_with(path.string() + ":"), "an error without a place",
                  error.what());
  }
  return 0;
}
