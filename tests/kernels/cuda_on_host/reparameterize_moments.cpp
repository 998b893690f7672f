// reparameterize_moments: the CUDA kernels against the CPU kernels, of tensors in many layouts and storages.
#include "../../../csrc/kernels/cuda/reparameterize_moments.cuh"

#include "host.h"

namespace pyvae::on_host {
namespace {

// Memory of a tensor: elements of a storage, with room before and behind that no kernel may write.
struct Memory {
  static constexpr int64_t kMargin = 64;  // bytes, so that elements begin on 16 bytes unless they are shifted
  Storage storage;
  int64_t bytes_of_element;
  std::vector<uint64_t> words;
  int64_t shift;

  Memory(Storage storage, int64_t elements, int64_t shift)
      : storage(storage),
        bytes_of_element(storage == Storage::kFloat64   ? 8
                         : storage == Storage::kFloat32 ? 4
                                                        : 2),
        words(static_cast<size_t>((2 * kMargin + (elements + shift) * bytes_of_element) / 8 + 3), kUnwritten),
        shift(shift) {}

  static constexpr uint64_t kUnwritten = 0x4321432143214321;

  char* data() {
    const uintptr_t start = reinterpret_cast<uintptr_t>(words.data()) + kMargin;
    return reinterpret_cast<char*>((start + 15) / 16 * 16) + shift * bytes_of_element;
  }
  bool is_written(int64_t offset) {
    return std::memcmp(data() + offset * bytes_of_element, &kUnwritten, static_cast<size_t>(bytes_of_element)) != 0;
  }

  template <typename Real>
  double at(int64_t offset) {
    Real stored;
    std::memcpy(&stored, data() + offset * bytes_of_element, sizeof(Real));
    return widened(stored);
  }
  double get(int64_t offset) {
    switch (storage) {
      case Storage::kBFloat16:
        return at<BFloat16>(offset);
      case Storage::kFloat16:
        return at<Float16>(offset);
      case Storage::kFloat32:
        return at<float>(offset);
      default:
        return at<double>(offset);
    }
  }

  template <typename Real, typename From>
  void put(int64_t offset, From value) {
    Real stored;
    round_to(stored, value);
    std::memcpy(data() + offset * bytes_of_element, &stored, sizeof(Real));
  }
  void set(int64_t offset, double value) {
    switch (storage) {
      case Storage::kBFloat16:
        return put<BFloat16>(offset, static_cast<float>(value));
      case Storage::kFloat16:
        return put<Float16>(offset, static_cast<float>(value));
      case Storage::kFloat32:
        return put<float>(offset, static_cast<float>(value));
      default:
        return put<double>(offset, value);
    }
  }
};

// Axes of a tensor with its strides, in elements.
struct Axes {
  std::vector<int64_t> size, stride;

