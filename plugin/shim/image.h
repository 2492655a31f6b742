// A host's image: where its pixels are and how they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../openfx/openfx.h"

namespace lumaflux {

// A frame that cannot be rendered; the text is one sentence that says what to do.
struct ImageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Pixels of a rectangle. Rows go upwards as in OpenFX: `base` is pixel (bounds.x1, bounds.y1), the lowest row, and
// `row_bytes` leads to the row above; it is negative where a host keeps the top row first.
struct PixelView {
  char* base = nullptr;
  ptrdiff_t row_bytes = 0;
  OfxRectI bounds{0, 0, 0, 0};
  int components = 4;           // 3 or 4
  int component_bytes = 4;      // 1, 2 or 4
  std::string depth = "float";  // float, half, short or byte

  int width() const { return bounds.x2 - bounds.x1; }
  int height() const { return bounds.y2 - bounds.y1; }
  ptrdiff_t pixel_bytes() const { return static_cast<ptrdiff_t>(components) * component_bytes; }
  char* row(int y) const { return base + (y - bounds.y1) * row_bytes; }
  char* pixel(int x, int y) const { return row(y) + (x - bounds.x1) * pixel_bytes(); }
};

// An image fetched from a clip and given back when this goes. `there` is false where the host has none at that time.
class Image {
 public:
  Image(OfxImageClipHandle clip, OfxTime time);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  bool there() const { return view_.base != nullptr; }
  const PixelView& view() const { return view_; }
  bool premultiplied() const { return premultiplied_; }
  const std::string& field() const { return field_; }

 private:
  void read(OfxImageClipHandle clip);

  OfxPropertySetHandle handle_ = nullptr;
  PixelView view_;
  bool premultiplied_ = false;
  std::string field_;
};

}  // namespace lumaflux
