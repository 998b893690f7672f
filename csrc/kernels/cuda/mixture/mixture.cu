// Launcher of steps.cuh's columns, their base-2 parameters; how many blocks a GPU runs at a time.
// Not yet measured on a GPU.
#include "steps.cuh"

namespace pyvae::cuda {

int64_t block_slots() {
  int device = 0, multiprocessors = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  return multiprocessors > 0 ? 2 * multiprocessors : 1;
}

template <typename T>
int mixture_columns(const MixtureColumns<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  launcher(FillColumns<T>(), args);
  return launcher.status;
}

template int mixture_columns(const MixtureColumns<float>&, void*);
template int mixture_columns(const MixtureColumns<double>&, void*);

}  // namespace pyvae::cuda
