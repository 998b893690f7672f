// Strided tensors (kernels/strided.h) in the type that kernels compute in. Where every pack of 16 bytes that a thread
// wants lies side by side on 16 bytes, one instruction moves it; elsewhere elements are moved one by one, from where
// their indices say. The divisions that indices take are by numbers known before the launch, and there is one per pack
// or piece: what follows in the same run is found by its distance. Not yet measured on a GPU.
#pragma once
#include "../../math/half.h"
#include "../strided.h"
#include "divisor.cuh"
#include "packs.cuh"

namespace pyvae::cuda {

// --- Storage ---------------------------------------------------------------------------------------------------------

template <typename S>
constexpr Storage kStorage = Storage::kFloat32;
template <>
inline constexpr Storage kStorage<double> = Storage::kFloat64;
template <>
inline constexpr Storage kStorage<BFloat16> = Storage::kBFloat16;
template <>
inline constexpr Storage kStorage<Float16> = Storage::kFloat16;

// What elements stored as S are computed in.
template <typename S>
using Computed = decltype(widened(S()));

// Some elements of a thread, side by side.
template <typename T, int kCount>
struct Values {
  T value[kCount];
};

// Elements [at, at + kCount), which lie on 16 bytes.
template <typename T, int kCount, typename S>
PYVAE_KERNEL Values<T, kCount> load_values(const S* at) {
  static_assert(kCount % kPackSize<S> == 0);
  Values<T, kCount> to;
  for (int first = 0; first < kCount; first += kPackSize<S>) {
    const Pack<S> pack = load_pack(at + first);
    for (int k = 0; k < kPackSize<S>; ++k) to.value[first + k] = widened(pack.value[k]);
  }
  return to;
}

template <typename T, int kCount, typename S>
PYVAE_KERNEL void store_values(const Values<T, kCount>& from, S* at) {
  static_assert(kCount % kPackSize<S> == 0);
  for (int first = 0; first < kCount; first += kPackSize<S>) {
    Pack<S> pack;
    for (int k = 0; k < kPackSize<S>; ++k) round_to(pack.value[k], from.value[first + k]);
    store_pack(pack, at + first);
  }
}

// --- Places ----------------------------------------------------------------------------------------------------------

// Where an element is, and how many from there on lie the last axis' stride apart.
struct Run {
  int64_t offset, left;
};

// A tensor whose elements threads look for; made before a launch.
template <typename Void>
struct Places {
  Strided<Void> t;
  Divisor size[kMostAxes];

  explicit Places(const Strided<Void>& tensor) : t(tensor) {
    for (int axis = 0; axis < t.axes; ++axis) size[axis] = Divisor(t.size[axis]);
  }

  PYVAE_MEMBER int64_t stride() const { return t.stride[t.axes - 1]; }

  PYVAE_MEMBER Run run_at(int64_t element) const {
    const int last = t.axes - 1;
    int64_t rest = element, offset = 0, within = element;
    for (int axis = last; axis > 0; --axis) {
      const int64_t outer = size[axis].quotient(rest), index = rest - outer * t.size[axis];
      if (axis == last) within = index;
      offset += index * t.stride[axis];
      rest = outer;
    }
    return {offset + rest * t.stride[0], t.size[last] - within};
  }
};

using PlacesIn = Places<const void>;
using PlacesOut = Places<void>;

// Whether each of the tensor's packs of kCount elements, counted from its first, lies side by side on 16 bytes.
template <typename S, int kCount, typename Void>
bool lies_in_packs(const Strided<Void>& t) {
  constexpr int64_t kApart = kPackSize<S>;
  const int last = t.axes - 1;
  bool whole = t.storage == kStorage<S> && reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && t.size[last] % kCount == 0;
  for (int axis = 0; axis < last; ++axis) whole = whole && t.stride[axis] % kApart == 0;
  return whole && t.stride[last] == 1;
}

// The same for one that may be stored as S or as what S is computed in.
template <typename S, int kCount, typename Void>
bool lies_in_packs_of_either(const Strided<Void>& t) {
  return lies_in_packs<S, kCount>(t) || lies_in_packs<Computed<S>, kCount>(t);
}

// --- Packs -----------------------------------------------------------------------------------------------------------

// A tensor that lies in packs, as a thread walks along it: offsets in the run of its first element are told by
// distance. It is stored as S, or, if `kEither`, as that or as what S is computed in.
template <typename S, bool kEither, typename Void>
struct PackWalk {
  const Places<Void>& places;
  int64_t first;
  Run run;

  PYVAE_MEMBER PackWalk(const Places<Void>& in, int64_t from) : places(in), first(from), run(in.run_at(from)) {}

