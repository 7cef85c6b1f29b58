"""Images of images and of numbers: still (matplotlib), interactive (plotly), animated (GIF, MP4)."""
