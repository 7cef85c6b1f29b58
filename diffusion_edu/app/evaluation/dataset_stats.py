"""Statistics of a dataset: its labels, colours, duplicates, and a balanced split into training, validation and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape

import torch
from torch import Tensor

from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.jobs.progress import Progress
from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.data.places import state_of
from diffusion_edu.data.splits import as_csv, imbalance, split
from diffusion_edu.data.survey import Survey, average, fractions, survey
from diffusion_edu.evaluation.colours import channel_histograms, smooth_histograms, wasserstein

MAX_IMAGES = 10_000  # that are read
OURS = PRETRAINED / "flower_samples.parquet"
CACHE = {}  # the last Survey, shared by all sessions


@dataclass(frozen=True, eq=False)
class DatasetReport:
    """The statistics of a dataset and of the parts of its split.

    counts: {class or attribute: number of images}; averages uint8 (1 + parts, 3, h, w), of all images and of each
    part; histograms (parts, 3, 256), smoothed, in fractions of all values; colour_distances (parts, 3): Wasserstein-1
    distance of a part to all images; part_sizes: images per part; imbalance: of this split, and of a random one;
    duplicates: groups of equal files; duplicates_across: the number of such groups that lie in different parts.
    """

    source: str
    found: int
    read: int
    sides: dict
    left_out: list[str]
    notes: tuple[str, ...]
    counts: dict
    attributes: bool
    averages: Tensor
    histograms: Tensor
    colour_distances: Tensor
    part_sizes: list[int]
    imbalance: tuple[float, float]
    duplicates: list[list[str]]
    duplicates_across: int
    csv: str


@dataclass(frozen=True)
class DatasetRequest:
    """The dataset to describe (path "": ours), the fractions of training, validation and test, and the split's seed."""

    path: str
    fractions: tuple[float, float, float]
    seed: int

    @property
    def id(self):
        """The same for the same settings and the same files."""
        return settings_id(self.path, self.state, self.fractions, self.seed)

    @cached_property
    def state(self):
        """How the files look now: another text after any change."""
        return state_of(self.path or OURS)

    def run(self) -> Iterator[Progress | DatasetReport]:
        """Read the dataset, or take it from the cache, and describe it.

        Yields Progress, and the DatasetReport at last. Raises ValueError, in one sentence, if there is nothing to read.
        """
        key = self.path, self.state
        if key not in CACHE:
            for found in survey(self.path or OURS, most=MAX_IMAGES):
                if not isinstance(found, Survey):
                    yield _progress(*found)
            CACHE.clear()
            CACHE[key] = found
        yield from self._report(CACHE[key])

    def _report(self, found):
        dataset, count = found.images, len(found.images)
        parts = split(count, self.fractions, dataset.labels, self.seed)
        yield _progress(count, count)
        present = [part for part in range(len(self.fractions)) if (parts == part).any()]
        sets = [dataset.images, *(dataset.images[parts == part] for part in present)]
        histograms = []
        for images in sets:
            histograms.append(channel_histograms(images))
            yield _progress(count, count)
        duplicates, random = found.duplicates, split(count, self.fractions, None, self.seed)
        yield DatasetReport(
            source=dataset.source,
            found=found.found,
            read=count,
            sides=dict(found.sides.most_common()),
            left_out=found.left_out,
            notes=found.notes,
            counts=fractions(dataset),
            attributes=bool(dataset.attributes),
            averages=torch.stack([average(images) for images in sets]),
            histograms=torch.stack([smooth_histograms(histogram) for histogram in histograms[1:]]),
            colour_distances=torch.stack([wasserstein(histogram, histograms[0]) for histogram in histograms[1:]]),
            part_sizes=parts.bincount(minlength=len(self.fractions)).tolist(),
            imbalance=(imbalance(dataset.labels, parts), imbalance(dataset.labels, random)),
            duplicates=[[found.files[row] for row in rows] for rows in duplicates],
            duplicates_across=sum(len(parts[rows].unique()) > 1 for rows in duplicates),
            csv=as_csv(found.files, dataset, parts),
        )

    @property
    def code(self):
        """Python code that finds the same numbers and makes the same split."""
        return snippet(
            __file__,
            "dataset",
            source=repr(self.path) if self.path else 'PRETRAINED / "flower_samples.parquet"',
            max_images=MAX_IMAGES,
            fractions=self.fractions,
            seed=self.seed,
            names=list(SPLITS),
        )


def _progress(read, count):
    return Progress(f"Read {read:,} of {count:,} images", count // 64 + 6)


STYLE = """<style>
.counts { column-width: 215px; column-gap: 24px; font-size: 0.8rem; line-height: 1.35; }
.counts { font-variant-numeric: tabular-nums; }
.counts div { display: flex; gap: 8px; break-inside: avoid; }
.counts span { flex: 0 0 50%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.counts i { flex: 1; position: relative; }
.counts b { font: inherit; font-style: normal; position: absolute; left: 0; padding-left: 4px; }
.counts u { display: block; position: absolute; top: 2px; bottom: 2px; left: 0; background: rgba(127, 127, 127, 0.45); }
</style>"""


def bars(counts, total=None):
    """Write {name: count} as bars with their numbers, largest first, as HTML; in percent if a total is given."""
    largest = total or max(counts.values(), default=0) or 1
    rows = "".join(
        f'<div><span title="{escape(name)}">{escape(name)}</span><i><u style="width: {100 * count / largest:.1f}%"></u>'
        f"<b>{f'{count / total:.0%}' if total else f'{count:,}'}</b></i></div>"
        for name, count in sorted(counts.items(), key=lambda entry: -entry[1])
    )
    return f'{STYLE}<div class="counts">{rows}</div>'
