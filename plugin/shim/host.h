// What the host offers: its record and the suites that the effect uses, checked before they are called.
#pragma once

#include <string>

#include "../openfx/openfx.h"

namespace lumaflux {

struct Host {
  OfxHost* record = nullptr;
  const OfxPropertySuiteV1* property = nullptr;
  const OfxImageEffectSuiteV1* effect = nullptr;
  const OfxParameterSuiteV1* parameter = nullptr;
  const OfxMessageSuiteV1* message1 = nullptr;  // may be NULL, and so may its members
  const OfxMessageSuiteV2* message2 = nullptr;
  const OfxProgressSuiteV1* progress = nullptr;

  bool complete() const { return property != nullptr && effect != nullptr && parameter != nullptr; }

  // Fetches the suites; false when one that the effect cannot do without, or a member of it, is missing.
  bool fetch_suites();
};

// The one host of this process: OpenFX hands it over once, before any action.
Host& host();

}  // namespace lumaflux
