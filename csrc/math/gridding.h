// One-dimensional Gaussian mixtures at many points in linear time, and what that costs in accuracy. docs/gridding.md
// derives all of it.
//
// A Gaussian is a Gaussian average of narrower ones, and the trapezoidal rule averages them:
//
//   N(x; mu, sigma^2) = integral N(x; t, w^2) N(t; mu, sigma^2 - w^2) dt = h sum_k N(x; t_k, w^2) N(t_k; mu, a^2)
//
// with a^2 = sigma^2 - w^2 and nodes t_k at distance h: spread every component on to the nodes, then interpolate at
// every query. Components with s <= sigma < 4 s form a level and share a grid; lengths are in units of s below, and
// densities in units of 1 / s. w^2 = 1/2 makes the sum converge fastest where sigma is smallest.
#pragma once
#include "exp.h"
#include "log.h"

namespace pyvae {

constexpr double kKernelVariance = 0.5;
constexpr double kLevelRatio = 4.0;
// Nodes on either side of a query that count.
constexpr int64_t kHalfWindow = 8;
// A component is spread over at least this many of its a. Up to there its nodes weigh 7e-10 of its middle or more.
constexpr double kSpreadReach = 6.5;
// A component this many of its sigma away from a query is far.
constexpr double kNearReach = 9.0;
// Where a component's density, in units of 1 / s, is taken for 0 (math/exp2.h).
constexpr double kSmallestDensity = 0x1p-126;
// What roundings of float32 add to a sum's relative error, of a weight, a node, the sum. Measured, not proved.
constexpr double kRoundingError = 1e-6;

// How a relative error is kept. A query's density in one level, S with n_near components within reach and n_far others,
// is wrong by at most relative * S + per_near * n_near + per_far * n_far.
struct Gridding {
  double step;      // h
  double relative;  // aliasing: the trapezoidal rule's error, relative for every pair, tails included; and roundings
  double per_near;  // what lies beyond the windows of a query and of a component
  double per_far;   // the density of a component that far away
  double interpolation_scale;  // h N(0; 0, w^2)
};

constexpr double kStandardNormalPeak = 0.39894228040143267794;
PYVAE_MATH double standard_normal(double x) { return kStandardNormalPeak * libm::exp(-0.5 * x * x); }

// Half of rtol is for aliasing, which is 2 exp(-2 pi^2 v / h^2) with v = w^2 a^2 / sigma^2 >= 1/4 by Poisson's
// formula; the other half for windows, and for sums larger than the density that special weights leave of them.
PYVAE_MATH Gridding gridding(double rtol) {
  const double aliasing = 0.5 * (rtol < 1e-2 ? rtol : 1e-2);
  const double step = 3.14159265358979323846 / libm::sqrt(2.0 * libm::log(2.0 / aliasing));
  const double w = libm::sqrt(kKernelVariance);
  return {step, aliasing + kRoundingError,
          (standard_normal(kHalfWindow * step / w) + standard_normal(kSpreadReach)) / w, standard_normal(kNearReach),
          step * kStandardNormalPeak / w};
}

}  // namespace pyvae
