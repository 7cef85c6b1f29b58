"""Decode one file that a stranger sent, in a process of its own, which is stopped when it takes too much.

Decoders are written in C and believe what a file says. Here they can neither fill the memory of the app, nor keep it
waiting, nor take it down. `python -m diffusion_edu.data.decoder image SIZE` reads a file from standard input, and
writes a line of JSON and the pixels.
"""

import json
import os
import sys
from io import BytesIO
from pathlib import Path

from diffusion_edu.data.decoding import Refused, fitting, open_scaled

SECONDS, MEMORY = 2, 290_000_000  # of computing, and bytes, that decoding one file may take
PIXELS = 200_000_000  # bytes of that memory for the decoded image
MOST_PROMPTS = 50_000
PATIENCE = 4.5  # seconds on the clock: other work may have the processor meanwhile
COST = f"it takes more than {SECONDS} seconds or {MEMORY // 1_000_000} megabytes of memory to decode"
BUSY = "The computer that runs this app is too busy to decode the file: choose it again in a minute."


def decode(data, size):
    """Decode the bytes of an image file: uint8 (3, h, w), its (width, height) in the file, and what was changed.

    size is a number, or what fitting returns. Raises Refused, in words that end a sentence, or TimeoutError, in one
    sentence, on a busy computer.
    """
    import numpy as np  # here: the process that decodes starts faster without it

    found, pixels = _asked(data, "image", json.dumps(size if isinstance(size, fitting) else [size]))
    image = np.frombuffer(pixels, np.uint8).reshape(found["shape"]).transpose(2, 0, 1)
    return image, tuple(found["sides"]), found["changes"]


def read_prompts(data, ending):
    """Read the bytes of a file of prompts as load_prompts does, and raise what decode or load_prompts raises."""
    from diffusion_edu.data.prompts import Said

    found, _ = _asked(data, "prompts", ending)
    return tuple(Said(*each) for each in found["prompts"])


def _asked(data, *words):
    """Start the process, hand the file to it, and return its answer and what follows."""
    import subprocess

    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others take much at once
    command = [sys.executable, "-m", "diffusion_edu.data.decoder", *words]
    try:
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=PATIENCE)
        head, _, rest = done.stdout.partition(b"\n")
        found = json.loads(head)
    except subprocess.TimeoutExpired:
        raise TimeoutError(BUSY) from None
    except ValueError:  # no answer: it was stopped by one of the limits, or a decoder broke
        raise Refused(COST) from None
    if "problem" in found:
        raise (ValueError if found.get("whole") else Refused)(found["problem"])
    return found, rest


def main(words):
    """Read standard input, within the limits, and write the answer to standard output."""
    limit()
    data = sys.stdin.buffer.read()
    try:
        found, rest = {"image": _image, "prompts": _prompts}[words[0]](data, words[1])
    except Refused as problem:
        found, rest = {"problem": str(problem)}, b""
    except ValueError as problem:
        found, rest = {"problem": str(problem), "whole": True}, b""
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n" + rest)


def _image(data, chosen):
    chosen = json.loads(chosen)
    image, sides, changes = open_scaled(BytesIO(data), fitting(*chosen) if len(chosen) == 2 else chosen[0], PIXELS)
    return {"shape": [image.height, image.width, 3], "sides": sides, "changes": changes}, image.tobytes()


def _prompts(data, ending):
    from tempfile import TemporaryDirectory

    from diffusion_edu.data.prompts import load_prompts

    with TemporaryDirectory() as folder:
        path = Path(folder, f"your_file{ending}")
        path.write_bytes(data)
        said = load_prompts(path)
    if len(said) > MOST_PROMPTS:
        raise Refused(f"it holds {len(said):,} prompts, and {MOST_PROMPTS:,} are the most that is read")
    return {"prompts": [[each.text, each.subject, each.category] for each in said]}, b""


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
