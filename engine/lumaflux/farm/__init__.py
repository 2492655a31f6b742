"""Job templates and runners on existing engines (Open Job Description, Ray, OpenCue), and whole timelines."""
