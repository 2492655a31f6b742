// The effect's own OpenFX API header, written from the published interface; only what the effect uses.
#pragma once

#include "core.h"
#include "image_effect.h"
#include "message.h"
#include "parameter.h"
#include "progress.h"
#include "property.h"
