// The dynamic shared memory of the block that an operating-system thread runs.
#pragma once

#include <cstddef>

namespace assay::simt {

// Memory up to the limit of a block, which ends at a guard zone of 1 MiB without memory: an access there
// stops the process. Up to 127 bytes between the two are found by Overrun(). An AddressSanitizer build
// reports both where they happen.
class SharedRegion {
 public:
  static constexpr std::size_t kAlignment = 128;

  SharedRegion();  // throws std::system_error
  ~SharedRegion();
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;

  // Makes it `bytes` long. The content is undefined until Poison().
  void Resize(std::size_t bytes);
  // Fills it with 0xff: a NaN in every float format, and an index out of all bounds.
  void Poison();
  // Whether something was written between its end and the guard zone since Resize(). Never under
  // AddressSanitizer.
  bool Overrun() const;

  unsigned char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool Contains(const void* pointer, std::size_t bytes) const;

 private:
  unsigned char* mapping_;
  std::size_t mapping_bytes_;
  unsigned char* end_;  // of the usable part
  unsigned char* data_;
  std::size_t size_ = 0;
};

}  // namespace assay::simt
