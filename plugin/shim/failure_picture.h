// A failure as a picture, for hosts that go on with whatever lies in the frame when a render fails.
#pragma once

#include <string>

#include "image.h"

namespace lumaflux {

// Writes `text` in grey on black over the whole of `to`, with alpha 1. Letters are capitals, as large as makes 40 of
// them fill a row.
void draw_failure(const std::string& text, const PixelView& to);

}  // namespace lumaflux
