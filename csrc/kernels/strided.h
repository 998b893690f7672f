// Tensors as they lie in memory, for kernels that read and write them without a copy: the elements in logical order,
// the last axis fastest, each where its indices say, in the type that it is stored in.
#pragma once
#include <cstdint>

namespace pyvae {

// What elements are stored in; kernels compute in float, and in double what is double.
enum class Storage : int { kFloat32, kFloat64, kBFloat16, kFloat16 };

constexpr int kMostAxes = 6;

// Strides count elements. One of 0 repeats an element along its axis. There is at least one axis, and none is empty.
template <typename Void>
struct Strided {
  Void* data;
  Storage storage;
  int axes;
  int64_t size[kMostAxes], stride[kMostAxes];
};

using StridedIn = Strided<const void>;
using StridedOut = Strided<void>;

}  // namespace pyvae
