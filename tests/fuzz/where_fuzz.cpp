// `where` expressions: parsed, and evaluated for a case.
#include "harness/config/config.h"
#include "harness/config/selection.h"
#include "harness/config/where.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace assay;

Case SomeCase() {
  Case c;
  c.problem = FindOperator("dsconv")->ParseProblemId("n2c3k5h9w7r3p1-b-mid.relu6");
  c.dtype = ASSAY_F16;
  c.variant = "tiled";
  c.label = "a label";
  return c;
}

WhereNames NamesOf(const Case& c) {
  WhereNames names;
  for (const assay_param& param : c.problem.params) names.params.emplace_back(param.name);
  names.dtypes = DTypeNames();
  names.layouts = LayoutNames();
  names.variants = {"naive", "tiled"};
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  static const Case c = SomeCase();
  static const WhereNames names = NamesOf(c);
  const std::filesystem::path path = scratch.Write("where.txt", fuzz::Text(data, size));
  try {
    const SourceFile file(path, std::size_t{1} << 20);
    LocatedText text{file.text(), &file, {}};
    for (std::size_t i = 0; i <= file.text().size(); ++i) text.offsets.push_back(i);
    const Where where(text, names);
    fuzz::Require(where.Holds(c) == where.Holds(c), "another answer the second time");
  } catch (const ConfigError& error) {
    fuzz::Require(fuzz::HasPlace(error.what()), "an error without a place", error.what());
  }
  return 0;
}
