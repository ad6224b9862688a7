// The CSV reader alone.
#include "harness/config/config.h"
#include "harness/config/table.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  static const fuzz::Scratch scratch;
  const std::filesystem::path path = scratch.Write("t.csv", fuzz::Text(data, size));
  try {
    const SourceFile file(path, std::size_t{1} << 20);
    const Table table = ReadTable(file, *FindOperator("dsconv"));
    fuzz::Require(!table.rows.empty(), "a table without rows");
    for (const auto& row : table.rows) {
      fuzz::Require(row.size() == table.header.size(), "a ragged table");
      for (const TableCell& cell : row) {
        ParseParamText(cell.text, cell.place);
        fuzz::Require(cell.place.offset <= file.text().size(), "a place outside the file");
      }
    }
  } catch (const ConfigError& error) {
    fuzz::Require(fuzz::HasPlace(error.what()), "an error without a place", error.what());
  }
  return 0;
}
