// What the engine is asked for one picture of the host: for a render and for an analysis alike.
#pragma once

#include "image.h"
#include "instance.h"
#include "link/engine_link.h"

namespace lumaflux {

// The values of an instance at a time as the engine takes them. Throws ImageError for a model or a colour space that
// cannot be.
ValueMap engine_values(const Instance& instance, OfxTime time);

// A job for the pixels of `source`, which is there, at the host's frame `time`; without a priority.
RenderJob job_of(const Image& source, OfxTime time, ValueMap parameters);

}  // namespace lumaflux
