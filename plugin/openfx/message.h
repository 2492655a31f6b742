// OpenFX 1.5, part 5: both versions of the message suite.
#pragma once

#include "core.h"

inline constexpr char kOfxMessageSuite[] = "OfxMessageSuite";
inline constexpr char kOfxMessageError[] = "OfxMessageError";
inline constexpr char kOfxMessageMessage[] = "OfxMessageMessage";

extern "C" {
struct OfxMessageSuiteV1 {
  OfxStatus (*message)(void* handle, const char* messageType, const char* messageId, const char* format, ...);
};

struct OfxMessageSuiteV2 {
  OfxStatus (*message)(void* handle, const char* messageType, const char* messageId, const char* format, ...);
  OfxStatus (*setPersistentMessage)(void* handle, const char* messageType, const char* messageId, const char* format,
                                    ...);
  OfxStatus (*clearPersistentMessage)(void* handle);
};
}

static_assert(sizeof(OfxMessageSuiteV1) == sizeof(void*) && sizeof(OfxMessageSuiteV2) == 3 * sizeof(void*));
static_assert(offsetof(OfxMessageSuiteV2, clearPersistentMessage) == 2 * sizeof(void*));
