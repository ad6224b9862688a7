// Ids of problems and cases. What is accepted has one spelling of its own, which reads as itself.
#include "harness/config/config.h"
#include "reference/operator.h"
#include "tests/fuzz/catalog.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  static const Catalog catalog = fuzz::SmallCatalog();
  static const Operator& op = *FindOperator("dsconv");
  const std::string text(fuzz::Text(data, size));
  try {
    const std::string id = op.ProblemId(op.ParseProblemId(text));
    fuzz::Require(op.ProblemId(op.ParseProblemId(id)) == id, "a problem id that reads otherwise", id);
  } catch (const ProblemError&) {
  }
  try {
    const std::string id = ParseCaseId(text, catalog).Id();
    fuzz::Require(ParseCaseId(id, catalog).Id() == id, "a case id that reads otherwise", id);
  } catch (const ConfigError& error) {
    fuzz::Require(std::string_view(error.what()).starts_with("case id "), "an error that names no id",
                  error.what());
  }
  return 0;
}
