// Colour spaces that a host of OpenFX 1.5 names; older hosts name none, and the user's choice stands alone.
#pragma once

#include <string>
#include <vector>

#include "../openfx/openfx.h"
#include "parameters.h"

namespace lumaflux {

// The list that colour spaces' names are from (OpenFX 1.5, ofxColour.h).
inline constexpr char native_config[] = "ofx-native-v1.5_aces-v1.3_ocio-v2.3";

// The style in which the host and the effect name colour spaces: Basic, Core or Full; "" where the host manages none,
// or has none of our names.
std::string offered_style();

// The style of an instance, which the host chose among both sides' styles.
std::string style_of(OfxImageEffectHandle effect);

// The names under which the source is wanted, best first: the chosen space's, or all that can be converted.
std::vector<std::string> wanted_colourspaces(const Parameters& parameters, const ValueMap& values,
                                             const std::string& style);

// Puts the space of the source clip in place of the choice "host": BT.709 where the host names none. Throws ImageError
// for a space that the engine does not know.
void resolve_input_space(const Parameters& parameters, OfxImageClipHandle source, ValueMap& values);

// The OpenFX name in a style of what the effect gives, "" where it has none: that of the chosen output space or, with
// bypass, a reference to the source's.
std::string output_colourspace(const Parameters& parameters, const ValueMap& values, const std::string& style);

}  // namespace lumaflux
