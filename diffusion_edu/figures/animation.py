"""Animations: a list of frames, uint8 (height, width, 3), as the bytes of a GIF or an MP4."""

import io
from collections.abc import Sequence

import imageio.v3 as iio
import numpy as np
from PIL import Image


def gif(frames: Sequence[np.ndarray], seconds_per_frame: float = 0.12, hold: float = 1.5) -> bytes:
    """Encode frames as a GIF that repeats for ever and holds its last frame for `hold` seconds."""
    pages = [Image.fromarray(frame) for frame in frames]
    durations = [round(1000 * seconds_per_frame)] * (len(pages) - 1) + [round(1000 * hold)]
    file = io.BytesIO()
    pages[0].save(file, "GIF", save_all=True, append_images=pages[1:], duration=durations, loop=0)
    return file.getvalue()


def mp4(frames: Sequence[np.ndarray], frames_per_second: int = 8, hold: float = 1.5) -> bytes:
    """Encode frames as an H.264 MP4 that every browser plays; its last frame is held for `hold` seconds."""
    even = [frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2] for frame in frames]  # H.264 needs even sides
    even += even[-1:] * round(hold * frames_per_second)
    return iio.imwrite("<bytes>", even, extension=".mp4", fps=frames_per_second, codec="libx264", macro_block_size=2)
