// Colour spaces that a host of OpenFX 1.5 names; older hosts name none, and the user's choice stands alone.
#pragma once

#include <string>

#include "../openfx/openfx.h"
#include "parameters.h"

namespace lumaflux {

// Puts the space of the source clip in place of the choice "host": BT.709 where the host names none. Throws ImageError
// for a space that the engine does not know.
void resolve_input_space(const Parameters& parameters, OfxImageClipHandle source, ValueMap& values);

// The OpenFX name of the chosen output space, "" where it has none.
std::string output_colourspace(const Parameters& parameters, const ValueMap& values);

}  // namespace lumaflux
