// OpenFX 1.5, part 6: the progress suite.
#pragma once

#include "core.h"

inline constexpr char kOfxProgressSuite[] = "OfxProgressSuite";

extern "C" {
// progressUpdate answers kOfxStatReplyNo when the user wants to stop.
struct OfxProgressSuiteV1 {
  OfxStatus (*progressStart)(void* effectInstance, const char* label);
  OfxStatus (*progressUpdate)(void* effectInstance, double progress);
  OfxStatus (*progressEnd)(void* effectInstance);
};
}

static_assert(sizeof(OfxProgressSuiteV1) == 3 * sizeof(void*));
