#include "pixels.h"

#include <algorithm>
#include <cstring>

namespace lumaflux {
namespace {

// One as a component of a depth.
void put_one(const std::string& depth, char* component) {
  if (depth == "float") {
    const float one = 1.0F;
    std::memcpy(component, &one, sizeof one);
  } else if (depth == "half") {
    const uint16_t one = 0x3C00;  // IEEE 754 binary16
    std::memcpy(component, &one, sizeof one);
  } else {
    std::memset(component, 0xFF, depth == "short" ? 2 : 1);
  }
}

// Copies `count` pixels, whose components may be 3 on one side and 4 on the other; a missing alpha is `one`.
void copy_row(const PixelView& from, const PixelView& to, int x, int y, int count, const char* one) {
  const char* source = from.pixel(x, y);
  char* target = to.pixel(x, y);
  if (from.components == to.components) {
    std::memcpy(target, source, static_cast<size_t>(count * to.pixel_bytes()));
    return;
  }
  const auto colour = static_cast<size_t>(3 * to.component_bytes);
  for (int i = 0; i < count; ++i, source += from.pixel_bytes(), target += to.pixel_bytes()) {
    std::memcpy(target, source, colour);
    if (to.components == 4) std::memcpy(target + colour, one, static_cast<size_t>(to.component_bytes));
  }
}

void blank(const PixelView& to, int x1, int x2, int y, bool opaque, const char* one) {
  if (x2 <= x1) return;
  std::memset(to.pixel(x1, y), 0, static_cast<size_t>((x2 - x1) * to.pixel_bytes()));
  if (!opaque || to.components != 4) return;
  for (int x = x1; x < x2; ++x) {
    std::memcpy(to.pixel(x, y) + 3 * to.component_bytes, one, static_cast<size_t>(to.component_bytes));
  }
}

bool belongs(int y, Rows rows) {
  const bool lower = (y & 1) == 0;
  return rows == Rows::all || lower == (rows == Rows::lower);
}

}  // namespace

PixelView contiguous(const PixelView& view, char* memory) {
  PixelView out = view;
  out.row_bytes = -view.width() * view.pixel_bytes();
  out.base = memory - (view.height() - 1) * out.row_bytes;
  return out;
}

void copy_frame(const PixelView& from, const PixelView& to) {
  const auto bytes = static_cast<size_t>(from.width() * from.pixel_bytes());
  for (int y = from.bounds.y1; y < from.bounds.y2; ++y) std::memcpy(to.row(y), from.row(y), bytes);
}

void write_window(const PixelView& from, const PixelView& to, const OfxRectI& window, Rows rows) {
  char one[4] = {};
  put_one(to.depth, one);
  const bool opaque = from.components != 4;
  const int left = std::max(window.x1, to.bounds.x1), right = std::min(window.x2, to.bounds.x2);
  const int x1 = std::clamp(from.bounds.x1, left, std::max(left, right));
  const int x2 = std::clamp(from.bounds.x2, x1, std::max(x1, right));
  for (int y = std::max(window.y1, to.bounds.y1); y < std::min(window.y2, to.bounds.y2); ++y) {
    if (!belongs(y, rows)) continue;
    if (y < from.bounds.y1 || y >= from.bounds.y2 || x1 == x2) {
      blank(to, left, right, y, opaque, one);
      continue;
    }
    blank(to, left, x1, y, opaque, one);
    copy_row(from, to, x1, y, x2 - x1, one);
    blank(to, x2, right, y, opaque, one);
  }
}

}  // namespace lumaflux
