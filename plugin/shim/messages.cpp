#include "messages.h"

#include "host.h"

namespace lumaflux {
namespace {

constexpr char message_id[] = "LumaFluxMessage";

}  // namespace

bool show_message(OfxImageEffectHandle effect, const std::string& text, bool first_time) {
  const Host& the_host = host();
  if (the_host.message2 != nullptr && the_host.message2->setPersistentMessage != nullptr) {
    the_host.message2->setPersistentMessage(effect, kOfxMessageError, message_id, "%s", text.c_str());
    return true;
  }
  decltype(OfxMessageSuiteV2::message) passing = nullptr;
  if (the_host.message2 != nullptr) passing = the_host.message2->message;
  if (passing == nullptr && the_host.message1 != nullptr) passing = the_host.message1->message;
  if (passing == nullptr) return false;
  // A dialog for every frame of a sequence would hold the user hostage.
  if (first_time) passing(effect, kOfxMessageError, message_id, "%s", text.c_str());
  return true;
}

bool show_note(OfxImageEffectHandle effect, const std::string& text) {
  const auto* suite = host().message2;
  if (suite == nullptr || suite->setPersistentMessage == nullptr || suite->clearPersistentMessage == nullptr) {
    return false;
  }
  suite->setPersistentMessage(effect, kOfxMessageMessage, message_id, "%s", text.c_str());
  return true;
}

void clear_message(OfxImageEffectHandle effect) {
  const Host& the_host = host();
  if (the_host.message2 != nullptr && the_host.message2->clearPersistentMessage != nullptr) {
    the_host.message2->clearPersistentMessage(effect);
  }
}

}  // namespace lumaflux
