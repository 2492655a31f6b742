// Moving pixels between a host's images and the contiguous frames of the engine.
#pragma once

#include <string>

#include "image.h"

namespace lumaflux {

// Which rows a render writes: all, or those of one field. Row 0 is the lowest and of the lower field.
enum class Rows { all, lower, upper };

// A contiguous frame of `view`'s size and kind, top row first.
PixelView contiguous(const PixelView& view, char* memory);

// Copies all pixels between views of equal size and kind.
void copy_frame(const PixelView& from, const PixelView& to);

// Writes `window` of `to`. Where `from` has no alpha it is one; outside of `from` is black, with alpha 0 where `from`
// has alpha. The depths are the same.
void write_window(const PixelView& from, const PixelView& to, const OfxRectI& window, Rows rows);

}  // namespace lumaflux
