// The CPU kernels on random sizes and values, for a sanitizer to watch.
//
//   run_kernels <isa> <cases> <threads> <seed>
//   run_kernels       prints the ops that have a check
//
// A case calls one op, forward and backward, on exact-size buffers: at once and
// in random cuts (by threads, if there is more than one), which must give the
// same bits. Half the cases hold hostile values; the others are compared with
// plain double loops. Ends at the first failure, naming the case.
#include <algorithm>

#include "../with_isa.h"
#include "case.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace pyvae::driver {

int64_t Case::awkward_size(int64_t limit) {
  constexpr int64_t kSizes[] = {0,  1,  2,  3,  4,  5,  6,   7,   8,   9,   10,  13,  15,  16,  17,  23,   31,
                                32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1025};
  const int64_t* end = std::upper_bound(std::begin(kSizes), std::end(kSizes), limit);
  return kSizes[below(end - kSizes)];
}

namespace {

std::vector<Check> checks_of_all_ops() {
  std::vector<Check> all;
  for (const auto& [op, of_op] : checks()) all.insert(all.end(), of_op.begin(), of_op.end());
  return all;
}

void print_ops() {
  for (const auto& [op, of_op] : checks()) std::printf("%s\n", op.c_str());
}

const Case* current_case = nullptr;

[[maybe_unused]] void name_the_case() {
  if (current_case != nullptr) std::fprintf(stderr, "in the case: %s\n", current_case->name.c_str());
}

}  // namespace
}  // namespace pyvae::driver

int main(int argc, char** argv) {
  using namespace pyvae::driver;
  if (argc == 1) {
    print_ops();
    return 0;
  }
  pyvae::Isa isa;
  if (argc != 5 || !pyvae::find_isa(argv[1], isa)) {
    std::fprintf(stderr,
                 "usage: run_kernels baseline|avx2|avx512 CASES "
                 "THREADS SEED, of a set this processor has\n");
    return 2;
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  __sanitizer_set_death_callback(name_the_case);
#endif
  const int64_t cases = std::atoll(argv[2]), threads = std::atoll(argv[3]), seed = std::atoll(argv[4]);
  const std::vector<Check> all = checks_of_all_ops();
  Workers workers(static_cast<int>(threads));
  for (int64_t k = 0; k < cases; ++k) {
    Case c{std::mt19937_64(static_cast<uint64_t>(seed * cases + k)), isa, workers, false, ""};
    c.hostile = c.one_in(2);
    current_case = &c;
    all[static_cast<size_t>(k) % all.size()](c);
  }
  std::printf("%s: %lld cases passed\n", argv[1], static_cast<long long>(cases));
  return 0;
}
