# Read by CMake right after project(): a processor it has no instruction sets for makes cmake/cpu_kernels.cmake compile
# the kernels once, with what CMAKE_CXX_FLAGS says.
set(CMAKE_SYSTEM_PROCESSOR "one instruction set")
