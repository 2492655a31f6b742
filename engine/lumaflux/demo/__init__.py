"""`lumaflux demo`: a page in the browser that converts what is dropped on it."""
