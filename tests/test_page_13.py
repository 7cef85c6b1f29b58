"""Is it good? The tabs of scores, of samples looked at closely, and of data: what they show is what the library measures."""

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from test_words import CODER, keep_talker

from diffusion_edu.checkpoints import PRETRAINED, Card, load, read_card, save, save_card
from diffusion_edu.data.images import save_images
from diffusion_edu.evaluation.distances import Statistics, frechet
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.neighbours import nearest
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.evaluation.sample_size import doubled_counts, fd_of_subsets, perfect_model_fd
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks import NETWORKS

pytest.importorskip("streamlit.testing.v1")
from onscreen import HOME, finished, healthy, opened  # noqa: E402

from diffusion_edu.app.common import image_picker, layout, model_card, numbers
from diffusion_edu.app.evaluation import dataset, dataset_stats, sample_check, sample_view, samples, score_table, scores
from diffusion_edu.app.trajectories import chart_axes

PAGE = "pages/13_Evaluate_and_debug.py"
PAGES = [path for path in layout.PAGES if "6_" not in path]  # which draws points
CLOSELY, DATA = {"tab": "Look closely", "closely_count": "8"}, {"tab": "Data"}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Sixty-four of our images in the place of all, so that looking at them takes a second."""
    ours = image_picker.images()
    small = ours.take(torch.arange(64) * 16)
    monkeypatch.setattr(image_picker, "images", lambda size=64: small)
    monkeypatch.setattr(sample_check, "KNOWN", {})
    monkeypatch.setattr(dataset_stats, "KNOWN", {})
    return small


@pytest.fixture
def own(tmp_path):
    """Images of a person's own: two classes, 12 and 4, two of them equal byte by byte, and a file that is none."""
    for name, count in (("disc", 12), ("square", 4)):
        folder = tmp_path / "own" / name
        folder.mkdir(parents=True)
        for k in range(count):
            Image.fromarray(np.random.default_rng([k, count]).integers(0, 255, (40, 60, 3), np.uint8)).save(
                folder / f"{k}.png"
            )
    (tmp_path / "own" / "disc" / "again.png").write_bytes((tmp_path / "own" / "disc" / "0.png").read_bytes())
    (tmp_path / "own" / "disc" / "broken.png").write_bytes(b"no image")
    return tmp_path / "own"


@pytest.fixture
def small_set(tmp_path, monkeypatch, few):
    """The same sixty-four in the place of the set that the tab of data reads by itself."""
    path = tmp_path / "flower_samples.parquet"
    save_images(path, few)
    monkeypatch.setattr(dataset_stats, "OURS", path)
    return path


def said(app):
    return " ".join(part.value for part in app.markdown)


def html(app):
    return " ".join(part.proto.body for part in app.get("html"))


def charts(app):
    return [chart for part in app.get("bidi_component") for chart in json.loads(part.proto.json)["charts"]]


