// The module pyvae._C: facts of the build, and Philox for tests. Nothing here takes a tensor.
#include <pybind11/pybind11.h>

#include "build_info.h"
#include "math/philox.h"

PYBIND11_MODULE(_C, m) {
  m.doc() = "Build facts and test doors of pyvae's compiled part.";
  m.def("build_info", &pyvae::build_info, "Facts of the build and the machine, a JSON object.");
  m.def(
      "philox",
      [](uint64_t key, uint64_t counter) {
        const pyvae::PhiloxBlock block = pyvae::philox(key, counter);
        return pybind11::make_tuple(block.lane[0], block.lane[1], block.lane[2], block.lane[3]);
      },
      pybind11::arg("key"), pybind11::arg("counter"), "The four words of one Philox-4x32-10 block.");
}
