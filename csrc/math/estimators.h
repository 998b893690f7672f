// The weight of posterior j in the estimate of the aggregate density q(z_i) from a minibatch of M out of N.
//
//   estimator   all pairs         diagonal j = i   next j = i + 1 mod M
//   full        1/M                                                     the M posteriors are the data set
//   mws         1/(N M)                                                 Chen et al. 2018, section 4.1
//   mss         1/M'              1/N              (N - M')/(N M')      Chen et al. 2018, appendix C, M' = M - 1
//   balanced    (N - 1)/(N M')    1/N                                   unbiased for q(z), independent of the order
//
// At M = 1 there is only the own posterior: mss and balanced give log q(z | x). Importance weights of posteriors come
// to these, a factor of each column and for balanced one of each row's diagonal: pyvae/ops/importance.py makes them.
#pragma once
#include "portable.h"

namespace pyvae {

enum class Estimator : int64_t { full = 0, mws = 1, mss = 2, balanced = 3 };

// Natural logarithms: of the weight all pairs share, and of what the diagonal and next weights are relative to it.
struct PairWeights {
  double log_pair, log_diagonal_ratio, log_next_ratio;
};

PYVAE_MATH PairWeights pair_weights(Estimator estimator, int64_t columns, int64_t dataset_size) {
  const double m = static_cast<double>(columns), n = static_cast<double>(dataset_size);
  if (estimator == Estimator::full) return {-libm::log(m), 0.0, 0.0};
  if (estimator == Estimator::mws) return {-libm::log(n) - libm::log(m), 0.0, 0.0};
  if (columns == 1) return {0.0, 0.0, 0.0};
  const double others = m - 1.0;
  if (estimator == Estimator::mss) {
    return {-libm::log(others), libm::log(others / n), libm::log((n - others) / n)};
  }
  const double log_pair = libm::log((n - 1.0) / n) - libm::log(others);
  return {log_pair, -libm::log(n) - log_pair, 0.0};
}

}  // namespace pyvae
