// The host's progress bar, where it has one; at its user's wish the work ends.
#pragma once

#include "../openfx/openfx.h"

namespace lumaflux {

class ProgressBar {
 public:
  ProgressBar(OfxImageEffectHandle effect, const char* label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // The share that is done; below 0 where that is unknown, and then what was told before stays.
  void at(double share);

  // Tells the host, and asks whether the user wants to stop.
  bool aborted();

 private:
  OfxImageEffectHandle effect_;
  bool shown_ = false;
  double share_ = 0.0;
};

}  // namespace lumaflux
