"""The data behind a model: a set of images is read, counted, averaged and split into balanced parts."""

import streamlit as st

from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.evaluation.dataset_stats import MOST, Inspection, bars
from diffusion_edu.app.evaluation.samples import readable
from diffusion_edu.app.jobs import session, stages
from diffusion_edu.app.trajectories.animation import Axis, Chart, Series, round_axis
from diffusion_edu.app.trajectories.chart_axes import STYLES, in_words
from diffusion_edu.app.trajectories.charts import plot
from diffusion_edu.checkpoints import PRETRAINED, Unusable, available, read_card
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.data.splits import by_attributes, by_class, split
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.figures.grids import grid

KEY = "dataset"
OURS, OWN = "our image set", "images of your own"
REFERENCES = {
    "real flowers (numbers only)": ("flower_reference.npz", "flower_features"),
    "real faces (numbers only)": ("face_reference.npz", "face_features"),
}
BOUND = {"bind": "query-params"}


def show():
    """Show the controls and what was found in the set."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    shipped = [name for name, (file, _) in REFERENCES.items() if (PRETRAINED / file).is_file()]
    source = row.segmented_control(
        "Images", [OURS, OWN, *shipped], default=OURS, required=True, key="set", wrap=True, **BOUND
    )
    if source in shipped:
        _numbers_only(*REFERENCES[source])
        return
    path = ""
    if source == OWN:
        words = "A folder (one sub-folder per class, or none) or a parquet file with a column `image`, on the computer that runs this app."
        path = row.text_input("Path", key="set_path", placeholder="/home/me/images", help=words, **BOUND)
        path = path if readable(path) else ""
    words = "Left of the first handle: training. Between both: validation. Right of the second: test."
    first, second = row.slider(
        "Train, validate up to (%)", 0, 100, (80, 90), 5, key="set_shares", help=words, width=190, **BOUND
    )
    seed = row.number_input(
        "Seed", 0, 1_000_000, 0, key="set_seed", width=100, help="The same seed makes the same parts.", **BOUND
    )
    wanted = Inspection(path, (first / 100, (second - first) / 100, (100 - second) / 100), seed)
    session.keep_up(KEY, wanted, begin, watch, "Look again")
    if done := stages.done(KEY):
        _show(*done)
    show_code(wanted.code, split, by_class, by_attributes, does="find these numbers and make these parts")


def begin(inspection):
    """Start to read in the background."""
    stages.begin(KEY, inspection, inspection.items(), MOST)


def watch(inspection, quiet):
    """Show how many images were read."""

    def says(job):
        if not isinstance(job.latest, tuple):
            return "Waiting for a turn"
        read, of = job.latest
        job.total = of // 64 + 6
        return f"Read {read:,} of {of:,} images"

    def over(job):
        st.session_state[f"done:{KEY}"] = st.session_state[f"asked:{KEY}"], job.latest

    session.watch(KEY, says, lambda item: None, over)


def _show(inspection, found):
    """Show numbers, averages, colours, classes and parts."""
    class_names = (
        f"{len(found.counts)} {'attributes' if found.attributes else 'classes'}" if found.counts else "no labels"
    )
    sides = ", ".join(
        f"{width}x{height}" + f" ({count:,})" * (len(found.sides) > 1)
        for (width, height), count in list(found.sides.items())[:3]
    )
    more = f" and {len(found.sides) - 3} other sizes" if len(found.sides) > 3 else ""
    ours = " **sampled by our own model, not photographed**" if not inspection.path else ""
    st.markdown(
        f"**{found.read:,} images**{ours} ({found.source}), {class_names}; files of {sides}{more}. {_twice(found)}"
    )
    if found.found > found.read + len(found.left_out):
        st.info(
            f"There are {found.found:,} images; {MOST:,} of them, chosen at random, are read. Without `most` the code below reads all."
        )
    if found.left_out:
        st.warning(f"{len(found.left_out)} files could not be read, for example {found.left_out[0]}.")
    left, right = st.columns([2, 3], gap="medium")
    there = [name for name, size in zip(SPLITS, found.sizes, strict=True) if size]
    with left:
        page = grid(found.averages, columns=2, zoom=2, gap=4)
        st.image(
            page,
            caption=f"The average of all, and of {', '.join(there)}",
            alt="Average images of the set and its parts",
        )
    with right:
        st.markdown(_parts(found, there))
        st.download_button(
            "Download the parts (CSV)", found.csv, "split.csv", "text/csv", icon=":material/download:", key="set_csv"
        )
    plot(_colours(found, there), key="set_charts")
    if found.counts:
        st.markdown(
            "**Share of images that have each attribute**"
            if found.attributes
            else "**Images of each class**, most frequent first"
        )
        st.html(bars(found.counts, found.read if found.attributes else None))


def _twice(found):
    """Say what is there twice, and why that matters."""
    if not found.twice:
        return "No file is there twice, byte by byte."
    example = " and ".join(found.twice[0][:2])
    harm = (
        f"{found.apart} of these lie in different parts: a model would be tested on what it has learned from."
        if found.apart
        else ""
    )
    groups = len(found.twice)
    return f"**{groups} image{'s are' if groups > 1 else ' is'} there more than once**, byte by byte, for example {example}. {harm}"


def _parts(found, there):
    """Write the parts as a table, and how well balanced they are."""
    sizes = [size for size in found.sizes if size]
    rows = [
        f"| {name} | {size:,} | {size / found.read:.1%} | {', '.join(f'{moved:.2f}' for moved in far)} |"
        for name, size, far in zip(there, sizes, found.moved, strict=True)
    ]
    words = "Without labels the parts are chosen at random."
    if found.counts:
        mine, random = (f"{100 * fraction:.2f}" for fraction in found.imbalance)
        how = "iterative stratification" if found.attributes else "every class is split by the same shares"
        class_name = "attribute" if found.attributes else "class"
        words = f"No {class_name} is rarer or more frequent in a part than in all by more than **{mine} percentage points** ({how}); at random: {random}."
    return "\n".join(
        [
            "| part | images | share | colours differ by (W₁ of R, G, B) |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
            words,
        ]
    )


def _colours(found, there):
    """Chart the values of each channel, one curve per part."""
    heights = found.densities * 100
    x, y = (
        Axis("value", 0, 255, {"0": 0, "128": 128, "255": 255}),
        round_axis("% of pixels", [0.0, heights.max().item()], low=0),
    )
    return [
        Chart(
            channel,
            f"{channel} values of {', '.join(there)}",
            x,
            y,
            list(range(256)),
            [
                Series(name, colour, curve[at].tolist(), dash)
                for name, curve, (colour, dash) in zip(there, heights, STYLES, strict=False)
            ],
        )
        for at, channel in enumerate(("Red", "Green", "Blue"))
    ]


def _numbers_only(file, feature_network):
    """Show what a shipped reference says of real images, which do not ship."""
    try:
        real, card = Reference.load(PRETRAINED / file), read_card(available()[feature_network])
    except (ValueError, Unusable, KeyError) as problem:
        st.error(f"The reference cannot be shown: {problem}")
        return
    source = card.data.get("source", "source unknown")
    st.markdown(
        f"**{int(real.statistics.count):,} real images** lie behind this reference ({source}). They do not ship, only the mean and the covariance "
        f"of their features by `{feature_network}`. FD of one half to the other {in_words(real.floor)}, of pure noise {in_words(real.noise)}."
    )
    if len(real.class_counts) == len(card.classes) > 0:
        st.markdown("**Images of each class**, most frequent first")
        st.html(bars(dict(zip(card.classes, real.class_counts.tolist(), strict=True))))
    code = "from diffusion_edu.checkpoints import PRETRAINED\nfrom diffusion_edu.evaluation.report import Reference\n\n"
    code += f'real = Reference.load(PRETRAINED / "{file}")\nprint(int(real.statistics.count), real.floor, real.noise, real.kinds)\n'
    show_code(code, does="read these numbers")
