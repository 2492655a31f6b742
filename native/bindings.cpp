// Python's view of the native paths: NumPy arrays in, NumPy arrays out, the GIL released while they run.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

#include "cpu/yuv420p10.h"

namespace py = pybind11;
using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Codes = py::array_t<std::uint16_t>;

namespace {

py::tuple yuv420p10(const Floats& rgb) {
  if (rgb.ndim() != 3 || rgb.shape(0) != 3 || rgb.size() == 0) {
    throw py::value_error("expected R'G'B' of the shape [3,H,W]");
  }
  const py::ssize_t height = rgb.shape(1), width = rgb.shape(2);
  Codes y({height, width}), cb({(height + 1) / 2, (width + 1) / 2}), cr({(height + 1) / 2, (width + 1) / 2});
  const float* in = rgb.data();
  auto *y_out = y.mutable_data(), *cb_out = cb.mutable_data(), *cr_out = cr.mutable_data();
  {
    py::gil_scoped_release release;
    lumaflux::yuv420p10(in, static_cast<std::size_t>(height), static_cast<std::size_t>(width), y_out, cb_out, cr_out);
  }
  return py::make_tuple(y, cb, cr);
}

}  // namespace

PYBIND11_MODULE(lumaflux_native, module) {
  module.doc() = "Native paths of LumaFlux; each has a NumPy or torch twin of the same name.";
  module.def("yuv420p10", &yuv420p10, py::arg("hdr_pq"),
             "PQ/BT.2020 R'G'B' float32 [3,H,W] in [0,1] -> 10-bit narrow-range codes (Y', Cb, Cr), 4:2:0 top-left.");
}
