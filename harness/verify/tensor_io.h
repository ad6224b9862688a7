// Between logical-order float tensors on the host and a dtype's bits in a layout's order, as they stand in
// device memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "reference/dtype.h"
#include "reference/operator.h"
#include "reference/tensor_vector.h"

namespace assay {

// Permutes from logical order to the layout's and converts; parallel over the tensor. An absent tensor has no
// bytes.
TensorVector<std::byte> ToDeviceBits(const TensorSpec& spec, std::span<const float> logical,
                                     assay_dtype dtype, assay_layout layout);
// And back. logical.size() == spec.Count().
void FromDeviceBits(const TensorSpec& spec, std::span<const std::byte> bits, assay_dtype dtype,
                    assay_layout layout, std::span<float> logical);

// True if the tensor's elements stand in device memory in logical order.
bool IsLogicalOrder(const TensorSpec& spec, assay_layout layout);
// Where element `index` of the logical order stands in device memory, in elements.
std::int64_t DeviceIndex(const TensorSpec& spec, assay_layout layout, std::int64_t index);
// And back.
std::int64_t LogicalIndex(const TensorSpec& spec, assay_layout layout, std::int64_t device_index);

// LogicalIndex() for many elements of one tensor.
class DeviceOrder {
 public:
  DeviceOrder(const TensorSpec& spec, assay_layout layout);
  std::int64_t LogicalIndex(std::int64_t device_index) const;

 private:
  struct Axis {
    std::int64_t device_stride, logical_stride, size;
  };
  std::vector<Axis> axes_;
};

// The inputs of a case, filled in logical order; an absent tensor is an empty vector.
std::vector<TensorVector<float>> FillInputs(const Problem& problem, assay_dtype dtype, FillKind kind,
                                            std::uint64_t seed);

}  // namespace assay
