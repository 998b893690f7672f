// Streaming log-sum-exp in base 2: a running peak and the sum of 2^(x - peak).
#pragma once
#include "exp2.h"
#include "log.h"

namespace pyvae {

// What to subtract from every exponent. A peak of -inf means that no term counts so far: 0 keeps -inf - -inf away.
template <typename F>
PYVAE_MATH F finite_peak(F peak) {
  return select(peak == F{} - __builtin_inff(), F{}, peak);
}

// The factor that moves a sum from the old peak to the new one.
template <typename F>
PYVAE_MATH F rescale(F old_peak, F new_peak) {
  return exp2_weight(old_peak - finite_peak(new_peak));
}

// ln(2^peak * total * e^log_weight), the natural logarithm; -inf for an empty sum. The three parts may be large and
// nearly cancel, so they are added in float64.
template <typename T>
PYVAE_MATH T log_of_sum(T peak, T total, double log_weight) {
  const double log_peak = kLn2 * static_cast<double>(finite_peak(peak));
  return static_cast<T>(log_peak + static_cast<double>(log(total)) + log_weight);
}

}  // namespace pyvae
