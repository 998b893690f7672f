// Elementwise loops in blocks of one constant size, a last one padded: every element goes through the same vector
// instructions wherever a range of elements is cut. The scalar remainder that compilers add to a vector loop rounds
// differently, since its branches keep multiplications and additions apart that an FMA joins elsewhere; it would make
// results depend on the number of threads, and it is slow.
//
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "vec.h"

namespace pyvae::cpu {
namespace {

// Elements: a few registers, whose chains of operations overlap.
constexpr int64_t kBlock = 64;

template <typename T>
PYVAE_VEC const T* padded(const T* from, int64_t count, T* room) {
  for (int64_t k = 0; k < kBlock; ++k) room[k] = k < count ? from[k] : T(0);
  return room;
}

// Calls body(x, y) for every block of elements [0, count): x[i] and y[j] point to kBlock elements of in[i] and out[j].
template <typename T, int kIn, int kOut, typename Body>
PYVAE_VEC void for_each_block(const T* const (&in)[kIn], T* const (&out)[kOut], int64_t count, Body body) {
  alignas(64) T room_in[kIn][kBlock], room_out[kOut][kBlock];
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t rest = count - first;
    const T* x[kIn];
    T* y[kOut];
    for (int i = 0; i < kIn; ++i) x[i] = rest >= kBlock ? in[i] + first : padded(in[i] + first, rest, room_in[i]);
    for (int j = 0; j < kOut; ++j) y[j] = rest >= kBlock ? out[j] + first : room_out[j];
    body(x, y);
    if (rest >= kBlock) continue;
    for (int j = 0; j < kOut; ++j) {
      for (int64_t k = 0; k < rest; ++k) out[j][first + k] = room_out[j][k];
    }
  }
}

}  // namespace
}  // namespace pyvae::cpu