  int64_t count() const {
    int64_t elements = 1;
    for (const int64_t n : size) elements *= n;
    return elements;
  }
  // Elements of memory that they reach over.
  int64_t reach() const {
    int64_t last = 0;
    for (size_t axis = 0; axis < size.size(); ++axis) last += (size[axis] - 1) * stride[axis];
    return last + 1;
  }
  int64_t offset(int64_t element) const {
    int64_t found = 0;
    for (size_t axis = size.size(); axis-- > 0;) found += element % size[axis] * stride[axis], element /= size[axis];
    return found;
  }
};

Axes side_by_side(int64_t count) { return {{count}, {1}}; }

template <typename Void>
Strided<Void> strided(Memory& memory, const Axes& axes) {
  Strided<Void> t{memory.data(), memory.storage, static_cast<int>(axes.size.size()), {}, {}};
  for (int axis = 0; axis < t.axes; ++axis) t.size[axis] = axes.size[axis], t.stride[axis] = axes.stride[axis];
  return t;
}

template <typename T>
Named<T> read(const char* name, Memory& memory, const Axes& axes) {
  std::vector<T> values;
  for (int64_t k = 0; k < axes.count(); ++k) values.push_back(static_cast<T>(memory.get(axes.offset(k))));
  return {name, values};
}

// Means and spreads of one tensor of `reach` elements, which their gradients fill, and how z lies.
struct Case {
  std::string name;
  int64_t rows, latents, streams;
  Axes mean, spread;
  int64_t spread_from;  // of the first spread, from the first mean
  int64_t repeats, inner;
  Axes grad_spread;
  Axes grad_z;
  int64_t shift;  // of all tensors, off 16 bytes
};

// The tolerance of results in a half type: one that lies between two numbers may be rounded to either.
template <typename T>
void expect_rounded(const std::string& name, const Named<T>& got, const Named<T>& expected, Storage storage) {
  const double unit = storage == Storage::kBFloat16 ? 0x1p-7 : storage == Storage::kFloat16 ? 0x1p-10 : 0;
  if (unit == 0) return expect_close(name, got, expected, 0);
  int64_t apart = 0;
  for (size_t k = 0; k < expected.values.size(); ++k) {
    const double a = got.values[k], b = expected.values[k];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    ++apart;
    if (!(std::abs(a - b) <= unit * std::abs(b) + 1e-6)) {
      fail(name, std::string(expected.name) + "[" + std::to_string(k) + "] is " + std::to_string(a) + ", not " +
                     std::to_string(b));
    }
  }
  if (apart > 2 + static_cast<int64_t>(expected.values.size()) / 50) fail(name, "many roundings differ");
}

template <typename T>
void check_case(const Case& of, Storage storage, bool rounded, const LogvarOf<T>& logvar) {
  const Storage computed = sizeof(T) == 4 ? Storage::kFloat32 : Storage::kFloat64;
  const Storage of_z = rounded ? storage : computed;
  const int64_t count = of.rows * of.latents;
  const std::string name = "reparameterize_moments " + type_name<T>() + " " + of.name +
                           " storage=" + std::to_string(static_cast<int>(storage)) + (rounded ? "" : " z wide") +
                           " R=" + std::to_string(of.rows) + " D=" + std::to_string(of.latents) +
                           " S=" + std::to_string(of.streams) + " C=" + std::to_string(of.repeats) +
                           " shift=" + std::to_string(of.shift);
  const int64_t reach = std::max(of.mean.reach(), of.spread_from + of.spread.reach());
  Memory moments(storage, reach, of.shift), cotangent(of_z, of.grad_z.reach(), of.shift);
  std::normal_distribution<double> normal;
  for (int64_t k = 0; k < reach; ++k) moments.set(k, 1.5 * normal(generator));
  for (int64_t k = 0; k < of.grad_z.reach(); ++k) cotangent.set(k, normal(generator));
  std::vector<T> grad_kl = random<T>(of.rows, 1, 2);
  if (count > 2) {
    moments.set(of.mean.offset(count / 2), std::nan(""));
    moments.set(of.spread_from + of.spread.offset(count - 1), 60);
    moments.set(of.spread_from + of.spread.offset(count / 3), -std::numeric_limits<double>::infinity());
  }
  if (of.rows > 2) {
    // A loss without this row, where derivatives are infinite.
    for (int64_t k = 0; k < of.latents; ++k) {
      moments.set(of.spread_from + of.spread.offset(of.latents + k), 3000);
      if (of.repeats == 1) cotangent.set(of.grad_z.offset(of.latents + k), 0);
    }
    grad_kl[1] = T(0);
  }
  std::vector<int64_t> seed(of.streams);
  for (int64_t& s : seed) s = static_cast<int64_t>(generator());

  const auto as_mean = strided<const void>(moments, of.mean);
  auto as_spread = strided<const void>(moments, of.spread);
  as_spread.data = moments.data() + of.spread_from * moments.bytes_of_element;
  const Axes dense = side_by_side(count);

  const auto compute = [&](int64_t pieces, auto forward, auto backward) -> std::vector<Named<T>> {
    Memory z(of_z, count, of.shift), gradient(storage, reach, of.shift);
    std::vector<T> kl = unwritten<T>(of.rows);
    std::vector<double> of_pieces = unwritten<double>(of.rows * pieces);
    forward(ReparameterizeMoments<T>{of.rows, of.latents, of.streams, pieces, as_mean, as_spread, logvar, seed.data(),
                                     strided<void>(z, dense), kl.data(), pieces == 1 ? nullptr : of_pieces.data()});
    auto to_spread = strided<void>(gradient, of.grad_spread);
    to_spread.data = gradient.data() + of.spread_from * gradient.bytes_of_element;
    backward(ReparameterizeMomentsBackward<T>{
        of.rows, of.latents, of.streams, of.repeats, of.inner, strided<const void>(cotangent, of.grad_z),
        grad_kl.data(), as_mean, as_spread, logvar, seed.data(), strided<void>(gradient, of.mean), to_spread});
    Axes spreads = of.grad_spread;
    Memory& all = gradient;
    std::vector<T> grad_spread;
    for (int64_t k = 0; k < spreads.count(); ++k) {
      grad_spread.push_back(static_cast<T>(all.get(of.spread_from + spreads.offset(k))));
    }
    // What lies between the elements nobody may write.
    std::vector<bool> meant(reach, false);
    for (int64_t k = 0; k < count; ++k) meant[of.mean.offset(k)] = true;
    for (int64_t k = 0; k < spreads.count(); ++k) meant[of.spread_from + spreads.offset(k)] = true;
    for (int64_t k = 0; k < reach; ++k) {
      if (!meant[k] && all.is_written(k)) fail(name, "writes between the elements of a gradient");
    }
    return {read<T>("z", z, dense),
            {"kl", kl, true},
            read<T>("grad_mean", gradient, of.mean),
            {"grad_spread", grad_spread}};
  };

  const auto on_cpu = compute(
      ceil_div(of.latents, kRowPiece),
      [&](const auto& args) {
        cpu::reparameterize_moments<kComparedWith>(args, 0, args.rows * args.pieces);
        if (args.pieces > 1) cpu::reparameterize_moments_sums<kComparedWith>(args, 0, args.rows);
      },
      [&](const auto& args) { cpu::reparameterize_moments_backward<kComparedWith>(args, 0, args.pieces()); });
  const auto on_grid = [&](Grid grid) {
    Steps launch{grid};
    return compute(
        cuda::row_pieces(of.rows, of.latents), [&](const auto& args) { cuda::for_each_moments_step(args, launch); },
        [&](const auto& args) { cuda::for_each_moments_backward_step(args, launch); });
  };
  const auto got = on_grid(Grid::launched), again = on_grid(Grid::small_reversed);
  const Storage storages[] = {of_z, computed, storage, storage};
  for (size_t k = 0; k < on_cpu.size(); ++k) {
    expect_rounded(name, got[k], on_cpu[k], storages[k]);
    expect_equal(name, on_cpu[k].name, got[k].values, again[k].values);
  }
}

// --- Layouts ---------------------------------------------------------------------------------------------------------

// [R, 2D]: means, then spreads, `apart` elements from the first mean of a row to the next row's.
Case packed(int64_t rows, int64_t latents, int64_t streams, int64_t apart, int64_t shift) {
  const Axes half{{rows, latents}, {apart, 1}};
  return {"packed", rows, latents, streams, half, half, latents, 1, rows * latents, half, side_by_side(rows * latents),
          shift};
}

// [R, C, P] that lies as [R, P, 2 C].
Case channels_last(int64_t rows, int64_t channels, int64_t pixels, int64_t streams, int64_t shift) {
  const Axes half{{rows, channels, pixels}, {2 * channels * pixels, 1, 2 * channels}};
  const int64_t count = rows * channels * pixels;
  return {"channels last", rows, channels * pixels,   streams, half, half, channels, 1,
          count,           half, side_by_side(count), shift};
}

// [B, C + 1, P], one spread for all means. A row is an image, or a part of one, such as a channel or a line of it.
// Streams: 0 of elements, 1 of all, 2 of rows.
Case one_spread(int64_t batch, int64_t channels, int64_t pixels, int64_t latents, int64_t streams, int64_t shift) {
  const int64_t apart = (channels + 1) * pixels, count = batch * channels * pixels;
  const Axes mean{{batch, channels * pixels}, {apart, 1}};
  const Axes spread{{batch, channels, pixels}, {apart, 0, 1}}, once{{batch, pixels}, {apart, 1}};
  const int64_t rows = count / latents, seeds[] = {count, 1, rows};
  return {"one spread of " + std::to_string(pixels),
          rows,
          latents,
          seeds[streams],
          mean,
          spread,
          channels * pixels,
          channels,
          pixels,
          once,
          side_by_side(count),
          shift};
}

template <typename T>
void check_layouts(Storage storage) {
  const LogvarOf<T> as_it_is{T(1), -kInfinity<T>, kInfinity<T>}, log_std{T(2), T(-1.5), T(1)},
      without_prior{T(1), T(0.25), T(3)};  // 0, which lanes without an element have, is none of its log-variances
  for (const int64_t shift : {0, 1}) {
    for (const bool rounded : {true, false}) {
      // Short rows, one pack more or less, several pieces, more than a warp's of them.
      for (const int64_t latents : {1, 2, 3, 7, 8, 9, 10, 16, 31, 64, 248, 256, 264, 512, 1000, 2064}) {
        for (const int64_t rows : {1, 3, 37}) {
          if (rows == 37 && latents > 64) continue;
          for (const int64_t streams : {int64_t{1}, rows, rows * latents}) {
            check_case<T>(packed(rows, latents, streams, 2 * latents, shift), storage, rounded, log_std);
          }
          check_case<T>(packed(rows, latents, 1, 2 * latents + 8, shift), storage, rounded, as_it_is);
          check_case<T>(packed(rows, latents, rows, 2 * latents + 5, shift), storage, rounded, without_prior);
        }
      }
      for (const int64_t channels : {1, 3, 8}) {
        for (const int64_t pixels : {1, 2, 5, 8, 24, 40}) {
          check_case<T>(channels_last(3, channels, pixels, 3, shift), storage, rounded, log_std);
          if (channels == 1) continue;
          for (const int64_t row : {channels * pixels, pixels, pixels % 2 == 0 ? pixels / 2 : 1}) {
            for (const int64_t streams : {0, 1, 2}) {
              check_case<T>(one_spread(3, channels, pixels, row, streams, shift), storage, rounded, log_std);
            }
          }
        }
      }
    }
  }
  // Few long rows, in many pieces; and repeats that lanes do not share.
  check_case<T>(packed(1, 40000, 1, 80000, 0), storage, true, as_it_is);
  check_case<T>(packed(2, 33333, 2, 66666, 0), storage, true, log_std);
  check_case<T>(one_spread(1, 37, 520, 37 * 520, 1, 0), storage, true, as_it_is);
  // A cotangent that is one number, or transposed.
  Case expanded = packed(3, 40, 1, 80, 0);
  expanded.grad_z = {{120}, {0}};
  check_case<T>(expanded, storage, true, log_std);
  expanded.grad_z = {{3, 40}, {1, 3}};
  check_case<T>(expanded, storage, true, log_std);
}

void check_divisors() {
  for (const int64_t by : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, int64_t{10}, int64_t{4096}, int64_t{65537},
                           int64_t{1000003}, (int64_t{1} << 40) + 1, (int64_t{1} << 61) + 12345}) {
    const cuda::Divisor divisor(by);
    for (int64_t times = 0; times < 50; ++times) {
      const int64_t n = static_cast<int64_t>(generator() >> (1 + times));
      for (const int64_t of : {n, n / by * by, larger<int64_t>(n / by * by - 1, 0), times, INT64_MAX - times}) {
        if (divisor.quotient(of) != of / by) return fail("divisor", std::to_string(of) + " / " + std::to_string(by));
      }
    }
  }
}

void check_types() {
  check_divisors();
  check_layouts<float>(Storage::kFloat32);
  check_layouts<float>(Storage::kBFloat16);
  check_layouts<float>(Storage::kFloat16);
  check_layouts<double>(Storage::kFloat64);
}

const Registered registered("reparameterize_moments", check_types);

}  // namespace
}  // namespace pyvae::on_host
