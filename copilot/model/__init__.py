"""The models: one seam, several behind it."""
