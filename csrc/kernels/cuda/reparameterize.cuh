// Reparameterised sampling: Philox bits, Box-Muller normals and the affine map in one pass over mu and logvar. Avoids
// storing eps, in the backward as in the forward.
//
// A thread takes one Philox block, that is 16 bytes of elements (four float32, two float64), and moves them in one
// memory instruction each way where addresses allow.
// Not yet measured on a GPU.
#pragma once
#include "../../math/gaussian.h"
#include "../../math/normal.h"
#include "../reparameterize.h"
#include "team.cuh"

namespace pyvae::cuda {

// The elements of one Philox block.
template <typename T>
struct alignas(16) Pack {
  static constexpr int kCount = NormalBlock<T>::kCount;
  T value[kCount];
};

template <typename T>
PYVAE_KERNEL Pack<T> load(const T* from, int count, bool packed) {
  if (packed) return *reinterpret_cast<const Pack<T>*>(from);
  Pack<T> pack{};
  for (int lane = 0; lane < Pack<T>::kCount; ++lane) {
    if (lane < count) pack.value[lane] = from[lane];
  }
  return pack;
}

template <typename T>
PYVAE_KERNEL void store(const Pack<T>& pack, T* to, int count, bool packed) {
  if (packed) {
    *reinterpret_cast<Pack<T>*>(to) = pack;
    return;
  }
  for (int lane = 0; lane < Pack<T>::kCount; ++lane) {
    if (lane < count) to[lane] = pack.value[lane];
  }
}

// Both directions map (a, logvar, eps) to out, element by element.
template <typename T>
struct NoiseMap {
  int64_t streams, length;
  const int64_t* seed;  // [S]
  const T* a;           // [S, n]
  const T* logvar;      // [S, n]
  T* out;               // [S, n]
};

// Whether every Philox block of every stream is whole and lies on a 16-byte address.
template <typename T>
PYVAE_KERNEL bool packable(const NoiseMap<T>& map) {
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(map.a) | reinterpret_cast<uintptr_t>(map.logvar) |
                              reinterpret_cast<uintptr_t>(map.out);
  return addresses % alignof(Pack<T>) == 0 && map.length % Pack<T>::kCount == 0;
}

template <typename T, typename Team, typename Formula>
PYVAE_KERNEL void map_with_noise(const NoiseMap<T>& map, const Team& team, Formula formula) {
  constexpr int kCount = Pack<T>::kCount;
  const int64_t blocks = ceil_div(map.length, kCount);  // Philox blocks of one stream
  const bool packed = packable(map);
  team.threads([&](int thread) {
    for (int64_t k = team.block * kThreads + thread; k < map.streams * blocks; k += team.blocks * kThreads) {
      const int64_t stream = k / blocks, counter = k % blocks, start = counter * kCount;
      const int64_t offset = stream * map.length + start;
      const int count = static_cast<int>(smaller<int64_t>(kCount, map.length - start));
      NormalBlock<T> eps;
      normals(philox(static_cast<uint64_t>(map.seed[stream]), static_cast<uint64_t>(counter)), eps);
      const Pack<T> a = load(map.a + offset, count, packed), logvar = load(map.logvar + offset, count, packed);
      Pack<T> out;
      for (int lane = 0; lane < kCount; ++lane) {
        out.value[lane] = formula(a.value[lane], logvar.value[lane], eps.value[lane]);
      }
      store(out, map.out + offset, count, packed);
    }
  });
}

// For both directions.
template <typename T, template <typename> typename Args>
PYVAE_MATH int64_t reparameterize_blocks(const Args<T>& args) {
  return blocks_for(args.streams * ceil_div(args.length, Pack<T>::kCount), kThreads);
}

template <typename T, typename Team>
PYVAE_KERNEL void reparameterize_body(const Reparameterize<T>& args, const Team& team) {
  const NoiseMap<T> map{args.streams, args.length, args.seed, args.mu, args.logvar, args.z};
  map_with_noise(map, team, [](T mu, T logvar, T eps) { return pyvae::reparameterize(mu, logvar, eps); });
}

template <typename T, typename Team>
PYVAE_KERNEL void reparameterize_backward_body(const ReparameterizeBackward<T>& args, const Team& team) {
  const NoiseMap<T> map{args.streams, args.length, args.seed, args.grad_z, args.logvar, args.grad_logvar};
  map_with_noise(map, team, [](T grad, T logvar, T eps) { return grad * reparameterize_grad_logvar(logvar, eps); });
}

}  // namespace pyvae::cuda
