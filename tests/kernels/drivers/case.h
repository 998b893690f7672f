// One random case: its sizes, its buffers, how the work is cut, and what is
// compared.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../../../csrc/kernels/isa.h"
#include "workers.h"

namespace pyvae::driver {

struct Case {
  std::mt19937_64 random;
  Isa isa;
  Workers& workers;
  bool hostile;
  std::string name;  // op, type, sizes: what a failure report starts with

  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(random); }
  bool one_in(int64_t n) { return below(n) == 0; }
  double normal() { return std::normal_distribution<double>()(random); }
  double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); }
  // A size around those where vectors, tiles and blocks end, at most `limit`.
  int64_t awkward_size(int64_t limit);
};

[[noreturn]] inline void fail(const Case& c, const std::string& what) {
  std::printf("FAILED %s: %s\n", c.name.c_str(), what.c_str());
  std::exit(1);
}

// --- Buffers
// -----------------------------------------------------------------------------------------------------------

// A NaN that no arithmetic on the inputs makes: where it shows up, memory was
// left unwritten or read unwritten.
template <typename T>
T unwritten() {
  if constexpr (sizeof(T) == 4) return __builtin_bit_cast(float, 0x7fc5a5a5u);
  return static_cast<T>(__builtin_bit_cast(double, uint64_t{0x7ff85a5a5a5a5a5aull}));
}

template <typename T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Heap memory that ends where the values do, so that AddressSanitizer sees an
// overrun by one; begins off the allocation's alignment half of the time.
template <typename T>
class Buffer {
 public:
  Buffer(Case& c, int64_t count, T value = unwritten<T>()) : offset_(c.below(2)), values_(offset_ + count, value) {}
  int64_t size() const { return static_cast<int64_t>(values_.size()) - offset_; }
  T* data() { return values_.data() + offset_; }
  const T* data() const { return values_.data() + offset_; }
  T& operator[](int64_t k) { return values_[offset_ + k]; }
  const T& operator[](int64_t k) const { return values_[offset_ + k]; }

 private:
  int64_t offset_;
  std::vector<T> values_;
};

// mean + deviation * normal; in hostile cases a few of them are what no model
// should produce.
template <typename T>
Buffer<T> values(Case& c, int64_t count, double mean, double deviation) {
  using Limits = std::numeric_limits<T>;
  const T hostile[] = {Limits::quiet_NaN(),
                       Limits::infinity(),
                       -Limits::infinity(),
                       T(-0.0),
                       Limits::denorm_min(),
                       -Limits::min() / 4,
                       Limits::max(),
                       Limits::lowest(),
                       T(1e18),
                       T(-1e18),
                       T(88),
                       T(-88),
                       T(100),
                       T(-100),
                       T(1e-30)};
  Buffer<T> buffer(c, count);
  for (int64_t k = 0; k < count; ++k) buffer[k] = static_cast<T>(mean + deviation * c.normal());
  if (!c.hostile || count == 0) return buffer;
  for (int64_t k = c.below(4); k > 0; --k) buffer[c.below(count)] = hostile[c.below(std::size(hostile))];
  return buffer;
}

// --- Work
// --------------------------------------------------------------------------------------------------------------

enum class Work { whole, cut };

// Calls kernel(begin, end) for [0, items): at once, or in random cuts, each
// thread taking every n-th of them.
template <typename Kernel>
void run(Case& c, Work work, int64_t items, Kernel kernel) {
  if (work == Work::whole) return kernel(int64_t{0}, items);
  std::vector<int64_t> cuts = {0, items};
  for (int64_t k = c.below(7); k > 0; --k) cuts.push_back(c.below(items + 1));
  std::sort(cuts.begin(), cuts.end());
  c.workers.run([&](int thread) {
    for (size_t k = thread; k + 1 < cuts.size(); k += c.workers.count()) kernel(cuts[k], cuts[k + 1]);
  });
}

// --- Comparisons
// -------------------------------------------------------------------------------------------------------

template <typename T>
struct Result {
  const char* name;
  Buffer<T> values;
};

template <typename T>
void expect_written(const Case& c, const Result<T>& result) {
  for (int64_t k = 0; k < result.values.size(); ++k) {
    const T value = result.values[k];
    if (same_bits(value, unwritten<T>()) || same_bits(value, -unwritten<T>())) {
      fail(c, std::string(result.name) + "[" + std::to_string(k) + "] is unwritten memory");
    }
  }
}

template <typename T>
void expect_same_bits(const Case& c, const Result<T>& a, const Result<T>& b) {
  for (int64_t k = 0; k < a.values.size(); ++k) {
    const T x = a.values[k], y = b.values[k];
    if (same_bits(x, y) || (std::isnan(x) && std::isnan(y))) continue;
    fail(c, std::string(a.name) + "[" + std::to_string(k) + "] depends on how the work is cut");
  }
}

// Errors in epsilons of the largest value: sums are made of terms of its size.
// Below 1 they count as if it were 1.
template <typename T>
void expect_close(const Case& c, const Result<T>& got, const std::vector<double>& expected, double epsilons) {
  const double tolerance = epsilons * std::numeric_limits<T>::epsilon();
  double largest = 1;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (int64_t k = 0; k < got.values.size(); ++k) {
    if (std::abs(double{got.values[k]} - expected[k]) <= tolerance * largest) continue;
    fail(c, std::string(got.name) + "[" + std::to_string(k) + "] is " + std::to_string(got.values[k]) + ", not " +
                std::to_string(expected[k]));
  }
}

// Computes at once and in cuts, and compares the bits. Returns the results.
template <typename T, typename Compute>
std::vector<Result<T>> check_cuts(Case& c, Compute compute) {
  std::vector<Result<T>> whole = compute(Work::whole);
  const std::vector<Result<T>> cut = compute(Work::cut);
  for (size_t k = 0; k < whole.size(); ++k) {
    expect_written(c, whole[k]);
    expect_same_bits(c, whole[k], cut[k]);
  }
  return whole;
}

// And in tame cases compares the values with `expected`.
template <typename T, typename Compute, typename Expected>
void check(Case& c, double epsilons, Compute compute, Expected expected) {
  const std::vector<Result<T>> whole = check_cuts<T>(c, compute);
  if (c.hostile) return;
  const std::vector<std::vector<double>> slow = expected();
  for (size_t k = 0; k < slow.size(); ++k) expect_close(c, whole[k], slow[k], epsilons);
}

template <typename T>
std::string type_name() {
  return sizeof(T) == 4 ? "float" : "double";
}

// --- The checks ------------------------------------------------------------------------------------------------------

// One random case of an op.
using Check = void (*)(Case&);

// By op, in the order of their names.
inline std::map<std::string, std::vector<Check>>& checks() {
  static std::map<std::string, std::vector<Check>> every;
  return every;
}

// A file's object of this type makes its checks known, so that no list names them.
struct Registered {
  Registered(const char* op, const std::vector<Check>& of_op) { checks()[op] = of_op; }
};

}  // namespace pyvae::driver
