"""A shot's global tone for players and grading tools: 3D lookup tables, and a shader for mpv."""
