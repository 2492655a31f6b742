// The engine's Python in the host's process. Py_Finalize is never called: torch's threads outlive any effect.
#include "bridge.h"

#include <Python.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace py = pybind11;

namespace {

void say(char* error, size_t capacity, const std::string& text) {
  if (capacity == 0) return;
  const size_t length = std::min(text.size(), capacity - 1);
  std::memcpy(error, text.data(), length);
  error[length] = '\0';
}

// An interpreter that knows nothing of the host's environment and leaves its signals alone.
std::string initialise(const char* python) {
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.install_signal_handlers = 0;
  PyStatus status = PyConfig_SetBytesString(&config, &config.executable, python);
  if (!PyStatus_Exception(status)) status = PyConfig_SetBytesString(&config, &config.program_name, python);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) return status.err_msg != nullptr ? status.err_msg : "it cannot be initialised";
  PyEval_SaveThread();
  return {};
}

int start(const char* python, const char* packages, char* error, size_t capacity) {
  if (Py_IsInitialized() == 0) {
    const std::string reason = initialise(python);
    if (!reason.empty()) {
      say(error, capacity, reason);
      return 0;
    }
  }
  const py::gil_scoped_acquire gil;
  try {
    // In a Python of the host's the engine's packages are not on the path yet.
    py::module_::import("site").attr("addsitedir")(packages);
    py::module_::import("lumaflux.service.embedded").attr("check")(packages);
    return 1;
  } catch (const std::exception& failure) {
    say(error, capacity, failure.what());
  }
  return 0;
}

LumaFluxOutcome render(const LumaFluxFrame* frame, const LumaFluxAbort* abort, char* error, size_t capacity) {
  const py::gil_scoped_acquire gil;
  try {
    const py::module_ engine = py::module_::import("lumaflux.service.embedded");
    const auto size = static_cast<py::ssize_t>(frame->bytes);
    const LumaFluxAbort wish = *abort;
    const py::object outcome = engine.attr("render")(py::memoryview::from_memory(frame->source, size),
                                                     py::memoryview::from_memory(frame->result, size),
                                                     py::make_tuple(frame->height, frame->width, frame->components),
                                                     frame->depth, py::bytes(frame->parameters, frame->parameters_size),
                                                     py::cpp_function([wish] { return wish.poll(wish.context) != 0; }),
                                                     frame->premultiplied != 0, frame->draft != 0);
    if (outcome.is_none()) return LUMAFLUX_DONE;
    const auto text = outcome.cast<std::string>();
    if (text.empty()) return LUMAFLUX_ABORTED;
    say(error, capacity, text);
  } catch (const std::exception& failure) {
    say(error, capacity, failure.what());
  }
  return LUMAFLUX_FAILED;
}

constexpr LumaFluxBridge bridge{lumaflux_bridge_version, start, render};

}  // namespace

extern "C" __attribute__((visibility("default"))) const LumaFluxBridge* lumaflux_bridge() { return &bridge; }