def run(code, **names):
    """Run the lines that are shown; returns their names and what they print."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return names, printed.getvalue()


def card(**changes):
    known = read_card(PRETRAINED / "flowers_attention.json")
    usual = {
        name: score for name, score in known.scores.items() if not name.startswith(("by_", "class_score", "FD_vae"))
    }
    return replace(known, scores={**usual, **changes.pop("scores", {})}, **changes)


BY_GUIDANCE = [
    {
        "guidance_scale": s,
        "FD": 3 / (1 + s),
        "FD_band": 0.1,
        "class_accuracy": 0.3 + 0.1 * s,
        "diversity": 0.9 - 0.1 * s,
    }
    for s in (0, 1, 2, 4)
]
BY_STEPS = [
    {"sampler": s, "steps": m, "nfe": 2 * m, "FD": 20 / m, "FD_band": 0.2}
    for s in ("DDIM", "Heun")
    for m in (5, 10, 20)
]


# ---------------------------------------------------------------- scores


def test_the_first_tab_shows_every_measured_model_between_real_images_and_noise():
    app = healthy(opened(PAGE))
    body = html(app).split("</table>")[0]
    for name in ("flowers_attention", "flowers_simple"):
        found = read_card(PRETRAINED / f"{name}.json")
        assert found.title in body and f"{found.scores['FD']:.3g} ± {found.scores['FD_band']:.2f}" in body
        assert found.scores["protocol"] in said(app) and any(code.value == found.scores["command"] for code in app.code)
    places = [
        body.index(words)
        for words in ("Real, half against half", "Flowers, attention U-Net", "Flowers, simple U-Net", "Pure noise")
    ]
    assert places == sorted(places) and "◆" in body and "▲" in body and "●" in body
    assert "is the nearest" in said(app) and "not FID" in " ".join(caption.value for caption in app.caption)
    healthy(app.run())


def test_the_code_prints_the_scores_that_are_shown():
    app = healthy(opened(PAGE))
    _, printed = run(next(code.value for code in app.code if "everything()" in code.value))
    known = read_card(PRETRAINED / "flowers_attention.json").scores
    assert (
        f"flowers_attention FD {known['FD']}" in printed
        and f"flowers_attention class_accuracy_real {known['class_accuracy_real']}" in printed
    )


def test_a_mark_stands_where_its_distance_is_on_the_logarithmic_strip():
    rows = [
        score_table.Row("r", "real", {"FD": 0.1}),
        score_table.Row("m", "model", {"FD": 1.0}),
        score_table.Row("n", "noise", {"FD": 10.0}),
    ]
    page = score_table.table("Flowers", rows)
    marks = [float(part.split("%")[0]) for part in page.split('class="mark" style="left: ')[1:]]
    assert (
        marks[1] == pytest.approx(50, abs=0.1)
        and marks[1] - marks[0] == pytest.approx(marks[2] - marks[1], abs=0.2)
        and marks == sorted(marks)
    )
    assert "1.00" not in page and ">1<" in page.replace(
        "<small></small>", "<"
    )  # the tick, and the number as a person writes it


def test_baselines_come_from_the_file_of_all_scores_or_else_from_the_cards(tmp_path):
    path = tmp_path / "scores.json"
    alone = score_table.grouped({"m": card()}, path)["Flowers, 64x64"]
    assert [row.class_name for row in alone] == ["real", "model", "noise"]
    assert [
        row.class_name for row in score_table.grouped({"m": card(scores={"FD_vae": 30.0})}, path)["Flowers, 64x64"]
    ] == [
        "real",
        "model",
        "VAE",
        "noise",
    ]
    written = [
        {"what": what, "data": "flowers", "size": 64, "FD": at, "FD_band": 0.1, "class_score": 2.0}
        for what, at in (("noise", 99), ("VAE", 9))
    ]
    path.write_text(
        json.dumps({"rows": [*written, {"what": "noise", "data": "faces", "size": 64, "FD": 5}], "command": "c"})
    )
    rows = score_table.grouped({"m": card(scores={"class_score": 30.0, "class_score_real": 40.0})}, path)[
        "Flowers, 64x64"
    ]
    assert [(row.class_name, row.scores["FD"]) for row in rows][2:] == [("VAE", 9), ("noise", 99)] and rows[
        0
    ].class_name == "real"
    assert "kinds told apart" in score_table.table("F", rows) and "real 40" in score_table.table("F", rows)
    for broken in ("", "[]", "{}", '{"rows": [{}]}', '{"rows": [3]}'):
        path.write_text(broken)
        assert len(score_table.grouped({"m": card()}, path)["Flowers, 64x64"]) == 3
    assert score_table.grouped({"m": replace(card(), scores={})}, path) == {}


def test_a_vae_with_scores_of_its_own_stands_once_and_as_what_it_is(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"rows": [{"what": "VAE", "data": "flowers", "size": 64, "FD": 9}]}))
    vae = card(title="Own", class_name="vae", scores={"FD": 8.0})
    rows = score_table.grouped({"m": card(scores={"FD_vae": 30.0}), "v": vae}, path)["Flowers, 64x64"]
    assert [(row.words, row.scores["FD"]) for row in rows if row.class_name == "VAE"] == [("Own", 8.0)]
    assert "**Own** is the nearest" in score_table.in_a_sentence(
        score_table.grouped({"v": vae}, path)["Flowers, 64x64"]
    )


def test_models_of_faces_and_of_flowers_do_not_fraction_a_table(tmp_path):
    faces = replace(card(), classes=[], attributes=["smiling"])
    assert set(score_table.grouped({"a": card(), "b": faces}, tmp_path / "none")) == {"Flowers, 64x64", "Faces, 64x64"}


JUDGED = {
    "FD": 118.3,
    "FD_band": 0.18,
    "class_accuracy": 0.81,
    "subject_accuracy": 0.6,
    "diversity": 0.7,
    "diversity_of_prompts": 0.9,
}
JUDGED |= {"memorised": 0.004, "nearest": 1.1, "own_image": 0.0}
FLOORS = {
    "protocol": "p",
    "command": "c",
    "FD_floor": 20.0,
    "FD_noise": 400.0,
    "class_accuracy_real": 0.9,
    "subject_accuracy_real": 0.75,
}
TOLD = (
    FLOORS
    | JUDGED
    | {
        "training_prompts": {**JUDGED, "memorised": 0.03},
        "by_guidance": [{"guidance_scale": s, **JUDGED} for s in (1.0, 4.0, 8.0)],
    }
)
BACK = {"PSNR": 21.46, "SSIM": 0.62, "perceptual_distance": 0.0606, "gradient_energy": 0.16, "FD": 3.123}
CODED = {
    "autoencoder": BACK,
    "bicubic": {**BACK, "PSNR": 19.13, "perceptual_distance": 0.303, "FD": 10.75},
    "FD_floor": 3.049,
    "FD_halves": 0.08,
    "protocol": "p",
}


@pytest.fixture
def latent(tmp_path, monkeypatch, tiny):
    """A model that is told captions and its autoencoder, with scores as their evaluations write them, and classifiers of scenes."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    keep_talker(tmp_path, tiny)
    for name, scores_of in (("talker", TOLD), (CODER, CODED)):
        save_card(
            tmp_path,
            replace(read_card(tmp_path / f"{name}.json"), scores=scores_of, data={"subject": "captioned images"}),
        )
    config = {"classes": 2, "widths": [8, 8], "patch": 1}
    net = NETWORKS["plain_classifier"](**config)
    card = Card(
        "seer",
        "Seer of scenes",
        "plain_classifier",
        config,
        "class",
        16,
        classes=["sea", "snow"],
        scores={"validation_accuracy": 0.7},
    )
    save(tmp_path, card, net)


