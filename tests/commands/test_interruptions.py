"""Saving is killed, for real and at any moment, and the disk refuses to take more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
KILLS = 20

BEGIN = """
import os, resource, signal, sys, time
from pathlib import Path
import torch
from diffusion_edu.checkpoints import Card, Unusable, sha256_of, read_card, save
from diffusion_edu.training.state import load_run, save_run
from diffusion_edu.networks import NETWORKS
from diffusion_edu.training.loop import train_state

torch.set_num_threads(1)
folder, config = Path(sys.argv[1]), {"widths": [16, 32], "attention": [False, True], "embedding": 16}
card = Card("tiny", "Tiny", "attention_unet", config, "v", 8)
states = [train_state(NETWORKS["attention_unet"](**config), seed) for seed in (0, 1)]
reader = train_state(NETWORKS["attention_unet"](**config))
"""

KILL = """
whole = [save(folder, card, state.net).sha256 for state in states]
save_run(folder / "state.safetensors", states[0], {"version": 0})
interrupted = 0
for moment in range(int(sys.argv[2])):
    heard, written = os.pipe()
    child = os.fork()
    if not child:
        fsync = os.fsync
        os.fsync = lambda file: (os.write(written, b"."), time.sleep(0.001 * (moment % 3)), fsync(file))
        while True:
            for version, state in enumerate(states):
                save_run(folder / "state.safetensors", state, {"version": version})
                save(folder, card, state.net)
    for _ in range(1 + moment % 7):
        os.read(heard, 1)  # the child is about to finish a file
    time.sleep(0.0005 * (moment % 5))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(heard), os.close(written)
    version = load_run(folder / "state.safetensors", reader)["version"]
    for ours, theirs in zip(reader.net.parameters(), states[version].net.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert sha256_of(folder / "tiny.safetensors") in whole
    assert read_card(folder / "tiny.json").sha256 in whole
    interrupted += any(folder.glob(".*.part"))
    for part in folder.glob(".*.part"):
        part.unlink()
print("interrupted", interrupted)
"""

FULL = """
save(folder, card, states[0].net)
save_run(folder / "state.safetensors", states[0], {})
before = {path.name: path.read_bytes() for path in folder.iterdir()}
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
for again in (lambda: save(folder, card, states[1].net), lambda: save_run(folder / "state.safetensors", states[1], {})):
    try:
        again()
    except OSError:
        print("refused")
assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
"""


def in_another_process(code, *words):
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, *map(str, words)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_kill_at_any_moment_of_saving_leaves_every_file_whole(tmp_path):
    said = in_another_process(KILL, tmp_path, KILLS)
    assert int(said.split()[-1]) > 0, "no kill came in the middle of a save: this test has tested nothing"


def test_a_disk_that_takes_no_more_raises_what_a_training_survives(tmp_path):
    """An OSError, which recipes catch to go on training; the files that were there stay as they are."""
    assert in_another_process(FULL, tmp_path).split() == ["refused", "refused"]
