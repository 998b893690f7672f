// Tiles of strided tensors (kernels/strided.h) in the type that kernels compute in: converted run by run along the last
// axis into L1, or left in memory where they lie there as they are wanted.
//
// Everything is local to the file that includes it, since it means something else in every instruction set.
#pragma once
#include "../../math/half.h"
#include "../strided.h"
#include "rows.h"

namespace pyvae::cpu {
namespace {

// Where an element is: its indices, and how far that is from the first.
struct Place {
  int64_t index[kMostAxes], offset;
};

template <typename Void>
PYVAE_VEC Place place_of(const Strided<Void>& t, int64_t element) {
  Place at{{}, 0};
  for (int axis = t.axes - 1; axis >= 0; --axis) {
    at.index[axis] = element % t.size[axis];
    at.offset += at.index[axis] * t.stride[axis];
    element /= t.size[axis];
  }
  return at;
}

// Calls visit(k, offset, run) for elements [first, first + count): `run` of them, the k-th and those after it, lie from
// `offset` on, the last axis' stride apart.
template <typename Void, typename Visit>
PYVAE_VEC void for_each_run(const Strided<Void>& t, int64_t first, int64_t count, Visit visit) {
  const int last = t.axes - 1;
  Place at = place_of(t, first);
  for (int64_t k = 0; k < count;) {
    const int64_t run = smaller(count - k, t.size[last] - at.index[last]);
    visit(k, at.offset, run);
    k += run;
    at.offset -= at.index[last] * t.stride[last];
    at.index[last] = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      at.offset += t.stride[axis];
      if (++at.index[axis] < t.size[axis]) break;
      at.offset -= t.size[axis] * t.stride[axis];
      at.index[axis] = 0;
    }
  }
}

template <typename S>
PYVAE_VEC const S* elements_as(const StridedIn& t) {
  return static_cast<const S*>(t.data);
}
template <typename S>
PYVAE_VEC S* elements_as(const StridedOut& t) {
  return static_cast<S*>(t.data);
}

// Calls visit(p), p pointing to what the elements are stored in: T, or, where T is float, a half type.
template <typename T, typename Void, typename Visit>
PYVAE_VEC void visit_elements(const Strided<Void>& t, Visit visit) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (t.storage == Storage::kBFloat16) return visit(elements_as<BFloat16>(t));
    if (t.storage == Storage::kFloat16) return visit(elements_as<Float16>(t));
  }
  visit(elements_as<T>(t));
}

template <typename T>
constexpr Storage kStoredAs = sizeof(T) == sizeof(float) ? Storage::kFloat32 : Storage::kFloat64;

// Where elements [first, first + count) lie, if they lie side by side as T; else null: then they take a tile.
template <typename T, typename Void>
PYVAE_VEC auto lying(const Strided<Void>& t, int64_t first, int64_t count) -> decltype(elements_as<T>(t)) {
  const int last = t.axes - 1;
  if (t.storage != kStoredAs<T> || t.stride[last] != 1) return nullptr;
  const Place at = place_of(t, first);
  return count <= t.size[last] - at.index[last] ? elements_as<T>(t) + at.offset : nullptr;
}

// Asks for what lies after `count` elements, as many again: a tile's arithmetic takes longer than memory, but its reads
// are too short for the processor to see where they lead.
template <typename S>
PYVAE_VEC void prefetch_next(const S* from, int64_t count) {
  constexpr int64_t kLine = 64;
  const char* const next = reinterpret_cast<const char*>(from + count);
  for (int64_t at = 0; at < count * static_cast<int64_t>(sizeof(S)); at += kLine) __builtin_prefetch(next + at);
}

// Elements [first, first + count), count <= kTile.
template <typename T>
PYVAE_VEC const T* tile_of(const StridedIn& t, int64_t first, int64_t count, Tile<T>& room) {
  if (const T* const there = lying<T>(t, first, count)) {
    prefetch_next(there, count);
    return there;
  }
  visit_elements<T>(t, [&](const auto* elements) PYVAE_INLINE {
    for_each_run(t, first, count, [&](int64_t k, int64_t offset, int64_t run) PYVAE_INLINE {
      const auto* const from = elements + offset;
      T* const to = room.value + k;
      const int64_t stride = t.stride[t.axes - 1];
      if (stride == 1) {
        prefetch_next(from, run);
#pragma omp simd
        for (int64_t j = 0; j < run; ++j) to[j] = widened(from[j]);
      } else {
        for (int64_t j = 0; j < run; ++j) to[j] = widened(from[j * stride]);
      }
    });
  });
  return room.value;
}

// Where elements [first, first + count) are to be made: there, or in the tile that `keep` then stores.
template <typename T>
PYVAE_VEC T* room_for(const StridedOut& t, int64_t first, int64_t count, Tile<T>& room) {
  T* const there = lying<T>(t, first, count);
  return there ? there : room.value;
}
template <typename T>
PYVAE_VEC void keep(const StridedOut& t, int64_t first, int64_t count, const Tile<T>& room) {
  if (lying<T>(t, first, count)) return;
  visit_elements<T>(t, [&](auto* elements) PYVAE_INLINE {
    for_each_run(t, first, count, [&](int64_t k, int64_t offset, int64_t run) PYVAE_INLINE {
      auto* const to = elements + offset;
      const T* const from = room.value + k;
      const int64_t stride = t.stride[t.axes - 1];
      if (stride == 1) {
        prefetch_next(to, run);
#pragma omp simd
        for (int64_t j = 0; j < run; ++j) round_to(to[j], from[j]);
      } else {
        for (int64_t j = 0; j < run; ++j) round_to(to[j * stride], from[j]);
      }
    });
  });
}

}  // namespace
}  // namespace pyvae::cpu
