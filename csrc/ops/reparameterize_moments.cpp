#include "../kernels/reparameterize_moments.h"

#include <tuple>

#include "seed.h"
#include "strided.h"

namespace pyvae::ops {
namespace {

using MaybeTensor = std::optional<Tensor>;

// Means and spreads: two tensors of one shape, or one that has `channels` means along `axis`, then as many spreads or
// one for all of them. The leading `row_axes` axes of the means count posteriors, the others their latents.
struct Moments {
  Tensor first, second;  // the second is the first where they are packed
  bool packed;
  Layout mean, spread;
  int64_t axis, channels, spreads, rows, latents;

  Moments(const Tensor& moments, const MaybeTensor& heads, int64_t axis_, int64_t channels_, int64_t row_axes)
      : first(within_axes(moments)),
        second(heads.has_value() ? within_axes(*heads) : first),
        packed(!heads.has_value()),
        mean(first),
        spread(second),
        axis(axis_),
        channels(channels_),
        spreads(channels_) {
    STD_TORCH_CHECK(second.scalar_type() == first.scalar_type(), "expected mean and spread of one dtype");
    check_device(first, second);
    if (packed) {
      STD_TORCH_CHECK(axis >= 0 && axis < first.dim(), "expected an axis of the moments");
      spreads = first.size(axis) - channels;
      STD_TORCH_CHECK(channels >= 0 && (spreads == channels || spreads == 1), "expected a spread or one for all means");
      spread = mean.narrowed(axis, channels, spreads);
      mean = mean.narrowed(axis, 0, channels);
      if (spreads != channels) spread = spread.repeated(axis, channels);
    } else {
      STD_TORCH_CHECK(same_shape(first, second), "expected mean and spread of one shape");
    }
    STD_TORCH_CHECK(row_axes >= 0 && row_axes <= first.dim(), "expected row axes of the moments");
    rows = product(0, row_axes);
    latents = product(row_axes, first.dim());
  }