  PYVAE_MEMBER int64_t offset(int64_t element) const {
    const int64_t apart = element - first;
    return apart < run.left ? run.offset + apart : places.run_at(element).offset;
  }
  PYVAE_MEMBER bool is_wide() const { return kEither && places.t.storage != kStorage<S>; }
};

template <typename S, bool kEither>
PYVAE_KERNEL Values<Computed<S>, kPackSize<S>> load(const PackWalk<S, kEither, const void>& from, int64_t at,
                                                    const PackPart&) {
  using T = Computed<S>;
  const int64_t offset = from.offset(at);
  if (from.is_wide()) return load_values<T, kPackSize<S>>(static_cast<const T*>(from.places.t.data) + offset);
  return load_values<T, kPackSize<S>>(static_cast<const S*>(from.places.t.data) + offset);
}
template <typename S, bool kEither>
PYVAE_KERNEL void store(const Values<Computed<S>, kPackSize<S>>& values, const PackWalk<S, kEither, void>& to,
                        int64_t at, const PackPart&) {
  const int64_t offset = to.offset(at);
  if (to.is_wide()) {
    store_values(values, static_cast<Computed<S>*>(to.places.t.data) + offset);
  } else {
    store_values(values, static_cast<S*>(to.places.t.data) + offset);
  }
}

// --- Elements --------------------------------------------------------------------------------------------------------

template <typename T>
PYVAE_KERNEL T load_element(const StridedIn& t, int64_t offset) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (t.storage == Storage::kBFloat16) return widened(static_cast<const BFloat16*>(t.data)[offset]);
    if (t.storage == Storage::kFloat16) return widened(static_cast<const Float16*>(t.data)[offset]);
  }
  return static_cast<const T*>(t.data)[offset];
}
template <typename T>
PYVAE_KERNEL void store_element(const StridedOut& t, int64_t offset, T value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (t.storage == Storage::kBFloat16) return round_to(static_cast<BFloat16*>(t.data)[offset], value);
    if (t.storage == Storage::kFloat16) return round_to(static_cast<Float16*>(t.data)[offset], value);
  }
  static_cast<T*>(t.data)[offset] = value;
}

// Calls visit(k, offset) for elements at + [part.begin, part.end).
template <int kCount, typename Void, typename Visit>
PYVAE_KERNEL void for_each_element(const Places<Void>& places, int64_t at, const PackPart& part, Visit visit) {
  const Run run = places.run_at(at + part.begin);
  for (int k = 0; k < kCount; ++k) {
    if (k < part.begin || k >= part.end) continue;
    const int apart = k - part.begin;
    visit(k, apart < run.left ? run.offset + apart * places.stride() : places.run_at(at + k).offset);
  }
}

// The same for a tensor of any layout.
template <typename T, typename Void>
struct ElementWalk {
  const Places<Void>& places;

  PYVAE_MEMBER ElementWalk(const Places<Void>& in, int64_t) : places(in) {}
};

// Zeros beyond the part.
template <typename T>
PYVAE_KERNEL Values<T, kPackSize<T>> load(const ElementWalk<T, const void>& from, int64_t at, const PackPart& part) {
  Values<T, kPackSize<T>> values{};
  for_each_element<kPackSize<T>>(
      from.places, at, part, [&](int k, int64_t offset) { values.value[k] = load_element<T>(from.places.t, offset); });
  return values;
}
template <typename T>
PYVAE_KERNEL void store(const Values<T, kPackSize<T>>& values, const ElementWalk<T, void>& to, int64_t at,
                        const PackPart& part) {
  for_each_element<kPackSize<T>>(to.places, at, part,
                                 [&](int k, int64_t offset) { store_element(to.places.t, offset, values.value[k]); });
}

// --- The two ways ----------------------------------------------------------------------------------------------------

// Elements of a thread at a time: a pack of what they are stored in,
template <typename S>
struct InPacks {
  static constexpr bool kWhole = true;
  using T = Computed<S>;
  static constexpr int kCount = kPackSize<S>;
  template <typename Void>
  using Walk = PackWalk<S, false, Void>;
  template <typename Void>
  using EitherWalk = PackWalk<S, true, Void>;
};

// or, of any layout, as many as 16 bytes hold of what they are computed in.
template <typename Real>
struct OneByOne {
  static constexpr bool kWhole = false;
  using T = Real;
  static constexpr int kCount = kPackSize<T>;
  template <typename Void>
  using Walk = ElementWalk<T, Void>;
  template <typename Void>
  using EitherWalk = ElementWalk<T, Void>;
};

// Calls then(way) with InPacks of the storage for which fits(way) holds, else with OneByOne.
template <typename T, typename Fits, typename Then>
void choose_way(Fits fits, Then then) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (fits(InPacks<BFloat16>())) return then(InPacks<BFloat16>());
    if (fits(InPacks<Float16>())) return then(InPacks<Float16>());
  }
  if (fits(InPacks<T>())) return then(InPacks<T>());
  then(OneByOne<T>());
}

}  // namespace pyvae::cuda
