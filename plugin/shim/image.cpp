#include "image.h"

#include <cstdlib>

#include "host.h"
#include "properties.h"

namespace lumaflux {
namespace {

void set_depth(PixelView& view, const std::string& depth) {
  if (depth == kOfxBitDepthFloat) {
    view.depth = "float";
    view.component_bytes = 4;
  } else if (depth == kOfxBitDepthHalf) {
    view.depth = "half";
    view.component_bytes = 2;
  } else if (depth == kOfxBitDepthShort) {
    view.depth = "short";
    view.component_bytes = 2;
  } else if (depth == kOfxBitDepthByte) {
    view.depth = "byte";
    view.component_bytes = 1;
  } else {
    throw ImageError("the host handed over pixels of depth \"" + depth + "\": set the clip to 8-bit, 16-bit or float");
  }
}

void set_components(PixelView& view, const std::string& components) {
  if (components == kOfxImageComponentRGBA) {
    view.components = 4;
  } else if (components == kOfxImageComponentRGB) {
    view.components = 3;
  } else {
    throw ImageError("the host handed over pixels of kind \"" + components + "\": connect an RGB or RGBA clip");
  }
}

}  // namespace

Image::Image(OfxImageClipHandle clip, OfxTime time) {
  const auto& effect = *host().effect;
  // No region: the network sees the whole frame. An unconnected clip answers with a failure or with NULL.
  if (clip == nullptr || effect.clipGetImage(clip, time, nullptr, &handle_) != kOfxStatOK) handle_ = nullptr;
  if (handle_ == nullptr) return;
  try {
    read(clip);
  } catch (...) {
    effect.clipReleaseImage(handle_);
    throw;
  }
}

Image::~Image() {
  if (handle_ != nullptr) host().effect->clipReleaseImage(handle_);
}

void Image::read(OfxImageClipHandle clip) {
  void* data = get_pointer(handle_, kOfxImagePropData);
  if (data == nullptr) return;
  const auto bounds = get_rectangle(handle_, kOfxImagePropBounds);
  const auto row_bytes = get_int(handle_, kOfxImagePropRowBytes);
  if (!bounds || !row_bytes || bounds->x2 <= bounds->x1 || bounds->y2 <= bounds->y1) {
    throw ImageError("the host handed over an image without size: connect another clip");
  }
  view_.bounds = *bounds;
  view_.row_bytes = *row_bytes;
  set_depth(view_, get_string(handle_, kOfxImageEffectPropPixelDepth));
  set_components(view_, get_string(handle_, kOfxImageEffectPropComponents));
  if (std::abs(view_.row_bytes) < view_.width() * view_.pixel_bytes() && view_.height() > 1) {
    throw ImageError("the host handed over an image whose rows overlap: connect another clip");
  }

  std::string premultiplication = get_string(handle_, kOfxImageEffectPropPreMultiplication);
  if (premultiplication.empty()) {
    OfxPropertySetHandle clip_properties = nullptr;
    host().effect->clipGetPropertySet(clip, &clip_properties);
    premultiplication = get_string(clip_properties, kOfxImageEffectPropPreMultiplication);
  }
  premultiplied_ = view_.components == 4 && premultiplication == kOfxImagePreMultiplied;
  field_ = get_string(handle_, kOfxImagePropField);
  view_.base = static_cast<char*>(data);
}

}  // namespace lumaflux
