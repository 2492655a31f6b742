#include "messages.h"

#include <cstdarg>
#include <cstdio>
#include <mutex>

#include "faults.h"

namespace {

struct Said {
  std::mutex mutex;
  std::vector<Message> messages;
};

Said& said() {
  static auto* the_said = new Said;
  return *the_said;
}

void remember(const char* call, const void* handle, const char* type, const char* id, const char* format,
              va_list rest) {
  char text[4096] = "";
  if (format != nullptr) std::vsnprintf(text, sizeof text, format, rest);
  if (type == nullptr || format == nullptr) violation("a message has a NULL string");
  const std::lock_guard lock(said().mutex);
  said().messages.push_back({call, type == nullptr ? "" : type, id == nullptr ? "" : id, text, handle});
}

OfxStatus message(void* handle, const char* type, const char* id, const char* format, ...) {
  va_list rest;
  va_start(rest, format);
  remember("message", handle, type, id, format, rest);
  va_end(rest);
  return kOfxStatOK;
}

OfxStatus set_persistent(void* handle, const char* type, const char* id, const char* format, ...) {
  va_list rest;
  va_start(rest, format);
  remember("persistent", handle, type, id, format, rest);
  va_end(rest);
  return kOfxStatOK;
}

OfxStatus clear_persistent(void* handle) {
  const std::lock_guard lock(said().mutex);
  said().messages.push_back({"clear", "", "", "", handle});
  return kOfxStatOK;
}

}  // namespace

std::vector<Message> messages() {
  const std::lock_guard lock(said().mutex);
  return said().messages;
}

const OfxMessageSuiteV1 message_suite_v1 = {message};
const OfxMessageSuiteV2 message_suite_v2 = {message, set_persistent, clear_persistent};
