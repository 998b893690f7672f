// What the ops on a mixture of posteriors check and fold: z [..., Q, D] against mu and logvar [..., M, D].
#pragma once
#include "../math/estimators.h"
#include "launch.h"

namespace pyvae::ops {

// Sizes of one call: the leading axes folded into B.
struct Sizes {
  int64_t batch, queries, columns, latents;

  Sizes(const Tensor& z, const Tensor& mu, const Tensor& logvar)
      : batch(product_of_sizes(z, 0, z.dim() - 2)),
        queries(z.size(z.dim() - 2)),
        columns(mu.size(mu.dim() - 2)),
        latents(z.size(z.dim() - 1)) {
    check_alike(z, {mu, logvar});
    STD_TORCH_CHECK(same_shape(mu, logvar), "expected mu and logvar of one shape");
    STD_TORCH_CHECK(
        z.dim() == mu.dim() && mu.size(mu.dim() - 1) == latents && product_of_sizes(mu, 0, mu.dim() - 2) == batch,
        "expected z [..., Q, D] and mu [..., M, D] with the same leading axes and latents");
    STD_TORCH_CHECK(columns >= 1, "expected at least one posterior");
  }
  bool empty() const { return batch == 0 || queries == 0; }
};

// dataset_size is not read for Estimator::full.
inline PairWeights weights_of(const Sizes& sizes, int64_t dataset_size, int64_t estimator) {
  STD_TORCH_CHECK(estimator >= 0 && estimator <= 3, "expected an estimator from 0 to 3");
  if (estimator != static_cast<int64_t>(Estimator::full)) {
    STD_TORCH_CHECK(dataset_size >= sizes.columns, "expected dataset_size to be at least the number of posteriors");
    STD_TORCH_CHECK(sizes.queries == sizes.columns, "expected as many rows of z as posteriors");
  }
  return pair_weights(static_cast<Estimator>(estimator), sizes.columns, dataset_size);
}

}  // namespace pyvae::ops
