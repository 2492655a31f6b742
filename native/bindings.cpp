// Python's view of the native paths: NumPy arrays in, NumPy arrays out, the GIL released while they run.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "cpu/adapters.h"
#include "cpu/compose.h"
#include "cpu/deband.h"
#include "cpu/light_levels.h"
#include "cpu/pq_codes.h"
#include "cpu/reduced_codes.h"
#include "cpu/strokes.h"
#include "cpu/yuv420_rgb.h"
#include "cpu/yuv420p10.h"

namespace py = pybind11;
using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Result = py::array_t<float, py::array::c_style>;  // the caller's own memory
using Codes = py::array_t<std::uint16_t>;
using Nodes = py::array_t<std::int32_t, py::array::c_style>;

namespace {

py::tuple yuv420p10(const Floats& rgb, unsigned threads) {
  if (rgb.ndim() != 3 || rgb.shape(0) != 3 || rgb.size() == 0) {
    throw py::value_error("expected R'G'B' of the shape [3,H,W]");
  }
  const py::ssize_t height = rgb.shape(1), width = rgb.shape(2);
  Codes y({height, width}), cb({(height + 1) / 2, (width + 1) / 2}), cr({(height + 1) / 2, (width + 1) / 2});
  const float* in = rgb.data();
  auto *y_out = y.mutable_data(), *cb_out = cb.mutable_data(), *cr_out = cr.mutable_data();
  {
    py::gil_scoped_release release;
    lumaflux::yuv420p10(in, static_cast<std::size_t>(height), static_cast<std::size_t>(width), y_out, cb_out, cr_out,
                        threads);
  }
  return py::make_tuple(y, cb, cr);
}

void check_planes(const Floats& planes, const char* name) {
  if (planes.ndim() != 3 || planes.shape(0) != 3 || planes.size() == 0) {
    throw py::value_error(std::string("expected ") + name + " of the shape [3,H,W]");
  }
}

void check_same(const Floats& a, const Floats& b, const char* names) {
  if (a.shape(1) != b.shape(1) || a.shape(2) != b.shape(2))
    throw py::value_error(std::string(names) + " must have one shape");
}

std::size_t side(const py::array& planes, int axis) { return static_cast<std::size_t>(planes.shape(axis)); }

Floats deband(const Floats& sdr, unsigned threads) {
  check_planes(sdr, "sdr");
  Floats out({sdr.shape(0), sdr.shape(1), sdr.shape(2)});
  const float* in = sdr.data();
  float* to = out.mutable_data();
  const py::gil_scoped_release release;
  lumaflux::deband(in, side(sdr, 2), side(sdr, 1), to, threads);
  return out;
}

Floats compose(const Floats& smooth, const Floats& sdr, const Floats& curve, float by_channel, const Floats& matrix,
               float peak_pq, const Floats& slope, const Floats& level, const Floats& structure, float recovery,
               unsigned threads, bool into_smooth) {
  for (const auto& [planes, name] :
       {std::pair{&smooth, "smooth"}, {&sdr, "sdr"}, {&slope, "slope"}, {&level, "level"}, {&structure, "structure"}}) {
    check_planes(*planes, name);
  }
  check_same(smooth, sdr, "smooth and sdr");
  check_same(slope, level, "slope and level");
  check_same(slope, structure, "slope and structure");
  if (curve.ndim() != 1 || curve.size() < 2) throw py::value_error("a curve needs at least two entries");
  if (matrix.size() != 9) throw py::value_error("a colour matrix has nine entries");
  lumaflux::PlacementTables placement{
      curve.data(), static_cast<std::size_t>(curve.size()) - 1, by_channel, {}, peak_pq};
  std::copy_n(matrix.data(), 9, placement.matrix);
  const lumaflux::ReducedPlanes reduced{slope.data(), level.data(), structure.data(), side(slope, 2), side(slope, 1)};
  if (into_smooth && (smooth.data() == sdr.data() || !smooth.writeable())) {
    throw py::value_error("smooth must be memory of its own, that can be written");
  }
  Floats out = into_smooth ? smooth : Floats({sdr.shape(0), sdr.shape(1), sdr.shape(2)});
  const float *smooth_in = smooth.data(), *sdr_in = sdr.data();
  float* to = out.mutable_data();
  const py::gil_scoped_release release;
  lumaflux::compose(smooth_in, sdr_in, side(sdr, 2), side(sdr, 1), placement, reduced, recovery, to, threads);
  return out;
}

py::object light_of_frame(const Floats& hdr_pq, std::size_t bins, unsigned threads) {
  check_planes(hdr_pq, "R'G'B'");
  if (bins < 2) throw py::value_error("a histogram needs at least two bins");
  const float* in = hdr_pq.data();
  lumaflux::LightOfFrame light;
  {
    const py::gil_scoped_release release;
    light = lumaflux::light_of_frame(in, side(hdr_pq, 1), side(hdr_pq, 2), bins, threads);
  }
  if (!light.finite) return py::none();
  const py::array_t<std::int64_t> histogram(static_cast<py::ssize_t>(light.histogram.size()), light.histogram.data());
  return py::make_tuple(histogram, light.largest, light.mean_nits);
}

lumaflux::TokenPlanes tokens_of(const Floats& tokens, py::ssize_t heads) {
  if (tokens.ndim() != 2 || tokens.size() == 0 || heads < 1 || tokens.shape(1) % heads != 0) {
    throw py::value_error("expected tokens [T,d], and a number of heads that divides d");
  }
  return {side(tokens, 0), side(tokens, 1), static_cast<std::size_t>(heads)};
}

float* memory_of(Result& y, const lumaflux::TokenPlanes& planes) {
  if (y.ndim() != 2 || side(y, 0) != planes.tokens || side(y, 1) != planes.channels) {
    throw py::value_error("expected y of the shape of the tokens, [T,d]");
  }
  return y.mutable_data();
}

void gated_low_rank(const Floats& x, const Floats& value, const Floats& down, const Floats& up, float alpha, float beta,
                    const Floats& gate, const Floats& spectrum, Result& y, unsigned threads) {
  const lumaflux::TokenPlanes planes = tokens_of(x, spectrum.size());
  const std::size_t rank = down.size() / planes.channels, factors = rank * planes.channels;
  if (value.ndim() != 2 || side(value, 0) != planes.tokens || side(value, 1) != planes.channels || rank == 0 ||
      static_cast<std::size_t>(down.size()) != factors || static_cast<std::size_t>(up.size()) != factors ||
      static_cast<std::size_t>(gate.size()) != planes.tokens * planes.heads) {
    throw py::value_error("expected x and value [T,d], down [r,d], up [d,r], gate [T,heads] and spectrum [heads]");
  }
  float* to = memory_of(y, planes);
  const float *x_in = x.data(), *value_in = value.data(), *down_in = down.data(), *up_in = up.data();
  const float *gate_in = gate.data(), *spectrum_in = spectrum.data();
  const py::gil_scoped_release release;
  lumaflux::gated_low_rank(x_in, value_in, down_in, up_in, rank, alpha, beta, gate_in, spectrum_in, planes, to,
                           threads);
}

void film_layer_norm(const Floats& hidden, const Floats& gamma, const Floats& zeta, Result& y, unsigned threads) {
  const lumaflux::TokenPlanes planes = tokens_of(hidden, 1);
  if (static_cast<std::size_t>(gamma.size()) != planes.channels || gamma.size() != zeta.size()) {
    throw py::value_error("expected hidden [T,d], gamma [d] and zeta [d]");
  }
  float* to = memory_of(y, planes);
  const float *in = hidden.data(), *gamma_in = gamma.data(), *zeta_in = zeta.data();
  const py::gil_scoped_release release;
  lumaflux::film_layer_norm(in, gamma_in, zeta_in, planes, to, threads);
}

// One plane of codes whose columns lie side by side; its rows may be padded.
template <class Code>
std::pair<const Code*, std::size_t> plane_of(const py::array& plane, py::ssize_t height, py::ssize_t width) {
  if (plane.ndim() != 2 || plane.shape(0) != height || plane.shape(1) != width || plane.strides(1) != sizeof(Code)) {
    throw py::value_error("expected planes of one type, Y' [H,W], Cb and Cr [ceil(H/2),ceil(W/2)]");
  }
  return {static_cast<const Code*>(plane.data()), static_cast<std::size_t>(plane.strides(0)) / sizeof(Code)};
}

template <class Code>
Floats decoded(const py::array& y, const py::array& cb, const py::array& cr, const lumaflux::YuvCoding& coding,
               unsigned threads) {
  if (y.ndim() != 2 || y.size() == 0) throw py::value_error("expected Y' of the shape [H,W]");
  const py::ssize_t height = y.shape(0), width = y.shape(1);
  const auto [luma, luma_row] = plane_of<Code>(y, height, width);
  const auto [blue, blue_row] = plane_of<Code>(cb, (height + 1) / 2, (width + 1) / 2);
  const auto [red, red_row] = plane_of<Code>(cr, (height + 1) / 2, (width + 1) / 2);
  const lumaflux::YuvPlanes<Code> planes{luma, blue, red, luma_row, blue_row, red_row};
  Floats out({py::ssize_t{3}, height, width});
  float* to = out.mutable_data();
  const py::gil_scoped_release release;
  lumaflux::rgb_from_yuv420(planes, static_cast<std::size_t>(height), static_cast<std::size_t>(width), coding, to,
                            threads);
  return out;
}

template <class Code>
lumaflux::YuvPlanes<Code> planes_of(const py::array& y, const py::array& cb, const py::array& cr) {
  const auto all = [&](const py::dtype& type) {
    return y.dtype().is(type) && cb.dtype().is(type) && cr.dtype().is(type);
  };
  if (!all(py::dtype::of<Code>())) throw py::value_error("expected planes of codes of one type");
  if (y.ndim() != 2 || y.size() == 0) throw py::value_error("expected Y' of the shape [H,W]");
  const py::ssize_t height = y.shape(0), width = y.shape(1);
  const auto [luma, luma_row] = plane_of<Code>(y, height, width);
  const auto [blue, blue_row] = plane_of<Code>(cb, (height + 1) / 2, (width + 1) / 2);
  const auto [red, red_row] = plane_of<Code>(cr, (height + 1) / 2, (width + 1) / 2);
  return {luma, blue, red, luma_row, blue_row, red_row};
}

lumaflux::YuvCoding coding_of(const std::array<float, 4>& scales, const std::array<float, 3>& luma, bool midway) {
  return {scales[0], scales[1], scales[2], scales[3], luma[0], luma[1], luma[2], midway};
}

double clipped_share(const py::array& y, const py::array& cb, const py::array& cr, const std::array<float, 4>& scales,
                     const std::array<float, 3>& luma, bool midway, float clipped, unsigned threads) {
  const auto planes = planes_of<std::uint8_t>(y, cb, cr);
  const std::size_t height = side(y, 0), width = side(y, 1);
  const py::gil_scoped_release release;
  return lumaflux::clipped_share(planes, height, width, coding_of(scales, luma, midway), clipped, threads);
}

using Bytes = py::array_t<std::uint8_t, py::array::c_style>;

py::tuple sampled_codes(const py::array& y, const py::array& cb, const py::array& cr,
                        const std::array<float, 4>& scales, const std::array<float, 3>& luma, bool midway,
                        const std::array<float, 3>& weights, std::size_t down, std::size_t across, unsigned threads) {
  const auto planes = planes_of<std::uint8_t>(y, cb, cr);
  if (down < 1 || across < 1) throw py::value_error("expected every row or column, or every second, and so on");
  const std::size_t height = side(y, 0), width = side(y, 1);
  const std::array<py::ssize_t, 2> shape{static_cast<py::ssize_t>((height + down - 1) / down),
                                         static_cast<py::ssize_t>((width + across - 1) / across)};
  Bytes codes(shape), darkest(shape);
  std::uint8_t *to = codes.mutable_data(), *dark = darkest.mutable_data();
  {
    const py::gil_scoped_release release;
    lumaflux::sampled_codes(planes, height, width, coding_of(scales, luma, midway), weights, down, across, to, dark,
                            threads);
  }
  return py::make_tuple(codes, darkest);
}

Result reduced_ycbcr(const py::array& y, const py::array& cb, const py::array& cr, const std::array<float, 4>& scales,
                     const std::array<float, 3>& luma, bool midway, std::size_t rows, std::size_t columns) {
  const auto planes = planes_of<std::uint8_t>(y, cb, cr);
  if (rows < 1 || columns < 1) throw py::value_error("expected a size of one row and column at least");
  Result out(std::array<py::ssize_t, 3>{3, static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
  float* to = out.mutable_data();
  const std::size_t height = side(y, 0), width = side(y, 1);
  const py::gil_scoped_release release;
  lumaflux::reduced_ycbcr(planes, height, width, coding_of(scales, luma, midway), rows, columns, to);
  return out;
}

Result reduced_clipping(const py::array& y, const py::array& cb, const py::array& cr,
                        const std::array<float, 4>& scales, const std::array<float, 3>& luma, bool midway,
                        float clipped, std::size_t rows, std::size_t columns) {
  const auto planes = planes_of<std::uint8_t>(y, cb, cr);
  if (rows < 1 || columns < 1) throw py::value_error("expected a size of one row and column at least");
  Result out(std::array<py::ssize_t, 2>{static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
  float* to = out.mutable_data();
  const std::size_t height = side(y, 0), width = side(y, 1);
  const py::gil_scoped_release release;
  lumaflux::reduced_clipping(planes, height, width, coding_of(scales, luma, midway), clipped, rows, columns, to);
  return out;
}

py::tuple stroke_runs(const Bytes& codes, const Bytes& darkest, unsigned least, unsigned ground, unsigned contrast,
                      std::size_t reach) {
  if (codes.ndim() != 2 || codes.size() == 0 || darkest.ndim() != 2 || darkest.shape(0) != codes.shape(0) ||
      darkest.shape(1) != codes.shape(1)) {
    throw py::value_error("expected codes and the darkest channels of one shape [h,w]");
  }
  if (least > 255 || ground > 255 || contrast > 255) throw py::value_error("expected codes of 8 bits");
  const lumaflux::StrokeRule rule{static_cast<std::uint8_t>(least), static_cast<std::uint8_t>(ground),
                                  static_cast<std::uint8_t>(contrast), reach};
  const std::uint8_t *in = codes.data(), *dark = darkest.data();
  lumaflux::StrokeRuns runs;
  {
    const py::gil_scoped_release release;
    runs = lumaflux::stroke_runs(in, dark, side(codes, 0), side(codes, 1), rule);
  }
  const auto whole = [](const std::vector<std::int64_t>& of) {
    return py::array_t<std::int64_t>(static_cast<py::ssize_t>(of.size()), of.data());
  };
  const auto real = [](const std::vector<double>& of) {
    return py::array_t<double>(static_cast<py::ssize_t>(of.size()), of.data());
  };
  return py::make_tuple(whole(runs.row), whole(runs.start), whole(runs.stop), real(runs.peak), real(runs.under),
                        real(runs.darkest), real(runs.ended));
}

constexpr py::ssize_t kNumbers = sizeof(lumaflux::Node) / sizeof(std::int32_t);

Nodes lattice(const Floats& rgb, const std::array<std::size_t, 2>& blue, const std::array<std::size_t, 2>& red,
              std::size_t nodes) {
  if (rgb.ndim() != 3 || rgb.shape(0) != 3 || side(rgb, 1) != blue[1] * red[1] || rgb.size() == 0 ||
      blue[0] + blue[1] > nodes || red[0] + red[1] > nodes) {
    throw py::value_error("expected R'G'B' [3,Cb*Cr,Y'] of the first and number of nodes along Cb and Cr");
  }
  const auto chroma = static_cast<py::ssize_t>(nodes);
  Nodes out({chroma, chroma, rgb.shape(2), kNumbers});
  std::int32_t* to = out.mutable_data();
  const float* in = rgb.data();
  const auto size = static_cast<std::size_t>(out.size());
  const py::gil_scoped_release release;
  std::fill_n(to, size, 0);
  lumaflux::fill_lattice(in, {blue[0], blue[1]}, {red[0], red[1]}, nodes, side(rgb, 2),
                         reinterpret_cast<lumaflux::Node*>(to));
  return out;
}

py::tuple pq_codes(const py::array& y, const py::array& cb, const py::array& cr, const std::array<float, 4>& scales,
                   const std::array<float, 3>& luma, bool midway, const Nodes& lattice, float luma_end,
                   const Floats& stops, const py::array_t<std::int64_t, py::array::c_style>& places,
                   const Floats& shares, const Floats& bounds, unsigned threads) {
  const auto planes = planes_of<std::uint8_t>(y, cb, cr);
  const py::ssize_t height = y.shape(0), width = y.shape(1);
  if (lattice.ndim() != 4 || lattice.shape(0) < 2 || lattice.shape(1) < 2 || lattice.shape(2) < 2 ||
      lattice.shape(3) != kNumbers) {
    throw py::value_error("expected a lattice of the shape [Cb,Cr,Y',4], two nodes a side at least");
  }
  if (stops.ndim() != 2)
    throw py::value_error("expected stops of the shape [h,w], without entries where there are none");
  if (places.ndim() != 1 || shares.ndim() != 1 || bounds.ndim() != 2 || shares.shape(0) != places.shape(0) ||
      bounds.shape(0) != places.shape(0) || bounds.shape(1) != 3) {
    throw py::value_error("expected places [N] that are held, their shares [N] and bounds [N,3]");
  }
  const lumaflux::HeldPixels held{places.data(), shares.data(), bounds.data(), side(places, 0)};
  const lumaflux::Lattice nodes{reinterpret_cast<const lumaflux::Node*>(lattice.data()), side(lattice, 0),
                                side(lattice, 1), side(lattice, 2), luma_end};
  const lumaflux::HighlightGrid grid{stops.size() == 0 ? nullptr : stops.data(), side(stops, 0), side(stops, 1)};
  Codes y_out({height, width}), cb_out({(height + 1) / 2, (width + 1) / 2}),
      cr_out({(height + 1) / 2, (width + 1) / 2});
  auto *to_y = y_out.mutable_data(), *to_cb = cb_out.mutable_data(), *to_cr = cr_out.mutable_data();
  {
    const py::gil_scoped_release release;
    lumaflux::pq_codes(planes, static_cast<std::size_t>(height), static_cast<std::size_t>(width),
                       coding_of(scales, luma, midway), nodes, grid, held, to_y, to_cb, to_cr, threads);
  }
  return py::make_tuple(y_out, cb_out, cr_out);
}

py::tuple light_of_codes(const py::array& y, const py::array& cb, const py::array& cr,
                         const std::array<float, 4>& scales, const std::array<float, 3>& luma, bool midway,
                         std::size_t bins, unsigned threads) {
  const auto planes = planes_of<std::uint16_t>(y, cb, cr);
  if (bins < 2) throw py::value_error("a histogram needs at least two bins");
  const std::size_t height = side(y, 0), width = side(y, 1);
  lumaflux::LightOfFrame light;
  {
    const py::gil_scoped_release release;
    light = lumaflux::light_of_codes(planes, height, width, coding_of(scales, luma, midway), bins, threads);
  }
  const py::array_t<std::int64_t> histogram(static_cast<py::ssize_t>(light.histogram.size()), light.histogram.data());
  return py::make_tuple(histogram, light.largest, light.mean_nits);
}

Floats rgb_from_yuv420(const py::array& y, const py::array& cb, const py::array& cr, const std::array<float, 4>& scales,
                       const std::array<float, 3>& luma, bool midway, unsigned threads) {
  const lumaflux::YuvCoding coding{scales[0], scales[1], scales[2], scales[3], luma[0], luma[1], luma[2], midway};
  const auto all = [&](const py::dtype& type) {
    return y.dtype().is(type) && cb.dtype().is(type) && cr.dtype().is(type);
  };
  if (all(py::dtype::of<std::uint8_t>())) return decoded<std::uint8_t>(y, cb, cr, coding, threads);
  if (all(py::dtype::of<std::uint16_t>())) return decoded<std::uint16_t>(y, cb, cr, coding, threads);
  throw py::value_error("expected codes of uint8 or uint16, all planes alike");
}

}  // namespace

PYBIND11_MODULE(lumaflux_native, module) {
  module.doc() = "Native paths of LumaFlux; each has a NumPy or torch reference of the same name.";
  module.def("yuv420p10", &yuv420p10, py::arg("hdr_pq"), py::arg("threads") = 1,
             "PQ/BT.2020 R'G'B' float32 [3,H,W] in [0,1] -> 10-bit narrow-range codes (Y', Cb, Cr), 4:2:0 top-left.");
  module.def("rgb_from_yuv420", &rgb_from_yuv420, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("threads"),
             "4:2:0 codes, uint8 or uint16 -> non-linear R'G'B' float32 [3,H,W] in [0,1].");
  module.def("sampled_codes", &sampled_codes, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("weights"), py::arg("down"), py::arg("across"),
             py::arg("threads"),
             "8-bit 4:2:0 codes -> 8-bit luma and darkest channel [h,w] of every down-th row and across-th column.");
  module.def("reduced_ycbcr", &reduced_ycbcr, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("rows"), py::arg("columns"),
             "8-bit 4:2:0 codes -> Y'CbCr float32 [3,rows,columns], averaged.");
  module.def("reduced_clipping", &reduced_clipping, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("clipped"), py::arg("rows"), py::arg("columns"),
             "8-bit 4:2:0 codes -> the share [rows,columns] whose largest channel is at least `clipped`.");
  module.def("stroke_runs", &stroke_runs, py::arg("codes"), py::arg("darkest"), py::arg("least"), py::arg("ground"),
             py::arg("contrast"), py::arg("reach"),
             "Codes [h,w] -> (row, start, stop, peak, under, darkest, ended) of runs that may be strokes of letters.");
  module.def("clipped_share", &clipped_share, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("clipped"), py::arg("threads"),
             "The share of pixels whose largest channel is at least `clipped`.");
  module.def(
      "lattice", &lattice, py::arg("hdr_pq"), py::arg("blue"), py::arg("red"), py::arg("nodes"),
      "PQ/BT.2020 R'G'B' of nodes [3,Cb*Cr,Y'], the first and the number of those along Cb and Cr -> the lattice "
      "of pq_codes, int32 [nodes,nodes,Y',4], 0 at the others.");
  module.def(
      "pq_codes", &pq_codes, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"), py::arg("luma"),
      py::arg("midway"), py::arg("lattice"), py::arg("luma_end"), py::arg("stops"), py::arg("places"),
      py::arg("shares"), py::arg("bounds"), py::arg("threads"),
      "8-bit 4:2:0 codes through a lattice, clipped ones with stops, some held at bounds -> 10-bit PQ/BT.2020 codes "
      "(Y', Cb, Cr), 4:2:0.");
  module.def("light_of_codes", &light_of_codes, py::arg("y"), py::arg("cb"), py::arg("cr"), py::arg("scales"),
             py::arg("luma"), py::arg("midway"), py::arg("bins"), py::arg("threads"),
             "light_of_frame of what a display makes of 10-bit 4:2:0 codes.");
  module.def(
      "light_of_frame", &light_of_frame, py::arg("hdr_pq"), py::arg("bins"), py::arg("threads"),
      "PQ R'G'B' float32 [3,H,W] -> (histogram of max(R',G',B'), largest R' G' B', mean of max(R,G,B) in cd/m2), or "
      "None where it is not finite.");
  module.def("gated_low_rank", &gated_low_rank, py::arg("x"), py::arg("value"), py::arg("down"), py::arg("up"),
             py::arg("alpha"), py::arg("beta"), py::arg("gate"), py::arg("spectrum"), py::arg("y").noconvert(),
             py::arg("threads"),
             "One picture's tokens [T,d] and their values -> y = value + gate spectrum (alpha up (down x) + beta x).");
  module.def("film_layer_norm", &film_layer_norm, py::arg("hidden"), py::arg("gamma"), py::arg("zeta"),
             py::arg("y").noconvert(), py::arg("threads"), "Tokens [T,d] -> y = h + zeta + gamma LayerNorm(h).");
  module.def(
      "deband", &deband, py::arg("sdr"), py::arg("threads"),
      "SDR of 8 bits, float32 [3,H,W] in [0,1] -> a picture of the same codes, without their steps in smooth areas.");
  module.def("compose", &compose, py::arg("smooth"), py::arg("sdr"), py::arg("curve"), py::arg("by_channel"),
             py::arg("matrix"), py::arg("peak_pq"), py::arg("slope"), py::arg("level"), py::arg("structure"),
             py::arg("recovery"), py::arg("threads"), py::arg("into_smooth") = false,
             "SDR codes [3,H,W], the frame's placement and its reduced light -> PQ/BT.2020 [3,H,W]; into_smooth: in\n"
             "the memory of smooth.");
}