def test_a_model_that_is_told_captions_stands_in_a_table_of_its_images(latent):
    app = healthy(opened(PAGE))
    (body,) = [part.proto.body for part in app.get("html") if "Captioned images, 16x16</th>" in part.proto.body]
    for said_of in ("118 ± 0.18", "81%", "real 90%", "60%", "real 75%", "70%", "0.4%", "right subject", "varied"):
        assert said_of in body
    assert "PSNR" not in body and body.index("Real, half against half") < body.index("talker") < body.index(
        "Pure noise"
    )
    healthy(app.selectbox(key="scored").set_value("talker").run())
    fractions = charts(app)[-1]
    labels = ["class_accuracy", "right subject", "diversity", "class accuracy in real images"]
    assert [curve["label"] for curve in fractions["series"]] == labels and len(
        {curve["dash"] for curve in fractions["series"]}
    ) == 4


def test_an_autoencoder_stands_beside_pixels(latent):
    app = healthy(opened(PAGE))
    (body,) = [
        part.proto.body for part in app.get("html") if "there and back" in part.proto.body and ">C<" in part.proto.body
    ]
    places = [body.index(words) for words in ("Real, the images themselves", ">C<", "Pixels, as few as places")]
    assert places == sorted(places) and all(
        number in body for number in ("21.5 dB", "19.1 dB", "0.62", "0.061", "0.303", "3.12", "10.8", "3.05")
    )
    assert "5.0 times as unlike" in said(app) and "**C**" in said(app)


def test_the_cards_of_latent_models_say_what_they_draw_and_what_they_score(latent):
    known = model_card.everything()
    told, coder = known["talker"], known[CODER]
    assert (
        model_card.pixels(told) == "16x16"
        and "4 maps of 8x8" in model_card.what(told)
        and "image of 16x16" in model_card.what(told)
    )
    assert model_card.pixels(replace(told, autoencoder="not here")) == "8x8"
    rows = {what: value for what, value, _ in [*model_card.scores(told), *model_card.scores(coder)]}
    assert rows["Samples in which the judge sees the very subject"] == "60%" and rows["FD of pure noise"] == "400"
    assert rows["There and back by the latents"].startswith("PSNR 21.5 dB") and rows[
        "There and back by as many pixels, bicubic"
    ].startswith("PSNR 19.1")
    assert [value for what, value in rows.items() if "has learned from" in what] == ["3.0%", "0.0%"]
    assert not any("Nothing finer than a pixel" in sentence for sentence in model_card.weaknesses(told))


