// Facts of this build and this machine, as one JSON object: what `pyvae info` prints.
#pragma once
#include <string>

namespace pyvae {
std::string build_info();
}
