// A large array that can be had again for other elements: its room is kept.
#pragma once

#include <cstddef>
#include <span>

#include "reference/tensor_vector.h"

namespace assay {

template <class T>
class HostArray {
 public:
  HostArray() = default;
  explicit HostArray(std::size_t size) : elements_(size) {}

  T* data() { return elements_.data(); }
  std::size_t size() const { return elements_.size(); }
  std::span<T> span() { return elements_; }
  std::span<const T> span() const { return elements_; }

  // Room for `size` elements, whose values are lost.
  std::span<T> Grow(std::size_t size) {
    if (size > elements_.size()) {
      elements_ = {};  // the old room goes first, in case that both do not fit
      elements_.resize(size);
    }
    return std::span<T>(elements_).first(size);
  }

 private:
  TensorVector<T> elements_;
};

}  // namespace assay