@pytest.mark.parametrize("page", PAGES)
def test_no_page_breaks_or_offers_pixels_of_what_draws_latents(page, latent):
    app = healthy(opened(page))
    pickers = [
        box for box in app.selectbox if box.key != "scored" and box.label.endswith(("Model", "Model that draws it"))
    ]
    offered = {option for box in pickers for option in box.options}
    assert (
        ("talker" in offered) == ("11_" in page) and not offered & {CODER, "C", "Seer of scenes"} and not app.exception
    )
    if page == HOME:
        assert any("draws what a text says" in caption.value for caption in app.caption) and any(
            "16x16" in caption.value for caption in app.caption
        )


def test_a_band_has_digits_of_its_own_where_those_of_its_score_would_hide_it():
    assert numbers.format_with_band({"FD": 118.3, "FD_band": 0.18}, "FD") == "118 ± 0.18"
    assert (
        numbers.format_with_band({"FD": 118.3, "FD_band": 2.4}, "FD") == "118 ± 2"
        and numbers.format_with_band({"FD": 1.23, "FD_band": 0.056}, "FD") == "1.23 ± 0.06"
    )
    assert numbers.format_with_band({"KD": 0.01, "KD_band": 0.00003}, "KD", "{:.4f}".format) == "0.0100 ± 0.000030"
    assert numbers.format_with_band({"FD": 118.3, "FD_band": 0.0}, "FD") == "118 ± 0"


def test_charts_hold_what_was_measured_against_guidance_and_steps():
    measured = {**card().scores, "by_guidance": BY_GUIDANCE, "by_steps": BY_STEPS}
    distance, fractions = scores.guidance_charts(measured)
    assert distance.series[0].x == [0, 1, 2, 4] and 10 ** distance.series[0].y[-1] == pytest.approx(0.6)
    low, high, gap = distance.series[1].y[:3]
    assert (10**low, 10**high, gap) == (pytest.approx(2.9), pytest.approx(3.1), None)
    assert [series.label for series in fractions.series] == [
        "class_accuracy",
        "diversity",
        "class accuracy in real images",
    ]
    assert len({series.dash for series in fractions.series}) == 3
    (cost,) = scores.steps_charts(measured)
    sampled = [series for series in cost.series if series.label in ("DDIM", "Heun") and None not in series.y]
    assert [series.label for series in sampled] == ["DDIM", "Heun"] and sampled[0].dash != sampled[1].dash
    assert [2**at for at in sampled[0].x] == pytest.approx([10, 20, 40])
    assert scores.guidance_charts({}) == scores.steps_charts({}) == []


def test_the_page_offers_the_charts_of_those_models_that_have_them(monkeypatch):
    plain = healthy(opened(PAGE))
    assert charts(plain) == [] or plain.selectbox(key="scored")
    known = {
        "m": card(scores={"by_guidance": BY_GUIDANCE}),
        "n": card(name="n", title="Other", scores={"by_steps": BY_STEPS}),
    }
    monkeypatch.setattr(model_card, "everything", lambda: known)
    app = healthy(opened(PAGE))
    assert [chart["title"] for chart in charts(app)] == ["FD against guidance", "Asked and seen, and how varied"]
    healthy(app.selectbox(key="scored").set_value("Other").run())
    assert [chart["title"] for chart in charts(app)] == ["FD against cost"]


def test_without_scores_the_page_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(model_card, "everything", lambda: {"m": replace(card(), scores={})})
    assert "diffusion_edu.evaluation" in healthy(opened(PAGE)).info[0].value


@pytest.mark.parametrize(
    ("values", "inside"),
    [([0.2, 118], ["1", "10", "100"]), ([1.0, 1.2], ["1"]), ([0.02, 0.5], ["0.03", "0.1", "0.3"]), ([3.0], ["2", "5"])],
)
def test_logarithmic_axes_have_round_ticks_and_hold_their_values(values, inside):
    axis = chart_axes.log_axis("FD", values)
    assert axis.low < np.log10(min(values)) and np.log10(max(values)) < axis.high and set(inside) <= set(axis.ticks)
    assert all(
        10**at == pytest.approx(float(words)) and axis.low <= at <= axis.high for words, at in axis.ticks.items()
    )


# ---------------------------------------------------------------- few samples


