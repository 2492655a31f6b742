"""Published collections as their folders are laid out: each module yields its HDR videos or SDR-HDR pairs."""
