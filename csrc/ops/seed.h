// The seed argument of the ops that draw noise.
#pragma once
#include "launch.h"

namespace pyvae::ops {

// seed's shape is a prefix of the tensor's: each of its elements starts a stream over the remaining axes.
inline void check_seed(const Tensor& seed, const Tensor& values) {
  STD_TORCH_CHECK(seed.scalar_type() == ScalarType::Long, "expected an int64 seed");
  STD_TORCH_CHECK(seed.dim() <= values.dim(), "expected a seed whose shape is a prefix of mu's");
  for (int64_t k = 0; k < seed.dim(); ++k) {
    STD_TORCH_CHECK(seed.size(k) == values.size(k), "expected a seed whose shape is a prefix of mu's");
  }
}

}  // namespace pyvae::ops
