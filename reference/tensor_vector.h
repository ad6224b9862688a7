// Vectors for whole tensors. New elements hold nothing until they are written: the zeros of a std::vector
// would touch every page first, on one thread, which for a tensor of hundreds of megabytes takes longer than
// to fill it on all of them. Large ones ask the system for huge pages.
#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace assay {

// Memory for `bytes`, on huge pages where it is large and the system has them. Throws std::bad_alloc.
void* AllocateTensor(std::size_t bytes);
void FreeTensor(void* memory, std::size_t bytes) noexcept;

// From here on up to `bytes` of freed large tensors stay with the process, for those that come next: a page
// that was never touched costs more, above all in a virtual machine whose memory grows with its use, than to
// fill it. None unless this is called.
void KeepFreedTensors(std::size_t bytes);
// Gives back to the system what is kept now.
void ReleaseFreedTensors();
std::size_t FreedTensorBytes();

template <class T>
struct TensorAllocator {
  using value_type = T;

  TensorAllocator() = default;
  template <class U>
  TensorAllocator(const TensorAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(AllocateTensor(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept { FreeTensor(memory, count * sizeof(T)); }

  template <class U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;  // no value
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(const TensorAllocator&, const TensorAllocator&) { return true; }
};

template <class T>
using TensorVector = std::vector<T, TensorAllocator<T>>;

// Tensors as device memory holds them.
using TensorBits = std::vector<TensorVector<std::byte>>;

}  // namespace assay
