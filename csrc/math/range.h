// A range of whatever is counted, and its division into parts.
#pragma once
#include "portable.h"

namespace pyvae {

struct Range {
  int64_t first, last;
  PYVAE_MEMBER int64_t count() const { return last - first; }
};

// Part `part` of `parts`, which differ by one at most.
PYVAE_MATH Range part_of(int64_t count, int64_t part, int64_t parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

// How many of size b hold a.
PYVAE_MATH constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace pyvae
