// reparameterize_moments against plain loops in double, on tensors that lie in
// memory in every way.
#include "../../../csrc/kernels/reparameterize_moments.h"

#include <numeric>

#include "../../../csrc/math/half.h"
#include "../with_isa.h"
#include "case.h"
#include "noise.h"

namespace pyvae::driver {
namespace {

template <typename T>
constexpr Storage kComputed = sizeof(T) == 4 ? Storage::kFloat32 : Storage::kFloat64;

int64_t bytes_of(Storage storage) { return storage == Storage::kFloat64 ? 8 : storage == Storage::kFloat32 ? 4 : 2; }

// A number that divides `count`, at most `limit`.
int64_t random_divisor(Case& c, int64_t count, int64_t limit) {
  const int64_t wanted = 1 + c.below(std::min(count, limit));
  return std::gcd(count, wanted);
}

// A strided tensor in exactly as much memory as it reaches over; its bytes are
// those of a NaN until they are written.
class Laid {
 public:
  Laid(Case& c, Storage storage, int64_t count, bool may_repeat) : storage_(storage) {
    for (int64_t left = count; axes_ < kMostAxes; left /= size_[axes_++]) {
      const bool last = axes_ == kMostAxes - 1 || c.one_in(3);
      size_[axes_] = last ? left : random_divisor(c, left, 40);
      if (!last) continue;
      ++axes_;
      break;
    }
    std::vector<int> order(axes_);  // in memory, the fastest first
    for (int k = 0; k < axes_; ++k) order[k] = axes_ - 1 - k;
    if (c.one_in(2)) std::shuffle(order.begin(), order.end(), c.random);
    int64_t stride = c.one_in(3) ? 1 + c.below(3) : 1;
    for (const int axis : order) {
      if (may_repeat && c.one_in(8)) continue;
      stride_[axis] = stride;
      stride = stride * size_[axis] + (c.one_in(4) ? c.below(4) : 0);
    }
    int64_t reached = 1;
    for (int axis = 0; axis < axes_; ++axis) reached += (size_[axis] - 1) * stride_[axis];
    begin_ = c.below(2) * bytes_of(storage_);
    bytes_.assign(begin_ + reached * bytes_of(storage_), 0xff);
  }

  template <typename Void>
  Strided<Void> as() {
    Strided<Void> t{bytes_.data() + begin_, storage_, axes_, {}, {}};
    std::copy(size_, size_ + axes_, t.size), std::copy(stride_, stride_ + axes_, t.stride);
    return t;
  }

  template <typename T>
  void write(int64_t element, T value) {
    switch (storage_) {
      case Storage::kBFloat16:
        return put<BFloat16>(element, value);
      case Storage::kFloat16:
        return put<Float16>(element, value);
      default:
        return put<T>(element, value);
    }
  }
  template <typename T>
  T read(int64_t element) const {
    switch (storage_) {
      case Storage::kBFloat16:
        return got<T, BFloat16>(element);
      case Storage::kFloat16:
        return got<T, Float16>(element);
      default:
        return got<T, T>(element);
    }
  }

  // All elements, and that nothing else was written.
  template <typename T>
  Buffer<T> result(Case& c, int64_t count) {
    Buffer<T> values(c, count);
    for (int64_t k = 0; k < count; ++k) values[k] = read<T>(k);
    for (int64_t k = 0; k < count; ++k) std::fill_n(at(k), bytes_of(storage_), 0xff);
    for (const uint8_t byte : bytes_) {
      if (byte != 0xff) fail(c, "memory between the elements was written");
    }
    return values;
  }

 private:
  uint8_t* at(int64_t element) {
    int64_t offset = 0;
    for (int axis = axes_ - 1; axis >= 0; element /= size_[axis--]) offset += element % size_[axis] * stride_[axis];
    return bytes_.data() + begin_ + offset * bytes_of(storage_);
  }
  template <typename S, typename T>
  void put(int64_t element, T value) {
    S stored;
    round_to(stored, value);
    std::memcpy(at(element), &stored, sizeof(S));
  }
  template <typename T, typename S>
  T got(int64_t element) const {
    const uint8_t* const from = const_cast<Laid*>(this)->at(element);
    if (std::all_of(from, from + sizeof(S), [](uint8_t byte) { return byte == 0xff; })) return unwritten<T>();
    S stored;
    std::memcpy(&stored, from, sizeof(S));
    return widened(stored);
  }

