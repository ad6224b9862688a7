#include "reference/operator.h"

#include <cstring>

namespace assay {

std::int64_t Problem::Get(std::string_view name) const {
  for (const assay_param& param : params) {
    if (name == param.name) return param.value;
  }
  throw std::out_of_range("the problem has no parameter named " + std::string(name));
}

assay_problem Problem::View(assay_dtype dtype, assay_layout layout) const {
  // name() views a string literal of the operator, so it ends in NUL and outlives the view.
  return assay_problem{op->name().data(), params.data(), static_cast<std::int32_t>(params.size()), dtype,
                       layout};
}

bool Problem::operator==(const Problem& other) const {
  if (op != other.op || params.size() != other.params.size()) return false;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].value != other.params[i].value) return false;
    if (std::strcmp(params[i].name, other.params[i].name) != 0) return false;
  }
  return true;
}

std::int64_t TensorSpec::Count() const {
  if (!present) return 0;
  std::int64_t count = 1;
  for (std::int64_t dim : dims) count *= dim;
  return count;
}

std::vector<std::int64_t> TensorSpec::Strides(assay_layout layout) const {
  std::vector<std::int64_t> strides(dims.size());
  if (layout == ASSAY_NHWC && role != TensorRole::kWeight && dims.size() == 4) {
    const std::int64_t channels = dims[1], height = dims[2], width = dims[3];
    return {height * width * channels, 1, width * channels, channels};
  }
  std::int64_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

void Operator::FillProbe(const Problem&, int, assay_dtype, const assay_promise&, FillKind, std::uint64_t,
                         std::span<float>) const {
  throw std::logic_error(std::string(name()) + " has no probes");
}

std::string Operator::ProbeKey(const Problem&, assay_dtype, const assay_promise& promise, FillKind,
                               std::uint64_t) const {
  std::string key;
  for (const int each :
       {static_cast<int>(promise.operand), static_cast<int>(promise.accumulator),
        static_cast<int>(promise.rounds_intermediate), static_cast<int>(promise.rounds_sums)})
    key += ' ' + std::to_string(each);
  return key;
}

Expectation Operator::ExpectationOf(const Problem&, assay_dtype, const assay_promise&, FillKind,
                                    std::uint64_t) const {
  throw std::logic_error(std::string(name()) + " has no probes");
}

double Cost::Flops() const {
  double flops = 0;
  for (const Work& part : work) flops += part.flops;
  return flops;
}

}  // namespace assay
