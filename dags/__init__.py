"""When things run. How they run is in ``include``; no file in here holds business logic."""
