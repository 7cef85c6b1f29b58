"""Decode one file that a stranger sent, in a process of its own, which is stopped when it takes too much.

Decoders are written in C and believe what a file says. Here they can neither fill the memory of the app, nor keep it
waiting, nor take it down. `python -m diffusion_edu.data.decoder SIZE` reads the file from standard input and writes a
line of JSON, and after it the pixels.
"""

import json
import os
import sys
from io import BytesIO
from pathlib import Path

from diffusion_edu.data.decoding import Refused, fitting, open_scaled

SECONDS, MEMORY = 2, 290_000_000  # of computing, and bytes, that decoding one file may take
PIXELS = 200_000_000  # bytes of that memory for the decoded image
PATIENCE = 4.5  # seconds on the clock: other work may have the processor meanwhile
COST = f"it takes more than {SECONDS} seconds or {MEMORY // 1_000_000} megabytes of memory to decode"
BUSY = "The computer that runs this app is too busy to decode the file: choose it again in a minute."


def decode(data, size):
    """Decode the bytes of an image file: uint8 (3, h, w), its (width, height) in the file, and what was changed.

    size is a number, or what fitting returns. Raises Refused, in words that end a sentence, or
    TimeoutError, in one sentence, on a busy computer.
    """
    import subprocess  # here, and numpy too: the process that decodes starts faster without them

    import numpy as np

    chosen = size if isinstance(size, fitting) else [size]
    command = [sys.executable, "-m", "diffusion_edu.data.decoder", json.dumps(chosen)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=PATIENCE)
        head, _, pixels = done.stdout.partition(b"\n")
        found = json.loads(head)
    except subprocess.TimeoutExpired:
        raise TimeoutError(BUSY) from None
    except ValueError:  # no answer: it was stopped by one of the limits, or a decoder broke
        raise Refused(COST) from None
    if "problem" in found:
        raise Refused(found["problem"])
    image = np.frombuffer(pixels, np.uint8).reshape(found["shape"]).transpose(2, 0, 1)
    return image, tuple(found["sides"]), found["changes"]


def main(words):
    """Decode standard input to standard output, within the limits."""
    limit()
    data, chosen = sys.stdin.buffer.read(), json.loads(words[0])
    size = fitting(*chosen) if len(chosen) == 2 else chosen[0]
    try:
        image, sides, changes = open_scaled(BytesIO(data), size, PIXELS)
        pixels, found = image.tobytes(), {"shape": [image.height, image.width, 3], "sides": sides, "changes": changes}
    except Refused as problem:
        pixels, found = b"", {"problem": str(problem)}
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n" + pixels)


def limit():
    """Bound this process's memory and time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: only the time is bounded, from outside
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
