// The table of operators: one row each.
#include "reference/dsconv/dsconv.h"
#include "reference/operator.h"

namespace assay {

std::span<const Operator* const> Operators() {
  static const Operator* const table[] = {
      &dsconv::DsconvOperator(),
  };
  return table;
}

const Operator* FindOperator(std::string_view name) {
  for (const Operator* op : Operators()) {
    if (op->name() == name) return op;
  }
  return nullptr;
}

}  // namespace assay
