"""Is it good? The tabs of scores, samples and the dataset: what they show is what the library measures."""

import contextlib
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_text_to_image import CODER, keep_talker

from diffusion_edu.app.common.server_folders import FOLDERS
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
from onscreen import HOME, charts, finished, healthy, opened  # noqa: E402

from diffusion_edu.app.common import image_picker, layout, model_card, neighbour_search, numbers
from diffusion_edu.app.evaluation import (
    dataset,
    dataset_stats,
    sample_check,
    sample_view,
    samples,
    score_rows,
    score_table,
    scores,
)
from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.app.trajectories import chart_axes

PAGE = "pages/13_Evaluate_and_debug.py"
PAGES = [path for path in layout.PAGES if "6_" not in path]  # which draws points
SAMPLES, DATASET = {"tab": "Samples", "samples_count": "8"}, {"tab": "Dataset"}


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    """Sixty-four of our images instead of all, so that a check takes a second; the test's own folder is open."""
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    ours = image_picker.images()
    small = ours.take(torch.arange(64) * 16)
    monkeypatch.setattr(image_picker, "images", lambda size=64: small)
    monkeypatch.setattr(neighbour_search, "CACHE", {})
    monkeypatch.setattr(sample_check, "CACHE", neighbour_search.CACHE)
    monkeypatch.setattr(dataset_stats, "CACHE", {})
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
    """The same sixty-four as the dataset that the tab reads by itself."""
    path = tmp_path / "flower_samples.parquet"
    save_images(path, few)
    monkeypatch.setattr(dataset_stats, "OURS", path)
    return path


def typed(name, path, **link):
    """The page with the path of a person's own images, as reference or as dataset."""
    return healthy(opened(PAGE, [(f"evaluate.{name}_path", str(path))], **link, **{name: "your own images"}))


def said(app):
    return " ".join(part.value for part in app.markdown)


def html(app):
    return " ".join(part.proto.body for part in app.get("html"))


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


def test_a_mark_is_at_its_distance_on_the_logarithmic_strip():
    rows = [
        score_rows.ScoreRow("r", "real", {"FD": 0.1}),
        score_rows.ScoreRow("m", "model", {"FD": 1.0}),
        score_rows.ScoreRow("n", "noise", {"FD": 10.0}),
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
    alone = score_rows.model_tables({"m": card()}, path)["Flowers, 64x64"]
    assert [row.role for row in alone] == ["real", "model", "noise"]
    assert [
        row.role for row in score_rows.model_tables({"m": card(scores={"FD_vae": 30.0})}, path)["Flowers, 64x64"]
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
    rows = score_rows.model_tables({"m": card(scores={"class_score": 30.0, "class_score_real": 40.0})}, path)[
        "Flowers, 64x64"
    ]
    assert [(row.role, row.scores["FD"]) for row in rows][2:] == [("VAE", 9), ("noise", 99)] and rows[0].role == "real"
    assert "Inception-style score" in score_table.table("F", rows) and "real 40" in score_table.table("F", rows)
    for broken in ("", "[]", "{}", '{"rows": [{}]}', '{"rows": [3]}'):
        path.write_text(broken)
        assert len(score_rows.model_tables({"m": card()}, path)["Flowers, 64x64"]) == 3
    assert score_rows.model_tables({"m": replace(card(), scores={})}, path) == {}


def test_a_vae_with_scores_of_its_own_has_one_row_as_a_vae(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"rows": [{"what": "VAE", "data": "flowers", "size": 64, "FD": 9}]}))
    vae = card(title="Own", prediction_type="vae", scores={"FD": 8.0})
    rows = score_rows.model_tables({"m": card(scores={"FD_vae": 30.0}), "v": vae}, path)["Flowers, 64x64"]
    assert [(row.name, row.scores["FD"]) for row in rows if row.role == "VAE"] == [("Own", 8.0)]
    assert "**Own** is the nearest" in score_table.model_sentence(
        score_rows.model_tables({"v": vae}, path)["Flowers, 64x64"]
    )


