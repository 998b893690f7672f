// Tensors as kernels read and write them where they lie (kernels/strided.h).
#pragma once
#include "../kernels/strided.h"
#include "launch.h"

namespace pyvae::ops {

// Where the elements of a tensor lie, or of some of it.
struct Layout {
  std::vector<int64_t> sizes, strides;
  int64_t offset = 0;

  explicit Layout(const Tensor& t) {
    for (int64_t k = 0; k < t.dim(); ++k) sizes.push_back(t.size(k)), strides.push_back(t.stride(k));
  }

  // Those from `start` on along an axis.
  Layout narrowed(int64_t axis, int64_t start, int64_t count) const {
    Layout part = *this;
    part.sizes[axis] = count;
    part.offset += start * strides[axis];
    return part;
  }

  // The elements of an axis that has one, `count` times.
  Layout repeated(int64_t axis, int64_t count) const {
    Layout more = *this;
    more.sizes[axis] = count;
    more.strides[axis] = 0;
    return more;
  }

  // As few axes as tell the same.
  Layout collapsed() const {
    Layout few = *this;
    few.sizes.clear(), few.strides.clear();
    for (size_t k = 0; k < sizes.size(); ++k) {
      if (sizes[k] == 1) continue;
      if (!few.sizes.empty() && few.strides.back() == sizes[k] * strides[k]) {
        few.sizes.back() *= sizes[k], few.strides.back() = strides[k];
      } else {
        few.sizes.push_back(sizes[k]), few.strides.push_back(strides[k]);
      }
    }
    if (few.sizes.empty()) few.sizes.push_back(1), few.strides.push_back(1);
    return few;
  }
};

inline Storage storage_of(const Tensor& t) {
  switch (t.scalar_type()) {
    case ScalarType::BFloat16:
      return Storage::kBFloat16;
    case ScalarType::Half:
      return Storage::kFloat16;
    case ScalarType::Double:
      return Storage::kFloat64;
    default:
      STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float, "expected floating tensors");
      return Storage::kFloat32;
  }
}

inline int64_t bytes_of(Storage storage) {
  return storage == Storage::kFloat64 ? 8 : storage == Storage::kFloat32 ? 4 : 2;
}

// A tensor that is laid out in no more axes than kernels take, itself where it is.
inline Tensor within_axes(const Tensor& t) {
  // Two more where one is narrowed and repeated in the middle of others that tell the same.
  return Layout(t).collapsed().sizes.size() <= kMostAxes - 2 ? t : dense(t);
}

template <typename Void, typename Byte>
Strided<Void> strided(Byte* data, Storage storage, const Layout& layout) {
  const Layout few = layout.collapsed();
  Strided<Void> as{data + layout.offset * bytes_of(storage), storage, static_cast<int>(few.sizes.size()), {}, {}};
  for (int axis = 0; axis < as.axes; ++axis) as.size[axis] = few.sizes[axis], as.stride[axis] = few.strides[axis];
  return as;
}
inline StridedIn strided_in(const Tensor& t, const Layout& layout) {
  return strided<const void>(in<char>(t), storage_of(t), layout);
}
inline StridedOut strided_out(const Tensor& t, const Layout& layout) {
  return strided<void>(out<char>(t), storage_of(t), layout);
}

}  // namespace pyvae::ops
