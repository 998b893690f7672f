// Ops without tensors: build facts, and the instruction set the CPU kernels run with.
#include <torch/csrc/stable/library.h>

#include <string>

#include "../build_info.h"
#include "../kernels/isa.h"

namespace pyvae::ops {
namespace {

std::string build_info() { return pyvae::build_info(); }
std::string cpu_isa() { return isa_name(current_isa()); }
void cap_cpu_isa(int64_t cap) { cap_isa(static_cast<Isa>(cap)); }

}  // namespace
}  // namespace pyvae::ops

STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def("build_info() -> str");
  m.def("cpu_isa() -> str");
  m.def("cap_cpu_isa(int cap) -> ()");
}

STABLE_TORCH_LIBRARY_IMPL(pyvae, CompositeExplicitAutograd, m) {
  m.impl("build_info", TORCH_BOX(&pyvae::ops::build_info));
  m.impl("cpu_isa", TORCH_BOX(&pyvae::ops::cpu_isa));
  m.impl("cap_cpu_isa", TORCH_BOX(&pyvae::ops::cap_cpu_isa));
}
