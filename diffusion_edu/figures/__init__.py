"""Figures for people to look at: still ones (matplotlib), grids of images, and animations (GIF, MP4)."""
