// From an instruction set that is known when a program runs to one that is
// known when it is compiled.
#pragma once
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include "../../csrc/kernels/isa.h"

namespace pyvae {

// Calls body with std::integral_constant<Isa, isa>.
template <typename Body>
void with_isa(Isa isa, Body body) {
#if defined(PYVAE_X86_ISAS)
  if (isa == Isa::avx512) return body(std::integral_constant<Isa, Isa::avx512>{});
  if (isa == Isa::avx2) return body(std::integral_constant<Isa, Isa::avx2>{});
#endif
  (void)isa;
  body(std::integral_constant<Isa, Isa::baseline>{});
}

// The set of that name, if this processor has it.
inline bool find_isa(const char* name, Isa& isa) {
  for (const Isa candidate : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (std::strcmp(name, isa_name(candidate)) != 0 || !isa_available(candidate)) continue;
    isa = candidate;
    return true;
  }
  return false;
}

}  // namespace pyvae
