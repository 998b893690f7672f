// What the checks of the CUDA kernels share: threads that run one after the other, random values, comparisons.
//
// The kernels' bodies (csrc/kernels/cuda/*.cuh) run with a Team that loops over the threads and are compared with the
// CPU kernels, one file per op. What this leaves untested is the device half of team.cuh: the shuffles, the barrier
// itself, and the launches.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../../csrc/kernels/cuda/team.cuh"
#include "../../../csrc/kernels/isa.h"

namespace pyvae::on_host {

using cuda::kThreads, cuda::kWarp, cuda::kWarps;

// The CPU kernels that round as this program does.
constexpr Isa kComparedWith = Isa::PYVAE_COMPARE_WITH;

inline int failures = 0;

inline void fail(const std::string& name, const std::string& what) {
  ++failures;
  std::printf("FAILED %s: %s\n", name.c_str(), what.c_str());
}

// --- A block of threads, one after the other -------------------------------------------------------------------------

struct HostTeam {
  int64_t block, blocks;
  bool reversed;  // the result may not depend on which thread runs first
  int count = kThreads;
  enum { kNothing, kThreadsRan, kReduced } mutable since_barrier = kNothing;

  template <typename Phase>
  void threads(Phase phase) const {
    // One after another, threads never see a barrier's absence: so its presence is checked.
    if (since_barrier != kNothing) fail("team", "no barrier before a phase of threads");
    since_barrier = kThreadsRan;
    for (int k = 0; k < count; ++k) phase(reversed ? count - 1 - k : k);
  }

  void barrier() const { since_barrier = kNothing; }

  template <typename Part, typename Store>
  void reduce(int from, int to, Part part, Store store) const {
    if (since_barrier == kThreadsRan) fail("team", "no barrier between a phase of threads and a reduction");
    since_barrier = kReduced;
    for (int k = 0; k < count / kWarp; ++k) {
      const int warp = reversed ? count / kWarp - 1 - k : k;
      std::vector<decltype(part(0, 0))> merged;
      for (int lane = 0; lane < kWarp; ++lane) merged.push_back(part(warp, lane));
      for (int offset = from; offset < to; offset *= 2) {
        const auto before = merged;
        for (int lane = 0; lane < kWarp; ++lane) merged[lane] = merge(before[lane], before[lane ^ offset]);
      }
      for (int lane = 0; lane < kWarp; ++lane) store(warp, lane, merged[lane]);
    }
  }
};

// Runs body(team) for a grid: the one a launch would take, or a small one that makes every loop stride.
enum class Grid { launched, small_reversed };

template <typename Body>
void run(Grid grid, int64_t launched, Body body, int threads = kThreads) {
  const bool small = grid == Grid::small_reversed;
  const int64_t blocks = small ? std::min<int64_t>(launched, 2) : launched;
  for (int64_t k = 0; k < blocks; ++k) body(HostTeam{small ? blocks - 1 - k : k, blocks, small, threads});
}

// In place of cuda::Launcher: runs the steps of an op, one after the other.
struct Steps {
  Grid grid;

  template <typename Step>
  void operator()(Step, const typename Step::Args& args) {
    run(
        grid, Step::blocks(args),
        [&](const HostTeam& team) {
          const auto shared = std::make_unique<typename Step::Shared>();
          std::memset(static_cast<void*>(shared.get()), 0xa5, sizeof(*shared));  // a block finds any content
          Step::run(args, team, *shared);
        },
        Step::kThreads);
  }
};

// --- Values and comparisons ------------------------------------------------------------------------------------------

template <typename T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

template <typename T>
std::string type_name() {
  return sizeof(T) == 4 ? "float" : "double";
}

inline std::mt19937_64 generator(20240607);

template <typename T>
std::vector<T> random(int64_t count, double mean, double deviation) {
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(normal(generator));
  return values;
}

// What a kernel has not written shows.
template <typename T>
std::vector<T> unwritten(int64_t count) {
  return std::vector<T>(count, T(-98765));
}

// Values by name. Each is of its own size, or all have errors of the largest one's.
template <typename T>
struct Named {
  const char* name;
  std::vector<T> values;
  bool each = false;
};

// The kernels add the same terms in another order. `terms` is how many make an exponent, whose error becomes its
// weight's. The logarithm of weights that add up to 1 is 0, and may be nearly so.
template <typename T>
void expect_close(const std::string& name, const Named<T>& all_got, const Named<T>& all_expected, int64_t terms) {
  const std::vector<T>&got = all_got.values, &expected = all_expected.values;
  const double epsilon = std::numeric_limits<T>::epsilon();
  const double tolerance = (sizeof(T) == 4 ? 5e-6 : 1e-13) + epsilon * static_cast<double>(terms);
  double largest = 1e-2;
  for (const T value : expected) largest = std::isfinite(value) ? std::max(largest, std::abs(double{value})) : largest;
  for (size_t k = 0; k < expected.size(); ++k) {
    const double size = all_expected.each ? std::abs(double{expected[k]}) + 1 + static_cast<double>(terms) : largest;
    const bool same = got[k] == expected[k] || (std::isnan(got[k]) && std::isnan(expected[k])) ||
                      std::abs(double{got[k]} - double{expected[k]}) <= tolerance * size;
    if (same) continue;
    return fail(name, std::string(all_expected.name) + "[" + std::to_string(k) + "] is " + std::to_string(got[k]) +
                          ", not " + std::to_string(expected[k]));
  }
}

template <typename T>
void expect_equal(const std::string& name, const char* what, const std::vector<T>& a, const std::vector<T>& b) {
  for (size_t k = 0; k < a.size(); ++k) {
    if (a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))) continue;
    return fail(name, std::string(what) + " depends on the grid or on the order of threads");
  }
}

// Runs kernels on both grids and compares with the CPU's.
template <typename T, typename Kernels>
void check(const std::string& name, const std::vector<Named<T>>& expected, Kernels kernels, int64_t terms = 0) {
  const std::vector<Named<T>> got = kernels(Grid::launched), again = kernels(Grid::small_reversed);
  for (size_t k = 0; k < expected.size(); ++k) {
    expect_close(name, got[k], expected[k], terms);
    expect_equal(name, expected[k].name, got[k].values, again[k].values);
  }
}

// --- The checks ------------------------------------------------------------------------------------------------------

using Check = void (*)();

// By op, in the order of their names.
inline std::map<std::string, Check>& checks() {
  static std::map<std::string, Check> every;
  return every;
}

// A file's object of this type makes its check known, so that no list names it.
struct Registered {
  Registered(const char* op, Check check) { checks()[op] = check; }
};

}  // namespace pyvae::on_host
