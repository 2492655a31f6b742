// What the plug-in is handed: the host's record, whose suites lack what the faults say.
#pragma once

#include "../../plugin/openfx/openfx.h"

// Valid for the life of the process. The first call applies the faults.
OfxHost* host_record();
