// The bundle that this library was loaded from, and what its Resources folder says.
#pragma once

#include <stdexcept>
#include <string>

namespace lumaflux {

// A fault of the installation; the text is one sentence that says what to do.
struct BundleError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Which Python runs the engine, the version of the engine that this bundle was made for ("" accepts any), and whether
// an engine that is started stays between sessions. The rest is for an engine in the host's process: Python's version
// and shared library ("" if it has none), and its site-packages.
struct EngineLocation {
  std::string python;
  std::string version;
  std::string python_version;
  std::string library;
  std::string packages;
  bool resident = false;
};

// Absolute path of LumaFlux.ofx.bundle/Contents, and of the folder that holds this library.
std::string contents_directory();
std::string library_directory();

// The text of a file of Resources. Throws BundleError.
std::string read_resource(const std::string& name);

// Resources/engine.json, read anew at every call: `lumaflux plugin install` may have rewritten it.
EngineLocation engine_location();

}  // namespace lumaflux
