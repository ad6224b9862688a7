#include <algorithm>
#include <map>
#include <string>

#include "harness/measure/measure.h"

namespace assay {
namespace {

struct Unit {
  std::string name;
  double rate = 0;  // FLOP/s; 0: not measured
};

// The fastest unit that can do matrix work without breaking the accuracy that the dtype stands for. For fp32
// that is FFMA, or three TF32 products that make up one of fp32 accuracy, or one where no more is promised.
Unit MatrixUnit(assay_dtype dtype, assay_format operand, const Ceilings& ceilings) {
  if (dtype == ASSAY_F16) return {"tensor fp16", ceilings.tensor_fp16_flops};
  if (dtype == ASSAY_BF16) return {"tensor bf16", ceilings.tensor_bf16_flops};
  if (operand == ASSAY_FORMAT_TF32) return {"TF32 tensor", ceilings.tensor_tf32_flops};
  const double three_tf32 = ceilings.tensor_tf32_flops / 3;
  if (three_tf32 > ceilings.ffma_flops) return {"3xTF32 tensor", three_tf32};
  return {"FFMA", ceilings.ffma_flops};
}

}  // namespace

Floor FloorOf(const Cost& cost, assay_dtype dtype, assay_format operand, const Ceilings& ceilings) {
  Floor floor;
  floor.bytes = cost.compulsory_bytes;
  floor.flops = cost.Flops();
  if (ceilings.copy_bytes > 0) floor.byte_seconds = cost.compulsory_bytes / ceilings.copy_bytes;
  // Work for the same unit adds up; different units can run side by side, so that the slowest one bounds.
  const Unit ffma{"FFMA", ceilings.ffma_flops};
  const Unit matrix = MatrixUnit(dtype, operand, ceilings);
  std::map<std::string, double> seconds;
  for (const Work& work : cost.work) {
    const Unit& unit = work.matrix ? matrix : ffma;
    if (unit.rate > 0) seconds[unit.name] += work.flops / unit.rate;
  }
  for (const auto& [name, busy] : seconds) {
    if (busy <= floor.flop_seconds) continue;
    floor.flop_seconds = busy;
    floor.flop_unit = name;
  }
  return floor;
}

}  // namespace assay
