// What an encoder says of a posterior's width, read as its log-variance.
#pragma once
#include "portable.h"

namespace pyvae {

// logvar = scale * clamp(spread, low, high): scale 1 where the encoder gives log-variances, 2 where it gives log sigma.
// Beyond the bounds the derivative is 0. A NaN stays one, and is within them.
template <typename T>
struct LogvarOf {
  T scale, low, high;

  PYVAE_MEMBER T value(T spread) const { return scale * smaller(larger(low, spread), high); }

  // The cotangent of the spread by that of the logvar.
  PYVAE_MEMBER T pulled_back(T spread, T cotangent) const {
    const bool beyond = (spread < low) | (spread > high);
    return kept_if(!beyond, scale * cotangent);
  }
};

}  // namespace pyvae
