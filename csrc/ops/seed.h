// The seed argument of the ops that draw noise.
#pragma once
#include "launch.h"

namespace pyvae::ops {

// seed's shape is a prefix of the values': each of its elements starts a stream over the remaining axes.
inline void check_seed(const Tensor& seed, const std::vector<int64_t>& sizes) {
  STD_TORCH_CHECK(seed.scalar_type() == ScalarType::Long, "expected an int64 seed");
  const auto axes = static_cast<int64_t>(sizes.size());
  STD_TORCH_CHECK(seed.dim() <= axes, "expected a seed whose shape is a prefix of mu's");
  for (int64_t k = 0; k < seed.dim(); ++k) {
    STD_TORCH_CHECK(seed.size(k) == sizes[k], "expected a seed whose shape is a prefix of mu's");
  }
}
inline void check_seed(const Tensor& seed, const Tensor& values) {
  check_seed(seed, sizes_of(values, 0, values.dim()));
}

}  // namespace pyvae::ops