def test_models_of_faces_and_of_flowers_have_tables_of_their_own(tmp_path):
    faces = replace(card(), classes=[], attributes=["smiling"])
    tables = score_rows.model_tables({"a": card(), "b": faces}, tmp_path / "none")
    assert set(tables) == {"Flowers, 64x64", "Faces, 64x64"}


MEASURED = {
    "FD": 118.3,
    "FD_band": 0.18,
    "class_accuracy": 0.81,
    "subject_accuracy": 0.6,
    "diversity": 0.7,
    "diversity_of_prompts": 0.9,
}
MEASURED |= {"memorised": 0.004, "nearest": 1.1, "own_image": 0.0}
FLOORS = {
    "protocol": "p",
    "command": "c",
    "FD_floor": 20.0,
    "FD_noise": 400.0,
    "class_accuracy_real": 0.9,
    "subject_accuracy_real": 0.75,
}
SCORES_OF_PROMPTS = (
    FLOORS
    | MEASURED
    | {
        "training_prompts": {**MEASURED, "memorised": 0.03},
        "by_guidance": [{"guidance_scale": s, **MEASURED} for s in (1.0, 4.0, 8.0)],
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
    """A model conditioned on captions and its autoencoder, with scores, and a classifier of scenes."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    keep_talker(tmp_path, tiny)
    for name, scores_of in (("talker", SCORES_OF_PROMPTS), (CODER, CODED)):
        save_card(
            tmp_path,
            replace(read_card(tmp_path / f"{name}.json"), scores=scores_of, data={"subject": "captioned images"}),
        )
    config = {"classes": 2, "widths": [8, 8], "patch": 1}
    net = NETWORKS["plain_classifier"](**config)
    card = Card(
        "scene_net",
        "Scene classifier",
        "plain_classifier",
        config,
        "class",
        16,
        classes=["sea", "snow"],
        scores={"validation_accuracy": 0.7},
    )
    save(tmp_path, card, net)


def test_a_model_conditioned_on_captions_is_in_the_table_of_its_images(latent):
    app = healthy(opened(PAGE))
    (body,) = [part.proto.body for part in app.get("html") if "Captioned images, 16x16</th>" in part.proto.body]
    for text in ("118 ± 0.18", "81%", "real 90%", "60%", "real 75%", "70%", "0.4%", "subject accuracy", "diversity"):
        assert text in body
    assert "PSNR" not in body and body.index("Real, half against half") < body.index("talker") < body.index(
        "Pure noise"
    )
    healthy(app.selectbox(key="evaluate.scores_model").set_value("talker").run())
    fractions = charts(app)[-1]
    labels = ["class accuracy", "subject accuracy", "diversity", "class accuracy in real images"]
    assert [curve["label"] for curve in fractions["series"]] == labels and len(
        {curve["dash"] for curve in fractions["series"]}
    ) == 4


def test_an_autoencoder_is_compared_with_pixels(latent):
    app = healthy(opened(PAGE))
    (body,) = [
        part.proto.body for part in app.get("html") if "reconstructed" in part.proto.body and ">C<" in part.proto.body
    ]
    places = [body.index(words) for words in ("Real, the images themselves", ">C<", "Shrunk to as many numbers")]
    assert places == sorted(places) and all(
        number in body for number in ("21.5 dB", "19.1 dB", "0.62", "0.061", "0.303", "3.12", "10.8", "3.05")
    )
    assert "5.0 times as large" in said(app) and "**C**" in said(app)


def test_the_cards_of_latent_models_say_what_they_are_and_what_they_score(latent):
    known = model_card.everything()
    model, coder = known["talker"], known[CODER]
    assert (
        model_card.pixels(model) == "16x16"
        and "4 maps of 8x8" in model_card.what(model)
        and "image of 16x16" in model_card.what(model)
    )
    assert model_card.pixels(replace(model, autoencoder="not here")) == "8x8"
    rows = {what: value for what, value, _ in [*model_card.scores(model), *model_card.scores(coder)]}
    assert rows["Subject accuracy of the samples, by a classifier"] == "60%" and rows["FD of pure noise"] == "400"
    assert rows["Reconstruction from the latents"].startswith("PSNR 21.5 dB") and rows[
        "Reconstruction from as many pixels, bicubic"
    ].startswith("PSNR 19.1")
    assert [value for what, value in rows.items() if "captions of the training set" in what] == ["3.0%", "0.0%"]
    assert not any("knows no finer detail" in sentence for sentence in model_card.weaknesses(model))


@pytest.mark.parametrize("page", PAGES)
def test_no_page_breaks_or_offers_a_latent_model_for_pixels(page, latent):
    app = healthy(opened(page))
    pickers = [box for box in app.selectbox if box.key != "evaluate.scores_model" and box.label.endswith("Model")]
    offered = {option for box in pickers for option in box.options}
    assert (
        ("talker" in offered) == ("11_" in page)
        and not offered & {CODER, "C", "Scene classifier"}
        and not app.exception
    )
    if page == HOME:
        assert any("conditioned on text" in caption.value for caption in app.caption) and any(
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


def test_charts_show_the_measurements_over_guidance_and_steps():
    measured = {**card().scores, "by_guidance": BY_GUIDANCE, "by_steps": BY_STEPS}
    distance, fractions = scores.guidance_charts(measured)
    assert distance.series[0].x == [0, 1, 2, 4] and 10 ** distance.series[0].y[-1] == pytest.approx(0.6)
    low, high = distance.series[0].bands[0]
    assert (10**low, 10**high) == (pytest.approx(2.9), pytest.approx(3.1))
    assert [series.label for series in fractions.series] == [
        "class accuracy",
        "diversity",
        "class accuracy in real images",
    ]
    assert len({series.dash for series in fractions.series}) == 3
    (cost,) = scores.steps_charts(measured)
    sampled = [series for series in cost.series if series.label in ("DDIM", "Heun")]
    assert [series.label for series in sampled] == ["DDIM", "Heun"] and sampled[0].dash != sampled[1].dash
    assert [2**at for at in sampled[0].x] == pytest.approx([10, 20, 40])
    assert scores.guidance_charts({}) == scores.steps_charts({}) == []


def test_the_page_offers_the_charts_of_those_models_that_have_them(monkeypatch):
    plain = healthy(opened(PAGE))
    assert charts(plain) == [] or plain.selectbox(key="evaluate.scores_model")
    known = {
        "m": card(scores={"by_guidance": BY_GUIDANCE}),
        "n": card(name="n", title="Other", scores={"by_steps": BY_STEPS}),
    }
    monkeypatch.setattr(model_card, "everything", lambda: known)
    app = healthy(opened(PAGE))
    assert [chart["title"] for chart in charts(app)] == ["FD and guidance", "Class accuracy and diversity"]
    healthy(app.selectbox(key="evaluate.scores_model").set_value("Other").run())
    assert [chart["title"] for chart in charts(app)] == ["FD and cost"]


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
    generator = torch.Generator().manual_seed(5)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    features = torch.randn(20_000, 6, generator=generator, dtype=torch.float64) @ root + 3
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


# ---------------------------------------------------------------- samples


def test_the_tab_checks_our_images_by_itself_and_the_code_gives_its_numbers(monkeypatch, few):
    app = finished(healthy(opened(PAGE, **SAMPLES)))
    request, report = app.session_state["evaluate." + done_key("samples")][:2]
    assert (request.card, request.count, report.reference_count) == (None, 8, 56)
    assert html(app).count("<img ") == 12 and "generated by our own model" in " ".join(
        caption.value for caption in app.caption
    )
    ours = few.images
    feature_network = load("flower_features")
    others = [row for row in range(64) if row not in request.rows.tolist()]
    sampled, features = (describe(feature_network, images).features for images in (ours[request.rows], ours[others]))
    distances, rows = nearest(sampled, features)
    torch.testing.assert_close(report.distances, distances, rtol=1e-3, atol=1e-3)
    assert torch.equal(report.neighbours, ours[others][rows])
    real = Reference.load(PRETRAINED / "flower_reference.npz").statistics
    count, distance, _ = report.curves["these samples"][-1]
    assert (
        count == 8
        and distance == pytest.approx(frechet(real, sampled), rel=1e-3)
        and numbers.format_number(distance) in said(app)
    )
    assert {n: at for n, at, _ in report.curves["a perfect model"]}[8] == pytest.approx(perfect_model_fd(real, 8)[0])
    assert [chart["title"].split(":")[0] for chart in charts(app)] == [
        "FD and number of samples",
        "Red",
        "Green",
        "Blue",
    ]
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    names, printed = run(app.code[0].value)
    torch.testing.assert_close(names["distances"], report.distances, rtol=1e-3, atol=1e-3)
    assert f"{report.colour_distances[0]:.4f}" in printed and "a perfect model" in printed


def test_samples_generated_now_are_those_of_generate(monkeypatch, few):
    app = healthy(
        opened(PAGE, **SAMPLES, samples="generated now", samples_seed="3", samples_model="Flowers, simple U-Net")
    )
    preset = Preset("DDIM", steps=2, guidance_scale=1.0)
    monkeypatch.setattr(sample_check.SampleRequest, "preset", preset)
    assert any("s on this machine" in caption.value for caption in app.caption)
    app = finished(healthy(next(button for button in app.button if button.label == "Generate and check").click().run()))
    request, report = app.session_state["evaluate." + done_key("samples")][:2]
    model = load("flowers_simple")
    *_, last = generate(model, preset, range(3, 11), model.card.labels_for(range(3, 11)))
    assert (
        report.images.float() - ((last.x.clamp(-1, 1) + 1) * 127.5).round()
    ).abs().max() <= 1 and report.reference_count == 64
    assert request.card.name == "flowers_simple" and numbers.format_number(request.card.scores["FD"]) in said(app)
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    monkeypatch.setattr("diffusion_edu.generation.Preset", lambda **_: preset)
    names, _ = run(app.code[0].value)
    assert torch.equal(names["samples"], report.images)


def test_your_own_images_are_the_reference_and_their_names_are_shown(own, few, monkeypatch):
    (own / "disc" / "again.png").unlink()  # equal images lie nearer to each other than any copy could
    samples = own / "disc" / "copy.png"
    Image.fromarray(few.images[sample_check.SampleRequest(None, 8, 0).rows[0]].permute(1, 2, 0).numpy()).save(
        samples
    )  # a memorised image
    app = finished(
        healthy(opened(PAGE, [("evaluate.reference_path", str(own))], **SAMPLES, reference="your own images"))
    )
    request, report = app.session_state["evaluate." + done_key("samples")][:2]
    assert (
        request.path == str(own)
        and report.reference_count == 17
        and report.files[0] == "disc/copy.png"
        and report.distances[0] < 0.1
    )
    assert (
        "1 of 8 samples are nearer" in said(app) and "copy.png" in html(app) and report.histograms[1].shape == (3, 256)
    )
    monkeypatch.setattr("diffusion_edu.data.images.load_images", lambda *_: few)
    names, printed = run(app.code[0].value)
    torch.testing.assert_close(names["distances"], report.distances, rtol=1e-3, atol=1e-3)
    assert f"{report.colour_distances[0]:.4f}" in printed


@pytest.mark.parametrize("values", [[99] * 10, [99], [10, 200], [10, 99, 200], [10, 10, 10, 200]], ids=str)
def test_few_or_equal_images_to_compare_with_are_shown_and_not_compared(values, tmp_path):
    for k, value in enumerate(values):
        Image.new("RGB", (64, 64), (value, value, value)).save(tmp_path / f"{k}.png")
    app = finished(
        healthy(opened(PAGE, [("evaluate.reference_path", str(tmp_path))], **SAMPLES, reference="your own images"))
    )
    report = app.session_state["evaluate." + done_key("samples")].result
    assert report.reference_count == len(values) and html(app).count("<img ") == 12 and not app.error
    compared = values == [10, 10, 10, 200]
    assert ("Which samples are copies cannot be said" in said(app)) is not compared
    assert ("FD is not measured: it needs four" in said(app)) is not compared
    assert len(charts(app)) == 3 + compared


def test_a_distance_of_0_is_on_no_axis_of_logarithms():
    report = SimpleNamespace(curves={"these samples": [(8, 1.0, 0.1)], "a perfect model": [(8, 0.0, 0.0)]})
    assert sample_view.distance_chart(None, report) == []


@pytest.mark.parametrize("path", ["/no/such/place", "~nobody/images", "a\0b", "x" * 3000])
@pytest.mark.parametrize(
    ("link", "key"),
    [
        ({**SAMPLES, "reference": "your own images"}, "reference_path"),
        ({**DATASET, "dataset": "your own images"}, "dataset_path"),
    ],
)
def test_a_bad_path_gets_one_sentence(path, link, key, small_set):
    app = healthy(opened(PAGE, **link))
    healthy(app.text_input(key=f"evaluate.{key}").set_value(path).run())
    assert len(app.error) == 1 and "check the path" in app.error[0].value
    healthy(app.text_input(key=f"evaluate.{key}").set_value("").run())
    assert not app.error and "Type the path" in app.info[0].value


@pytest.mark.parametrize(("name", "link"), [("reference", SAMPLES), ("dataset", DATASET)])
def test_a_folder_without_images_gets_one_sentence(name, link, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    app = finished(typed(name, tmp_path, **link))
    assert len(app.error) == 1 and "no image that can be read" in app.error[0].value


def test_cancel_stops_and_check_again_goes_on(monkeypatch):
    monkeypatch.setattr(neighbour_search, "BATCH", 1)
    app = healthy(opened(PAGE, **SAMPLES))
    job = app.session_state["evaluate.job:samples"]
    healthy(app.button(key="evaluate.cancel:samples").click().run())
    assert job.cancelled and "evaluate." + done_key("samples") not in app.session_state
    healthy(app.button(key="evaluate.again:samples").click().run())
    assert "evaluate." + done_key("samples") in finished(app).session_state


def test_a_model_of_faces_has_no_statistics_of_flowers_to_be_measured_by(tmp_path, monkeypatch):
    faces = replace(card(), name="f", classes=[], attributes=["smiling"])
    request = sample_check.SampleRequest(faces, 8, 0)
    monkeypatch.setattr(sample_check, "available", lambda: {"face_features": None})
    monkeypatch.setattr(sample_check, "PRETRAINED", tmp_path)
    assert request.feature_network == "face_features" and request.statistics_path is None
    assert "perfect_model_fd(" not in samples.code(request).split("network = load")[1]


def test_larger_samples_are_scaled_to_the_size_of_the_reference():
    assert sample_view.scaled(torch.full((2, 3, 128, 128), 7, dtype=torch.uint8)).eq(7).all()
    assert sample_view.scaled(torch.zeros(2, 3, 128, 128, dtype=torch.uint8)).shape == (2, 3, 64, 64)


# ---------------------------------------------------------------- dataset


def test_the_dataset_is_counted_and_split_and_the_split_can_be_downloaded(small_set, few):
    app = finished(healthy(opened(PAGE, **DATASET)))
    request, report = app.session_state["evaluate." + done_key("dataset")][:2]
    assert request.fractions == (0.8, 0.1, 0.1) and sum(report.part_sizes) == report.read == 64
    assert (
        "**64 images**" in said(app)
        and "generated by our own model" in said(app)
        and "There are no duplicates" in said(app)
    )
    assert html(app).count("<div><span") == 102 and [chart["title"] for chart in charts(app)] == [
        "Red",
        "Green",
        "Blue",
    ]
    assert [series["label"] for series in charts(app)[0]["series"]] == ["train", "validation", "test"]
    lines = report.csv.splitlines()
    assert (
        lines[0] == "file,class,split"
        and len(lines) == 65
        and sum(line.endswith(",train") for line in lines) == report.part_sizes[0]
    )
    healthy(app.slider(key="evaluate.dataset_split").set_value((50, 100)).run())
    report = finished(app).session_state["evaluate." + done_key("dataset")].result
    assert report.part_sizes[2] == 0 and abs(report.part_sizes[0] - 32) <= 1 and len(charts(app)[0]["series"]) == 2


def test_the_code_makes_the_split_that_is_shown(own):
    app = finished(
        healthy(
            opened(PAGE, [("evaluate.dataset_path", str(own))], **DATASET, dataset="your own images", dataset_seed="4")
        )
    )
    report = app.session_state["evaluate." + done_key("dataset")].result
    names, printed = run(app.code[0].value)
    assert names["text"] == report.csv and "equal files: 1" in printed
    assert "there more than once" in said(app) and "disc/0.png and disc/again.png" in said(app)
    assert len(app.warning) == 1 and "disc/broken.png" in app.warning[0].value or "broken.png" in app.warning[0].value
    assert (report.read, report.counts) == (17, {"disc": 13, "square": 4}) and report.sides == {(60, 40): 17}


def test_impossible_fractions_get_one_sentence(own):
    app = healthy(
        opened(PAGE, [("evaluate.dataset_path", "own/square")], **DATASET, dataset="your own images")
    )  # four images
    app = finished(app)
    assert (
        len(app.error) == 1 and "10.0% of 4 images are none at all: give test a larger fraction" in app.error[0].value
    )
    healthy(app.slider(key="evaluate.dataset_split").set_value((50, 100)).run())
    assert not finished(app).error and app.session_state["evaluate." + done_key("dataset")].result.part_sizes == [
        2,
        2,
        0,
    ]


def test_a_shipped_reference_shows_its_numbers_and_says_that_images_do_not_ship():
    app = healthy(opened(PAGE, tab="Dataset", dataset="real flowers (numbers only)"))
    real = Reference.load(PRETRAINED / "flower_reference.npz")
    assert "8,189 real images" in said(app) and "do not ship" in said(app) and html(app).count("<div><span") == 102
    _, printed = run(app.code[0].value)
    assert str(real.floor) in printed


def test_a_note_says_when_there_are_more_images_than_are_read(own, monkeypatch):
    monkeypatch.setattr(dataset_stats, "MAX_IMAGES", 10)
    monkeypatch.setattr(dataset, "MAX_IMAGES", 10)
    app = finished(typed("dataset", own, **DATASET))
    assert any("There are 18 images" in info.value for info in app.info)


def test_attributes_are_shown_in_percent_and_largest_first():
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
    ("widget", "key", "value", "link"),
    [
        ("segmented_control", "samples", "generated now", SAMPLES),
        ("segmented_control", "reference", "your own images", SAMPLES),
        ("select_slider", "samples_count", 16, SAMPLES),
        ("number_input", "samples_seed", 1_000_000, SAMPLES),
        ("selectbox", "samples_model", "Flowers, simple U-Net", {**SAMPLES, "samples": "generated now"}),
        (
            "select_slider",
            "reference_count",
            250,
            {**SAMPLES, "reference": "your own images"},
        ),
        ("segmented_control", "dataset", "your own images", DATASET),
        ("slider", "dataset_split", (0, 100), DATASET),
        ("number_input", "dataset_seed", 7, DATASET),
    ],
)
def test_every_widget_may_be_changed(widget, key, value, link, small_set):
    app = healthy(opened(PAGE, **link))
    healthy(getattr(app, widget)(key=f"evaluate.{key}").set_value(value).run())
    healthy(app.run())
    assert len(app.title) == 1


@pytest.mark.parametrize(
    "link",
    [
        {"tab": "nonsense"},
        {**SAMPLES, "samples_count": "7", "samples_model": "x"},
        {**DATASET, "dataset": "x", "dataset_split": ["9", "z"]},
    ],
)
def test_a_link_with_nonsense_in_it_opens_all_the_same(link, small_set):
    assert len(healthy(opened(PAGE, **link)).title) == 1


def test_a_link_to_an_exhibit_opens_the_museum_and_one_to_the_doctor_the_doctor():
    app = healthy(opened(PAGE, exhibit="33-noised-one-step-too-much"))
    assert "What would you predict?" in said(app)
    assert healthy(opened(PAGE, tab="Symptom doctor")).segmented_control(key="evaluate.doctor_source")
