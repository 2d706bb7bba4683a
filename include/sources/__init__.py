"""Fetching: every kind of source ends as an ordinary delivery in the landing folder, files first, manifest last."""
