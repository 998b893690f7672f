#include "isa.h"

#include <atomic>

namespace pyvae {
namespace {

std::atomic<Isa> isa_cap{Isa::avx512};

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

bool isa_available(Isa isa) {
#if defined(PYVAE_X86_ISAS)
  switch (isa) {
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512cd");
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    default:
      return true;
  }
#else
  return isa == Isa::baseline;
#endif
}

Isa current_isa() {
  const Isa cap = isa_cap.load(std::memory_order_relaxed);
  for (const Isa isa : {Isa::avx512, Isa::avx2}) {
    if (isa <= cap && isa_available(isa)) return isa;
  }
  return Isa::baseline;
}

void cap_isa(Isa cap) { isa_cap.store(cap, std::memory_order_relaxed); }

}  // namespace pyvae
