// CSV tables of problems: a header of operator parameters (and `label`), lines that begin with '#' are
// comments, cells may stand in double quotes.
#pragma once

#include <string>
#include <vector>

#include "harness/config/param_text.h"
#include "harness/config/source_file.h"
#include "reference/operator.h"

namespace assay {

struct TableCell {
  std::string text;
  Place place;
};

struct Table {
  std::vector<TableCell> header;
  Place header_end;                          // behind the last column: where a missing one would stand
  std::vector<std::vector<TableCell>> rows;  // each as long as the header; at least one
};

// Throws ConfigError for text that is no such table: unknown or repeated columns, ragged rows, stray quotes,
// no rows. `file` must outlive the table.
Table ReadTable(const SourceFile& file, const Operator& op);

}  // namespace assay
