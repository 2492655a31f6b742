// The image effect suite of the test host.
#include <cstdlib>

#include "effect.h"
#include "faults.h"

struct OfxImageMemoryStruct {
  void* bytes;
};

namespace {

OfxStatus get_property_set(OfxImageEffectHandle effect, OfxPropertySetHandle* out) {
  if (effect == nullptr) return kOfxStatErrBadHandle;
  *out = &effect->properties;
  return kOfxStatOK;
}

OfxStatus get_param_set(OfxImageEffectHandle effect, OfxParamSetHandle* out) {
  if (effect == nullptr) return kOfxStatErrBadHandle;
  *out = &effect->parameters;
  return kOfxStatOK;
}

OfxStatus clip_define(OfxImageEffectHandle effect, const char* name, OfxPropertySetHandle* out) {
  if (effect == nullptr || name == nullptr) return kOfxStatErrBadHandle;
  if (effect->instance || effect->clip(name) != nullptr) {
    violation(std::string("clip ") + name + " is defined twice or too late");
    return kOfxStatErrUnsupported;
  }
  OfxImageClipStruct* clip = effect->define_clip(name);
  if (out != nullptr) *out = &clip->properties;
  return kOfxStatOK;
}

OfxStatus clip_get_handle(OfxImageEffectHandle effect, const char* name, OfxImageClipHandle* clip,
                          OfxPropertySetHandle* out) {
  if (effect == nullptr || name == nullptr || clip == nullptr) return kOfxStatErrBadHandle;
  if (!effect->instance) {
    violation("a clip is asked for before there is an instance");
    return kOfxStatErrBadHandle;
  }
  *clip = effect->clip(name);
  if (*clip == nullptr) return kOfxStatErrUnknown;
  if (out != nullptr) *out = &(*clip)->properties;
  return kOfxStatOK;
}

OfxStatus clip_properties(OfxImageClipHandle clip, OfxPropertySetHandle* out) {
  if (clip == nullptr) return kOfxStatErrBadHandle;
  *out = &clip->properties;
  return kOfxStatOK;
}

OfxStatus get_image(OfxImageClipHandle clip, OfxTime time, const OfxRectD*, OfxPropertySetHandle* image) {
  if (clip == nullptr || image == nullptr) return kOfxStatErrBadHandle;
  const RenderCall* call = current_call();
  if (call == nullptr) violation("an image is fetched outside of render");
  if (clip->name == kOfxImageEffectSimpleSourceClipName) {
    if (faults().source == "failed") return kOfxStatFailed;
    if (faults().source == "null_handle") {
      *image = nullptr;
      return kOfxStatOK;
    }
  }
  auto picture = clip->at(time);
  if (!picture) return kOfxStatFailed;
  *image = hand_out(std::move(picture), call == nullptr ? 1.0 : call->scale);
  return kOfxStatOK;
}

OfxStatus region_of_definition(OfxImageClipHandle clip, OfxTime time, OfxRectD* out) {
  if (clip == nullptr || out == nullptr) return kOfxStatErrBadHandle;
  const auto picture = clip->at(time);
  if (!picture) return kOfxStatFailed;
  const OfxRectI& b = picture->bounds;
  *out = {double(b.x1), double(b.y1), double(b.x2), double(b.y2)};
  return kOfxStatOK;
}

int wants_abort(OfxImageEffectHandle) {
  RenderCall* call = current_call();
  return call != nullptr && call->poll() ? 1 : 0;
}

OfxStatus memory_alloc(OfxImageEffectHandle, size_t bytes, OfxImageMemoryHandle* out) {
  *out = new OfxImageMemoryStruct{std::malloc(bytes)};
  return (*out)->bytes != nullptr ? kOfxStatOK : kOfxStatErrMemory;
}

OfxStatus memory_free(OfxImageMemoryHandle memory) {
  if (memory == nullptr) return kOfxStatErrBadHandle;
  std::free(memory->bytes);
  delete memory;
  return kOfxStatOK;
}

OfxStatus memory_lock(OfxImageMemoryHandle memory, void** out) {
  if (memory == nullptr) return kOfxStatErrBadHandle;
  *out = memory->bytes;
  return kOfxStatOK;
}

OfxStatus memory_unlock(OfxImageMemoryHandle memory) { return memory != nullptr ? kOfxStatOK : kOfxStatErrBadHandle; }

}  // namespace

const OfxImageEffectSuiteV1 image_effect_suite = {
    get_property_set,     get_param_set, clip_define,  clip_get_handle, clip_properties, get_image,     take_back,
    region_of_definition, wants_abort,   memory_alloc, memory_free,     memory_lock,     memory_unlock,
};
