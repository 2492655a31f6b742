// The engine's Python in the host's process. Py_Finalize is never called: torch's threads outlive any effect.
#include "bridge.h"

#include <Python.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

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

// Calls the engine, which answers with an outcome and a text.
template <typename Call>
LumaFluxOutcome answered(const Call& call, char* said, size_t capacity) {
  const py::gil_scoped_acquire gil;
  try {
    const auto [outcome, text] =
        call(py::module_::import("lumaflux.service.embedded")).template cast<std::pair<int, std::string>>();
    say(said, capacity, text);
    return static_cast<LumaFluxOutcome>(outcome);
  } catch (const std::exception& failure) {
    say(said, capacity, failure.what());
  }
  return LUMAFLUX_FAILED;
}

LumaFluxOutcome render(const LumaFluxFrame* frame, const LumaFluxAbort* abort, char* said, size_t capacity) {
  const auto size = static_cast<py::ssize_t>(frame->bytes);
  const LumaFluxAbort wish = *abort;
  const auto call = [&](const py::module_& engine) -> py::object {
    return engine.attr("render")(py::memoryview::from_memory(frame->source, size),
                                 py::memoryview::from_memory(frame->result, size),
                                 py::make_tuple(frame->height, frame->width, frame->components), frame->depth,
                                 py::bytes(frame->parameters, frame->parameters_size),
                                 py::cpp_function([wish] { return wish.poll(wish.context) != 0; }),
                                 frame->premultiplied != 0, frame->draft != 0);
  };
  return answered(call, said, capacity);
}

LumaFluxOutcome load(const char* model, char* said, size_t capacity) {
  return answered([&](const py::module_& engine) -> py::object { return engine.attr("load")(model); }, said, capacity);
}

LumaFluxOutcome look(const LumaFluxFrame* frame, int64_t number, int64_t time, char* said, size_t capacity) {
  const auto call = [&](const py::module_& engine) -> py::object {
    return engine.attr("look")(py::memoryview::from_memory(frame->source, static_cast<py::ssize_t>(frame->bytes)),
                               py::make_tuple(frame->height, frame->width, frame->components), frame->depth,
                               py::bytes(frame->parameters, frame->parameters_size), frame->premultiplied != 0, number,
                               time);
  };
  return answered(call, said, capacity);
}

LumaFluxOutcome analyze(const char* parameters, size_t size, const LumaFluxProgress* progress, char* said,
                        size_t capacity) {
  const LumaFluxProgress told = *progress;
  const auto call = [&](const py::module_& engine) -> py::object {
    return engine.attr("analyze")(py::bytes(parameters, size), py::cpp_function([told](double share) {
                                    return told.tell(told.context, share) != 0;
                                  }));
  };
  return answered(call, said, capacity);
}

constexpr LumaFluxBridge bridge{lumaflux_bridge_version, start, render, load, look, analyze};

}  // namespace

extern "C" __attribute__((visibility("default"))) const LumaFluxBridge* lumaflux_bridge() { return &bridge; }