def test_a_perfect_model_scores_what_normal_samples_score_and_less_with_more_of_them():
    dice = torch.Generator().manual_seed(5)
    root = torch.randn(6, 6, generator=dice, dtype=torch.float64)
    features = torch.randn(20_000, 6, generator=dice, dtype=torch.float64) @ root + 3
    real = Statistics.of(features)
    few, many = perfect_model_fd(real, 16, repeats=40), perfect_model_fd(real, 256, repeats=40)
    truth = [frechet(real, features[rows]) for rows in torch.arange(640).view(40, 16)]
    assert few[0] == pytest.approx(np.mean(truth), rel=0.15) and few[1] > 0
    assert many[0] < few[0] / 8
    assert fd_of_subsets(real, features[:64], 16, repeats=40)[0] == pytest.approx(np.mean(truth), rel=0.3)
    assert fd_of_subsets(real, features[:64], 64)[0] == frechet(real, features[:64])


@pytest.mark.parametrize(
    ("low", "high", "counts"), [(4, 32, [4, 8, 16, 32]), (4, 4, [4]), (4, 20, [5, 10, 20]), (4, 3, [3])]
)
def test_counts_double_up_to_the_last(low, high, counts):
    assert doubled_counts(low, high) == counts


# ---------------------------------------------------------------- look closely


def test_the_tab_looks_at_our_images_by_itself_and_the_code_gives_its_numbers(monkeypatch, few):
    app = finished(healthy(opened(PAGE, **CLOSELY)))
    look, seen = app.session_state["done:closely"]
    assert (look.card, look.count, seen.among) == (None, 8, 56)
    assert html(app).count("<img ") == 12 and "sampled by our own model" in " ".join(
        caption.value for caption in app.caption
    )
    ours = few.images
    feature_network = load("flower_features")
    others = [row for row in range(64) if row not in look.chosen.tolist()]
    sampled, features = (describe(feature_network, images).features for images in (ours[look.chosen], ours[others]))
    distances, rows = nearest(sampled, features)
    torch.testing.assert_close(seen.distances, distances, rtol=1e-3, atol=1e-3)
    assert torch.equal(seen.neighbours, ours[others][rows])
    real = Reference.load(PRETRAINED / "flower_reference.npz").statistics
    count, distance, _ = seen.curves["these samples"][-1]
    assert (
        count == 8
        and distance == pytest.approx(frechet(real, sampled), rel=1e-3)
        and numbers.format_number(distance) in said(app)
    )
    assert {n: at for n, at, _ in seen.curves["a perfect model"]}[8] == pytest.approx(perfect_model_fd(real, 8)[0])
    assert [chart["title"].split(":")[0] for chart in charts(app)] == [
        "FD and number of samples",
        "Red",
        "Green",
        "Blue",
    ]
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    names, printed = run(app.code[0].value)
    torch.testing.assert_close(names["distances"], seen.distances, rtol=1e-3, atol=1e-3)
    assert f"{seen.moved[0]:.4f}" in printed and "a perfect model" in printed


def test_samples_made_now_are_what_the_model_draws(monkeypatch, few):
    app = healthy(
        opened(PAGE, **CLOSELY, samples="sampled now", closely_seed="3", closely_model="Flowers, simple U-Net")
    )
    preset = Preset("DDIM", steps=2, guidance_scale=1.0)
    monkeypatch.setattr(sample_check.Look, "preset", preset)
    assert any("s on this machine" in caption.value for caption in app.caption)
    app = finished(healthy(next(button for button in app.button if button.label == "Draw and look").click().run()))
    look, seen = app.session_state["done:closely"]
    model = load("flowers_simple")
    *_, last = generate(model, preset, range(3, 11), model.card.labels_for(range(3, 11)))
    assert (seen.images.float() - ((last.x.clamp(-1, 1) + 1) * 127.5).round()).abs().max() <= 1 and seen.among == 64
    assert look.card.name == "flowers_simple" and numbers.format_number(look.card.scores["FD"]) in said(app)
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    monkeypatch.setattr("diffusion_edu.generation.Preset", lambda **_: preset)
    names, _ = run(app.code[0].value)
    assert torch.equal(names["samples"], seen.images)


