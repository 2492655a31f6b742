"""What a benchmark run says: tables, intervals, plots and pictures as JSON, CSV, Markdown and one HTML page."""