  int64_t product(int64_t begin, int64_t end) const {
    int64_t result = 1;
    for (int64_t k = begin; k < end; ++k) result *= mean.sizes[k];
    return result;
  }
  bool is_empty() const { return rows * latents == 0; }
  bool share_spreads() const { return packed && spreads != channels; }
  std::vector<int64_t> row_sizes(int64_t row_axes) const { return {mean.sizes.begin(), mean.sizes.begin() + row_axes}; }
};

ScalarType computed_in(const Tensor& t) {
  return t.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

template <typename T>
LogvarOf<T> logvar_of(double scale, double low, double high) {
  return {static_cast<T>(scale), static_cast<T>(low), static_cast<T>(high)};
}

std::tuple<Tensor, Tensor> reparameterize_moments(const Tensor& mean, MaybeTensor spread, const Tensor& seed,
                                                  int64_t axis, int64_t channels, int64_t row_axes, double scale,
                                                  double low, double high, bool rounded) {
  const Moments moments(mean, spread, axis, channels, row_axes);
  check_seed(seed, moments.mean.sizes);
  const ScalarType computed = computed_in(mean);
  const Tensor z = torch::stable::new_empty(mean, moments.mean.sizes, rounded ? mean.scalar_type() : computed);
  if (moments.is_empty()) return {z, torch::stable::new_zeros(mean, moments.row_sizes(row_axes), computed)};
  const Tensor kl = torch::stable::new_empty(mean, moments.row_sizes(row_axes), computed), seed_ = dense(seed);
  const int64_t pieces =
      kCudaLibrary ? cuda::row_pieces(moments.rows, moments.latents) : ceil_div(moments.latents, kRowPiece);
  const Tensor of_pieces =
      pieces == 1 ? kl : torch::stable::new_empty(mean, {moments.rows * pieces}, ScalarType::Double);
  dispatch(mean, [&]<typename T>() {
    const ReparameterizeMoments<T> args{moments.rows,
                                        moments.latents,
                                        seed.numel(),
                                        pieces,
                                        strided_in(moments.first, moments.mean),
                                        strided_in(moments.second, moments.spread),
                                        logvar_of<T>(scale, low, high),
                                        in<int64_t>(seed_),
                                        strided_out(z, Layout(z)),
                                        out<T>(kl),
                                        pieces == 1 ? nullptr : out<double>(of_pieces)};
    launch(
        mean, moments.rows * pieces, grain_for(moments.latents / pieces),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize_moments<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize_moments(args, stream); });
#if !defined(USE_CUDA)
    if (pieces == 1) return;
    for_ranges(moments.rows, grain_for(pieces), [&](auto isa, int64_t begin, int64_t end) {
      cpu::reparameterize_moments_sums<isa()>(args, begin, end);
    });
#endif
  });
  return {z, kl};
}

// The gradients of `mean` and `spread` as the forward took them; where they are packed, that of the spread is empty.
std::tuple<Tensor, Tensor> reparameterize_moments_backward(const Tensor& grad_z, const Tensor& grad_kl,
                                                           const Tensor& mean, MaybeTensor spread, const Tensor& seed,
                                                           int64_t axis, int64_t channels, int64_t row_axes,
                                                           double scale, double low, double high) {
  const Moments moments(mean, spread, axis, channels, row_axes);
  check_seed(seed, moments.mean.sizes);
  STD_TORCH_CHECK(sizes_of(grad_z, 0, grad_z.dim()) == moments.mean.sizes, "expected grad_z of z's shape");
  STD_TORCH_CHECK(grad_z.scalar_type() == mean.scalar_type() || grad_z.scalar_type() == computed_in(mean),
                  "expected grad_z of z's dtype");
  STD_TORCH_CHECK(grad_kl.numel() == moments.rows && grad_kl.scalar_type() == computed_in(mean),
                  "expected one element of grad_kl for each row");
  check_device(mean, grad_z), check_device(mean, grad_kl);
  const Tensor grad_spread = moments.packed ? empty_of(mean, {0}) : dense_empty(mean);
  if (moments.is_empty()) return {torch::stable::new_zeros(mean, sizes_of(mean, 0, mean.dim())), grad_spread};
  const Tensor grad_mean = dense_empty(mean);
  const Tensor grad_z_ = within_axes(grad_z), grad_kl_ = dense(grad_kl), seed_ = dense(seed);
  const Layout of_mean = Layout(grad_mean);
  const Layout mean_part = moments.packed ? of_mean.narrowed(axis, 0, channels) : of_mean;
  const Layout spread_part = moments.packed ? of_mean.narrowed(axis, channels, moments.spreads) : of_mean;
  const bool share = moments.share_spreads();
  const int64_t inner = share ? moments.product(axis + 1, mean.dim()) : moments.rows * moments.latents;
  const int64_t repeats = share ? channels : 1;
  dispatch(mean, [&]<typename T>() {
    const ReparameterizeMomentsBackward<T> args{moments.rows,
                                                moments.latents,
                                                seed.numel(),
                                                repeats,
                                                inner,
                                                strided_in(grad_z_, Layout(grad_z_)),
                                                in<T>(grad_kl_),
                                                strided_in(moments.first, moments.mean),
                                                strided_in(moments.second, moments.spread),
                                                logvar_of<T>(scale, low, high),
                                                in<int64_t>(seed_),
                                                strided_out(grad_mean, mean_part),
                                                strided_out(moments.packed ? grad_mean : grad_spread, spread_part)};
    launch(
        mean, args.pieces(), grain_for(repeats * smaller(inner, kSpreadPiece)),
        [&](auto isa, int64_t begin, int64_t end) { cpu::reparameterize_moments_backward<isa()>(args, begin, end); },
        [&](auto stream) { return cuda::reparameterize_moments_backward(args, stream); });
  });
  return {grad_mean, grad_spread};
}

}  // namespace
}  // namespace pyvae::ops

#if !defined(USE_CUDA)
STABLE_TORCH_LIBRARY_FRAGMENT(pyvae, m) {
  m.def(
      "reparameterize_moments(Tensor mean, Tensor? spread, Tensor seed, int axis, int channels, int row_axes, "
      "float scale, float low, float high, bool rounded) -> (Tensor, Tensor)");
  m.def(
      "reparameterize_moments_backward(Tensor grad_z, Tensor grad_kl, Tensor mean, Tensor? spread, Tensor seed, "
      "int axis, int channels, int row_axes, float scale, float low, float high) -> (Tensor, Tensor)");
}
#endif

STABLE_TORCH_LIBRARY_IMPL(pyvae, PYVAE_DEVICE, m) {
  m.impl("reparameterize_moments", TORCH_BOX(&pyvae::ops::reparameterize_moments));
  m.impl("reparameterize_moments_backward", TORCH_BOX(&pyvae::ops::reparameterize_moments_backward));
}