def test_images_of_ones_own_are_the_reference_and_their_names_are_shown(own, few, monkeypatch):
    (own / "disc" / "again.png").unlink()  # equal images lie nearer to each other than any copy could
    samples = own / "disc" / "copy.png"
    Image.fromarray(few.images[sample_check.Look(None, 8, 0).chosen[0]].permute(1, 2, 0).numpy()).save(
        samples
    )  # one that was copied
    app = finished(healthy(opened(PAGE, **CLOSELY, others="images of your own", closely_path=str(own))))
    look, seen = app.session_state["done:closely"]
    assert look.path == str(own) and seen.among == 17 and seen.files[0] == "disc/copy.png" and seen.distances[0] < 0.1
    assert "1 of 8 samples lie nearer" in said(app) and "copy.png" in html(app) and seen.fractions[1].shape == (3, 256)
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    names, printed = run(app.code[0].value)
    torch.testing.assert_close(names["distances"], seen.distances, rtol=1e-3, atol=1e-3)
    assert f"{seen.moved[0]:.4f}" in printed


@pytest.mark.parametrize("path", ["/no/such/place", "~nobody/images", "a\0b", "x" * 5000])
@pytest.mark.parametrize(
    ("link", "key"),
    [
        ({**CLOSELY, "others": "images of your own"}, "closely_path"),
        ({**DATA, "set": "images of your own"}, "set_path"),
    ],
)
def test_a_bad_path_gets_one_sentence(path, link, key, small_set):
    app = healthy(opened(PAGE, **link))
    healthy(app.text_input(key=key).set_value(path).run())
    assert len(app.error) == 1 and "check the path" in app.error[0].value
    healthy(app.text_input(key=key).set_value("").run())
    assert not app.error and "Type the path" in app.info[0].value


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (CLOSELY, {"others": "images of your own", "closely_path": ""}),
        (DATA, {"set": "images of your own", "set_path": ""}),
    ],
)
def test_a_folder_without_images_gets_one_sentence(link, path, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    found = {name: value or str(tmp_path) for name, value in path.items()}
    app = finished(healthy(opened(PAGE, **link, **found)))
    assert len(app.error) == 1 and "no image that can be read" in app.error[0].value


def test_cancel_stops_and_look_again_goes_on(monkeypatch):
    monkeypatch.setattr(sample_check, "AT_ONCE", 1)
    app = healthy(opened(PAGE, **CLOSELY))
    job = app.session_state["job:closely"]
    healthy(app.button(key="cancel:closely").click().run())
    assert job.cancelled and "done:closely" not in app.session_state
    healthy(next(button for button in app.button if button.label == "Look again").click().run())
    assert "done:closely" in finished(app).session_state


def test_a_model_of_faces_has_no_statistics_of_flowers_to_be_measured_by(tmp_path, monkeypatch):
    faces = replace(card(), name="f", classes=[], attributes=["smiling"])
    look = sample_check.Look(faces, 8, 0)
    monkeypatch.setattr(sample_check, "available", lambda: {"face_features": None})
    monkeypatch.setattr(sample_check, "PRETRAINED", tmp_path)
    assert look.feature_network == "face_features" and look.shipped is None
    assert "perfect_model_fd(" not in samples.code(look).split("eyes = load")[1]


def test_larger_samples_are_brought_to_the_size_of_the_others():
    assert sample_view.shrunk(torch.full((2, 3, 128, 128), 7, dtype=torch.uint8)).eq(7).all()
    assert sample_view.shrunk(torch.zeros(2, 3, 128, 128, dtype=torch.uint8)).shape == (2, 3, 64, 64)


# ---------------------------------------------------------------- data


def test_the_tab_of_data_counts_splits_and_offers_the_parts(small_set, few):
    app = finished(healthy(opened(PAGE, **DATA)))
    inspection, found = app.session_state["done:dataset"]
    assert inspection.fractions == (0.8, 0.1, 0.1) and sum(found.config) == found.read == 64
    assert (
        "**64 images**" in said(app)
        and "sampled by our own model" in said(app)
        and "No file is there twice" in said(app)
    )
    assert html(app).count("<div><span") == 102 and [chart["title"] for chart in charts(app)] == [
        "Red",
        "Green",
        "Blue",
    ]
    assert [series["label"] for series in charts(app)[0]["series"]] == ["train", "validation", "test"]
    lines = found.csv.splitlines()
    assert (
        lines[0] == "file,class,split"
        and len(lines) == 65
        and sum(line.endswith(",train") for line in lines) == found.config[0]
    )
    healthy(app.slider(key="set_shares").set_value((50, 100)).run())
    _, found = finished(app).session_state["done:dataset"]
    assert found.config[2] == 0 and abs(found.config[0] - 32) <= 1 and len(charts(app)[0]["series"]) == 2


def test_the_code_makes_the_parts_that_are_shown(own):
    app = finished(healthy(opened(PAGE, **DATA, set="images of your own", set_path=str(own), set_seed="4")))
    _, found = app.session_state["done:dataset"]
    names, printed = run(app.code[0].value)
    assert names["text"] == found.csv and "equal files: 1" in printed
    assert "there more than once" in said(app) and "disc/0.png and disc/again.png" in said(app)
    assert len(app.warning) == 1 and "disc/broken.png" in app.warning[0].value or "broken.png" in app.warning[0].value
    assert (found.read, found.counts) == (17, {"disc": 13, "square": 4}) and found.sides == {(60, 40): 17}


def test_fractions_that_are_impossible_are_refused_in_words(own):
    app = healthy(opened(PAGE, **DATA, set="images of your own", set_path=str(own / "square")))  # four images
    app = finished(app)
    assert len(app.error) == 1 and "10.0% of 4 images are none at all: give test a larger share" in app.error[0].value
    healthy(app.slider(key="set_shares").set_value((50, 100)).run())
    assert not finished(app).error and app.session_state["done:dataset"][1].config == [2, 2, 0]


def test_a_shipped_reference_shows_its_numbers_and_says_that_images_do_not_ship():
    app = healthy(opened(PAGE, tab="Data", set="real flowers (numbers only)"))
    real = Reference.load(PRETRAINED / "flower_reference.npz")
    assert "8,189 real images" in said(app) and "do not ship" in said(app) and html(app).count("<div><span") == 102
    _, printed = run(app.code[0].value)
    assert str(real.floor) in printed


def test_more_images_than_are_read_are_said_to_be_more(own, monkeypatch):
    monkeypatch.setattr(dataset_stats, "MOST", 10)
    monkeypatch.setattr(dataset, "MOST", 10)
    app = finished(healthy(opened(PAGE, **DATA, set="images of your own", set_path=str(own))))
    assert any("There are 18 images" in info.value for info in app.info)


def test_attributes_are_shown_as_fractions_and_largest_first():
    page = dataset_stats.bars({"<smiling>": 1, "young": 3}, total=4)
    assert (
        "&lt;smiling&gt;" in page
        and page.index("young") < page.index("smiling")
        and ">75%<" in page
        and "width: 25.0%" in page
    )
    assert "width: 100.0%" in dataset_stats.bars({"a": 7, "b": 2}) and dataset_stats.bars({}).endswith("</div>")


# ---------------------------------------------------------------- every widget


@pytest.mark.parametrize(
    ("class_name", "key", "value", "link"),
    [
        ("segmented_control", "samples", "sampled now", CLOSELY),
        ("segmented_control", "others", "images of your own", CLOSELY),
        ("select_slider", "closely_count", 16, CLOSELY),
        ("number_input", "closely_seed", 1_000_000, CLOSELY),
        ("selectbox", "closely_model", "Flowers, simple U-Net", {**CLOSELY, "samples": "sampled now"}),
        (
            "select_slider",
            "closely_most",
            250,
            {**CLOSELY, "others": "images of your own", "closely_path": str(PRETRAINED)},
        ),
        ("segmented_control", "set", "images of your own", DATA),
        ("slider", "set_shares", (0, 100), DATA),
        ("number_input", "set_seed", 7, DATA),
    ],
)
def test_every_widget_may_be_moved(class_name, key, value, link, small_set):
    app = healthy(opened(PAGE, **link))
    healthy(getattr(app, class_name)(key=key).set_value(value).run())
    healthy(app.run())
    assert len(app.title) == 1


@pytest.mark.parametrize(
    "link",
    [
        {"tab": "nonsense"},
        {**CLOSELY, "closely_count": "7", "closely_model": "x"},
        {**DATA, "set": "x", "set_shares": ["9", "z"]},
    ],
)
def test_a_link_with_nonsense_in_it_opens_all_the_same(link, small_set):
    assert len(healthy(opened(PAGE, **link)).title) == 1


def test_a_link_to_an_exhibit_opens_the_museum_and_one_to_the_doctor_the_doctor():
    app = healthy(opened(PAGE, exhibit="33-noised-one-step-too-much"))
    assert "What would you predict?" in said(app)
    assert healthy(opened(PAGE, tab="Symptom doctor")).segmented_control(key="doctor_source")
