// Launcher of mixture_steps.cuh's columns: their base-2 parameters.
// Not yet measured on a GPU.
#include "mixture_steps.cuh"

namespace pyvae::cuda {

template <typename T>
int mixture_columns(const MixtureColumns<T>& args, void* stream) {
  Launcher launcher{stream, 0};
  launcher(FillColumns<T>(), args);
  return launcher.status;
}

template int mixture_columns(const MixtureColumns<float>&, void*);
template int mixture_columns(const MixtureColumns<double>&, void*);

}  // namespace pyvae::cuda
