"""HDR for eyes on SDR screens: tone-mapped pictures, light as colors, scopes, comparisons, and the pages with them."""
