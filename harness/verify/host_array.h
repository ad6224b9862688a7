// A large array whose elements hold nothing until they are written: a std::vector would touch all of its
// pages first, on one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace assay {

template <class T>
class HostArray {
 public:
  HostArray() = default;
  explicit HostArray(std::size_t size) : size_(size), data_(std::make_unique_for_overwrite<T[]>(size)) {}

  T* data() { return data_.get(); }
  std::size_t size() const { return size_; }
  std::span<T> span() { return {data_.get(), size_}; }
  std::span<const T> span() const { return {data_.get(), size_}; }

  // Room for `size` elements, whose values are lost.
  std::span<T> Grow(std::size_t size) {
    if (size > size_) {
      data_.reset();
      size_ = 0;
      data_ = std::make_unique_for_overwrite<T[]>(size);
      size_ = size;
    }
    return {data_.get(), size};
  }

 private:
  std::size_t size_ = 0;
  std::unique_ptr<T[]> data_;
};

}  // namespace assay
