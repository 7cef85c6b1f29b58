"""Steps and seeds: the two tables, their numbers, and the page that shows them."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import to_bytes
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import SAMPLERS, nfe

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished as until_over
from onscreen import healthy, opened  # noqa: E402

from diffusion_edu.app.common.request import ANY, Request  # noqa: E402
from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.app.steps_and_seeds import grid_job, recorded, sampler_grid, seed_interpolation
from diffusion_edu.app.steps_and_seeds import page as steps_page
from diffusion_edu.app.trajectories import image_table

PAGE = "pages/5_Steps_and_seeds.py"


@pytest.fixture(scope="module")
def model():
    return load("flowers_attention")


def request(model, images=1, **changes):
    return Request(model.card, Preset(guidance_scale=1.0), "sunflower", 4, images, **changes)


@pytest.fixture
def short(monkeypatch):
    """A reference with few steps."""
    monkeypatch.setattr(sampler_grid, "REFERENCE", ("DPM-Solver++", 5))


def sampled(app, key="sampler_grid"):
    """Press Generate, and wait until the table is full."""
    until_over(next(button for button in app.button if button.label == "Generate").click().run())
    return app.session_state["steps." + done_key(key)][:2]


def sheet(app):
    return app.get("html")[0].proto.body


def test_every_cell_is_what_the_library_samples_from_the_same_noise(model, short):
    table = sampler_grid.SamplerGrid(request(model, 2), ("DDIM", "DDPM"), (1, 3))
    *_, finished = table.run(model)
    assert list(finished) == [("DDIM", 1), ("DDPM", 1), ("DDIM", 3), ("DDPM", 3), ("DPM-Solver++", 5)]
    for (sampler, steps), cell in finished.items():
        *_, last = generate(model, replace(table.request.preset, sampler=sampler, steps=steps), [4, 5], [53, 53])
        assert torch.equal(cell.images, to_bytes(last.x)) and cell.seconds > 0
    assert sum(1 for _ in table.run(model)) == table.total


def test_the_captions_give_nfe_and_the_error_in_units_of_255(model):
    white, black = torch.full((1, 3, 64, 64), 255, dtype=torch.uint8), torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    table = sampler_grid.SamplerGrid(request(model), ("Heun", "DDIM"), (1, 3))
    finished = {
        ("Heun", 3): grid_job.Sampled(white, 0.25),
        ("DDIM", 1): grid_job.Sampled(black, 1.0),
        sampler_grid.REFERENCE: grid_job.Sampled(black, 2.0),
    }
    page = table.table(finished)
    assert f"NFE {nfe('Heun', 3)}, 0.2 s<br>error 255" in page and "NFE 1, 1.0 s<br>error 0" in page
    assert page.count("<img ") == 3 and page.count('class="empty"') == 2
    assert "error" not in table.table({("Heun", 3): grid_job.Sampled(white, 0.25)})


def test_many_steps_come_closer_to_the_reference_than_few(model):
    _, finished = recorded.load_table("flowers_attention", "sampler_grid")
    reference = finished[sampler_grid.REFERENCE].images.float()
    for sampler in ("DDIM", "DPM-Solver++"):
        off = [(finished[sampler, steps].images - reference).square().mean().sqrt() for steps in recorded.STEPS]
        assert all(few > many for few, many in zip(off, off[1:], strict=False))


def test_a_row_between_two_seeds_begins_and_ends_with_their_own_images(model):
    table = seed_interpolation.SeedInterpolation(
        replace(request(model, 3), preset=Preset(guidance_scale=1.0, steps=2)), other=9
    )
    *_, finished = table.run(model)
    *_, last = generate(model, table.request.preset, [4, 9], [53, 53])
    for method in seed_interpolation.METHODS:
        ends = finished[method].images[[0, 2]].float()
        assert (
            ends - to_bytes(last.x).float()
        ).abs().mean() < 1  # another batch size: the last bits of bf16 may differ
    assert (finished["Spherical"].images[1].float() - finished["Linear"].images[1].float()).abs().mean() > 3
    assert sum(1 for _ in table.run(model)) == table.total


def test_spherical_interpolation_keeps_the_norm_and_linear_interpolation_does_not(model):
    table = seed_interpolation.SeedInterpolation(request(model, 5), other=9)
    assert table.norms("Spherical") == pytest.approx([1] * 5, abs=0.02)
    assert table.norms("Linear") == pytest.approx(
        [math.hypot(1 - fraction, fraction) for fraction in table.fractions], abs=0.02
    )
    first, last = SeededNoise([4, 9]).sample((3, 64, 64))
    torch.testing.assert_close(table.noises("Linear")[2], (first + last) / 2)
    page = table.table({})
    assert f"norm {table.norms('Linear')[2]:.2f}" in page and 'scope="col">50%' in page


def test_the_table_escapes_html_and_names_every_image():
    image = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    page = image_table.table(["<b>"], [image_table.Row("<i>", "", [image_table.Cell(image, '"quoted"', ("a & b",))])])
    assert "&lt;b&gt;" in page and "&lt;i&gt;" in page and "&quot;quoted&quot;" in page and "a &amp; b" in page


@pytest.mark.parametrize("key", ["sampler_grid", "interpolation"])
def test_the_shipped_example_is_complete_small_and_what_the_page_shows_at_first(key, model):
    table, finished = recorded.load_table("flowers_attention", key)
    assert table == next(table_ for table_ in recorded.default_tables(model.card) if table_.key == key)
    assert recorded.table_path("flowers_attention", key).stat().st_size < 400_000
    assert "empty" not in table.table(finished).split("</style>")[1]


def test_the_example_is_what_the_library_samples(model):
    table, finished = recorded.load_table("flowers_attention", "sampler_grid")
    for sampler in ("DDIM", "DDPM"):
        *_, last = generate(model, table.presets[sampler, 2], table.request.seeds, table.request.labels)
        assert (
            to_bytes(last.x).float() - finished[sampler, 2].images.float()
        ).abs().mean() < 4  # other machines round otherwise


def test_an_example_can_be_saved_and_loaded_and_a_broken_file_is_none(model, tmp_path):
    table = seed_interpolation.SeedInterpolation(request(model, 2), other=9)
    finished = {
        method: grid_job.Sampled(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8), 0.5)
        for method in seed_interpolation.METHODS
    }
    recorded.save_table(table, finished, tmp_path)
    again, read = recorded.load_table("flowers_attention", "interpolation", tmp_path)
    assert again == table and all(
        torch.equal(read[method].images, finished[method].images) and read[method].seconds == 0.5
        for method in seed_interpolation.METHODS
    )
    for text in ("", "[]", "{}"):
        recorded.table_path("flowers_attention", "interpolation", tmp_path).write_text(text)
        assert recorded.load_table("flowers_attention", "interpolation", tmp_path) is None
    assert recorded.load_table("nobody", "interpolation", tmp_path) is None


@pytest.mark.parametrize("link", [{}, {"view": "two seeds"}])
def test_the_page_opens_with_the_example_and_runs_again(link):
    app = healthy(opened(PAGE, **link))
    assert len(app.title) == 1 and sheet(app).count("<img ") == (2 * recorded.IN_A_ROW if link else 16)
    assert any("A recorded example" in caption.value for caption in app.caption)
    assert (
        app.number_input(key="steps.first_seed" if link else "steps.seed").value == recorded.SEED
        and app.selectbox(key="steps.class_name").value == recorded.CLASS
    )
    assert any(
        re.search(r"[\d,]+ network evaluations \(NFE\): about [\d.]+ s", caption.value) for caption in app.caption
    )
    healthy(app.run())


def test_the_page_samples_what_the_library_samples_and_the_code_repeats_it(short):
    app = opened(PAGE, samplers=["DDIM", "Heun"], columns=["2", "1"], class_name="rose", seed="7", guidance_scale="1.0")
    table, finished = sampled(app)
    assert list(finished) == [
        ("DDIM", 1),
        ("Heun", 1),
        ("DDIM", 2),
        ("Heun", 2),
        ("DPM-Solver++", 5),
    ] and table.request.labels == [73]
    assert sheet(app).count("<img ") == 5 and not any("A recorded example" in caption.value for caption in app.caption)
    printed = []
    names = {"print": lambda *words: printed.append(words)}
    exec(app.code[0].value, names)
    assert torch.equal(names["reference"], finished[sampler_grid.REFERENCE].images)
    for sampler, steps, off in printed:
        expected = (finished[sampler, steps].images.float() - names["reference"].float()).square().mean().sqrt().item()
        assert off == pytest.approx(expected, rel=1e-6) and f"error {off:.0f}" in sheet(app)


def test_the_code_of_the_interpolation_samples_both_rows():
    app = opened(PAGE, view="two seeds", first_seed="3", last_seed="8", row="3", steps="2", guidance_scale="1.0")
    _, finished = sampled(app, "interpolation")
    names, norms = {}, []
    names["print"] = lambda lengths: norms.append(lengths.tolist())
    exec(app.code[0].value, names)
    assert torch.equal(names["images"], finished["Linear"].images)
    np.testing.assert_allclose(norms[1], [1, 0.71, 1], atol=0.02)


@pytest.mark.parametrize(
    ("class_name", "key", "value", "view"),
    [
        ("segmented_control", "view", "two seeds", "few steps"),
        ("selectbox", "class_name", ANY, "few steps"),
        ("multiselect", "samplers", list(SAMPLERS), "few steps"),
        ("multiselect", "columns", [100, 1], "few steps"),
        ("slider", "guidance_scale", 8.0, "few steps"),
        ("number_input", "seed", 1_000_000, "few steps"),
        ("segmented_control", "images", 4, "few steps"),
        ("selectbox", "schedule", "flow", "few steps"),
        ("selectbox", "spacing", "log-SNR", "few steps"),
        ("select_slider", "timesteps", 100, "few steps"),
        ("toggle", "zero_snr", True, "few steps"),
        ("number_input", "first_seed", 5, "two seeds"),
        ("number_input", "last_seed", 5, "two seeds"),
        ("slider", "row", 9, "two seeds"),
        ("select_slider", "steps", 100, "two seeds"),
        ("selectbox", "class_name", ANY, "two seeds"),
    ],
)
def test_every_widget_can_be_changed(class_name, key, value, view):
    app = healthy(opened(PAGE, view=view))
    healthy(getattr(app, class_name)(key=f"steps.{key}").set_value(value).run())
    healthy(app.run())
    assert sheet(app)


def test_without_a_sampler_or_a_number_of_steps_the_page_requests_one():
    app = opened(PAGE)
    healthy(app.multiselect(key="steps.samplers").set_value([]).run())
    assert "at least one" in app.info[0].value


def test_a_link_with_nonsense_in_it_opens_all_the_same():
    app = healthy(
        opened(
            PAGE,
            samplers=["magic"],
            columns=["7", "x"],
            class_name="weed",
            seed="-1",
            view="away",
            model="../../etc/passwd",
        )
    )
    assert app.segmented_control(key="steps.view").value == "few steps" and sheet(app)
    healthy(opened(PAGE, columns=[str(steps) for steps in steps_page.STEPS]))


def test_cancel_brings_the_example_back_and_the_next_table_is_sampled(short):
    app = opened(PAGE, columns=["100"])
    healthy(next(button for button in app.button if button.label == "Generate").click().run())
    job = app.session_state["steps.job:sampler_grid"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert (
        job.cancelled
        and "steps." + done_key("sampler_grid") not in app.session_state
        and any("A recorded example" in caption.value for caption in app.caption)
    )
    app.multiselect(key="steps.columns").set_value([1]).run()
    assert sampled(app)[0].steps == (1,)


def test_a_network_that_predicts_eps_refuses_pure_noise_in_one_sentence(monkeypatch):
    from diffusion_edu.app.common import models

    get = models.get
    monkeypatch.setattr(
        models, "get", lambda name: replace(get(name), card=replace(get(name).card, prediction_type="eps"))
    )
    app = opened(PAGE, schedule="flow")
    healthy(next(button for button in app.button if button.label == "Generate").click().run())
    assert (
        len(app.error) == 1 and "pure noise" in app.error[0].value and "steps.job:sampler_grid" not in app.session_state
    )


def test_without_a_model_or_an_example_the_page_is_alive(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints

    read = recorded.load_table
    monkeypatch.setattr(recorded, "load_table", lambda name, key: read(name, key, tmp_path))
    app = healthy(opened(PAGE))
    assert not app.get("html")
    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened(PAGE)).error[0].value
    assert (PRETRAINED / "flowers_attention.sampler_grid.json").is_file()