  Storage storage_;
  int axes_ = 0;
  int64_t size_[kMostAxes] = {}, stride_[kMostAxes] = {}, begin_;
  std::vector<uint8_t> bytes_;
};

template <typename T>
Laid laid_values(Case& c, Storage storage, int64_t count, double mean, double deviation) {
  Laid laid(c, storage, count, true);
  const Buffer<T> numbers = values<T>(c, count, mean, deviation);
  for (int64_t k = 0; k < count; ++k) laid.write<T>(k, numbers[k]);
  return laid;
}

// Half types for float, and what is computed in.
template <typename T>
Storage random_storage(Case& c) {
  if (sizeof(T) == 8 || c.one_in(3)) return kComputed<T>;
  return c.one_in(2) ? Storage::kBFloat16 : Storage::kFloat16;
}

// Streams of whole rows, or one per element; no size is 0.
int64_t random_streams(Case& c, int64_t rows, int64_t latents) {
  if (c.one_in(4)) return rows * latents;
  return random_divisor(c, rows, rows);
}

// Errors allowed to what is stored so, in epsilons of T.
double epsilons(Storage storage) {
  return storage == Storage::kBFloat16 ? 32 + 0x1p15 : storage == Storage::kFloat16 ? 32 + 0x1p12 : 32;
}

template <typename T>
void check_case(Case& c) {
  const int64_t latents = std::max<int64_t>(
      c.one_in(30) ? kRowPiece - 2 + c.below(kRowPiece + 4) : c.awkward_size(c.one_in(4) ? 1025 : 40), 1);
  const int64_t rows = std::max<int64_t>(c.awkward_size((c.one_in(50) ? 20000 : 1500) / latents), 1);
  const int64_t count = rows * latents, pieces = (latents + kRowPiece - 1) / kRowPiece;
  const int64_t streams = random_streams(c, rows, latents), length = count / streams;
  const int64_t repeats = c.one_in(2) ? 1 : random_divisor(c, count, count);
  const int64_t inner = repeats == 1 ? count : random_divisor(c, count / repeats, count), spreads = count / repeats;
  const Storage storage = random_storage<T>(c), of_z = c.one_in(2) ? storage : kComputed<T>;
  c.name = "reparameterize_moments " + type_name<T>() + " R=" + std::to_string(rows) + " D=" + std::to_string(latents) +
           " S=" + std::to_string(streams) + " repeats=" + std::to_string(repeats) + " inner=" + std::to_string(inner) +
           " storage=" + std::to_string(static_cast<int>(storage));
  Laid mean = laid_values<T>(c, storage, count, 0, 2), spread = laid_values<T>(c, storage, count, -1, 1.5);
  Laid grad_z = laid_values<T>(c, of_z, count, 0, 1);
  const Buffer<T> grad_kl = values<T>(c, rows, 0.5, 1);
  const T infinity = std::numeric_limits<T>::infinity();
  const LogvarOf<T> logvar = c.one_in(2) ? LogvarOf<T>{1, -infinity, infinity} : LogvarOf<T>{2, -2, T(0.5)};
  Buffer<int64_t> seed(c, streams, 0);
  for (int64_t k = 0; k < streams; ++k) seed[k] = static_cast<int64_t>(c.random());

  const auto compute = [&](Work work) {
    Laid z(c, of_z, count, false), grad_mean(c, storage, count, false), grad_spread(c, storage, spreads, false);
    Buffer<T> kl(c, rows);
    Buffer<double> of_pieces(c, pieces == 1 ? 0 : rows * pieces);
    const ReparameterizeMoments<T> forward{rows,
                                           latents,
                                           streams,
                                           pieces,
                                           mean.as<const void>(),
                                           spread.as<const void>(),
                                           logvar,
                                           seed.data(),
                                           z.as<void>(),
                                           kl.data(),
                                           pieces == 1 ? nullptr : of_pieces.data()};
    const ReparameterizeMomentsBackward<T> backward{rows,
                                                    latents,
                                                    streams,
                                                    repeats,
                                                    inner,
                                                    grad_z.as<const void>(),
                                                    grad_kl.data(),
                                                    mean.as<const void>(),
                                                    spread.as<const void>(),
                                                    logvar,
                                                    seed.data(),
                                                    grad_mean.as<void>(),
                                                    grad_spread.as<void>()};
    with_isa(c.isa, [&](auto isa) {
      run(c, work, rows * pieces,
          [&](int64_t begin, int64_t end) { cpu::reparameterize_moments<isa()>(forward, begin, end); });
      if (pieces > 1) {
        run(c, work, rows,
            [&](int64_t begin, int64_t end) { cpu::reparameterize_moments_sums<isa()>(forward, begin, end); });
      }
      run(c, work, backward.pieces(),
          [&](int64_t begin, int64_t end) { cpu::reparameterize_moments_backward<isa()>(backward, begin, end); });
    });
    return std::vector<Result<T>>{{"z", z.result<T>(c, count)},
                                  {"kl", kl},
                                  {"grad_mean", grad_mean.result<T>(c, count)},
                                  {"grad_spread", grad_spread.result<T>(c, spreads)}};
  };
  const std::vector<Result<T>> got = check_cuts<T>(c, compute);
  if (c.hostile) return;
  std::vector<double> z(count), grad_mean(count);
  std::vector<long double> kl(rows), grad_spread(spreads);  // sums, of many equal terms where a clamp cuts them
  for (int64_t k = 0; k < count; ++k) {
    const double m = mean.read<T>(k), s = spread.read<T>(k), g = grad_kl[k / latents], of = grad_z.read<T>(k);
    const double v = logvar.scale * std::clamp<double>(s, logvar.low, logvar.high);
    const double scaled = std::exp(v / 2) * noise<T>(seed[k / length], k % length);
    const bool within = s >= logvar.low && s <= logvar.high;
    z[k] = m + scaled;
    kl[k / latents] += (m * m + std::expm1(v) - v) / 2;
    grad_mean[k] = of + g * m;
    grad_spread[k / (repeats * inner) * inner + k % inner] +=
        within ? logvar.scale * (of * scaled / 2 + g * std::expm1(v) / 2) : 0;
  }
  expect_close(c, got[0], z, epsilons(of_z));
  expect_close(c, got[1], {kl.begin(), kl.end()}, 32);
  expect_close(c, got[2], grad_mean, epsilons(storage));
  expect_close(c, got[3], {grad_spread.begin(), grad_spread.end()}, epsilons(storage));
}

const Registered registered("reparameterize_moments", {check_case<float>, check_case<double>});

}  // namespace
}  // namespace pyvae::driver
