// Load and unload: the suites of the host, and the way to the engine.
#include "actions.h"
#include "host.h"
#include "link/engine_link.h"

namespace lumaflux {

OfxStatus load() { return host().fetch_suites() ? kOfxStatOK : kOfxStatErrMissingHostFeature; }

OfxStatus unload() {
  close_engine_link();
  return kOfxStatOK;
}

}  // namespace lumaflux
