"""Scores of text-to-image models: accuracy, diversity, memorisation, and the command that measures them."""

import json
from dataclasses import replace

import pytest
import torch
from helpers import CPU
from torch import nn

from diffusion_edu.checkpoints import Card, Model, read_card, save, save_card, vocabulary
from diffusion_edu.data.captions import Captioned, by_subject
from diffusion_edu.data.images import held_out, to_bytes
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.evaluation import __main__ as command
from diffusion_edu.evaluation import prompt_sets, text_to_image
from diffusion_edu.evaluation.features import CLASSIFIERS, category_class_accuracy
from diffusion_edu.evaluation.prompt_sets import (
    SAMPLES_PER_PROMPT,
    PromptBatch,
    RealImages,
    read_prompts,
    read_real_images,
)
from diffusion_edu.evaluation.text_to_image import Evaluator
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.text import tokenizer

CLASS_NAMES = {
    "tomato": ("food", (1, -1, -1)),
    "banana": ("food", (1, 1, -1)),
    "leaf": ("nature", (-1, 1, -1)),
    "sea": ("nature", (-1, -1, 1)),
}
UNSEEN = {name: [f"a {name} at noon", f"a {name} at night", f"the {name}"] for name in CLASS_NAMES}


def scenes(n=80, size=8, source="s"):
    """Images of one colour with captions: a colour is a subject, two colours a category; no two images are equal."""
    names = [list(CLASS_NAMES)[row % 4] for row in range(n)]
    x = torch.stack([torch.tensor(CLASS_NAMES[name][1]) * (0.5 + 0.4 * row / n) for row, name in enumerate(names)])
    images = to_bytes(x.view(n, 3, 1, 1).expand(n, 3, size, size)).contiguous()
    captions = tuple((f"a {name} number {row}",) for row, name in enumerate(names))
    return Captioned(images, captions, tuple(names), tuple(CLASS_NAMES[name][0] for name in names), source)


class Colours(nn.Module):
    """A classifier of colours: the features are the mean colour, a class scores by its similarity to that."""

    def __init__(self, names):
        super().__init__()
        self.head = nn.Linear(3, len(names))
        self.head.weight.data = 5 * torch.tensor([CLASS_NAMES[name][1] for name in names]).float()
        self.head.bias.data = (
            -5 * self.head.weight.data.clamp(min=0).sum(1) / 5
        )  # so that colours of two channels do not win everywhere

    def features(self, x):
        return x.mean((2, 3))


def classifier(name="colours"):
    names = list(CLASS_NAMES)[::-1]  # another order than that of the images' classes
    data = {"categories": {class_name: CLASS_NAMES[class_name][0] for class_name in names}}
    card = Card(
        name, "C", "plain_classifier", {}, "class", 8, classes=names, data=data, scores={"validation_accuracy": 0.5}
    )
    return Model(card, Colours(names), CPU)


@pytest.fixture
def evaluator(monkeypatch):
    monkeypatch.setattr(prompt_sets, "load_captioned", lambda source, size, tell, from_classes: scenes(source=source))
    return Evaluator.of(read_real_images(["s"], UNSEEN, 8, print), classifier(), classifier(), 20)


# Prompts


def test_subjects_are_as_frequent_as_in_real_images_and_their_prompts_come_in_turn():
    some = scenes(80)
    few = by_subject([some], print).take(
        torch.arange(80)[~((torch.arange(80) % 4 == 3) & (torch.arange(80) > 39))]
    )  # half of the seas
    real = RealImages(few, (), torch.ones(len(few), dtype=torch.bool), torch.arange(4))
    batch = real.batch(UNSEEN, 140)
    counts = dict(zip(few.classes, batch.subjects.bincount().tolist(), strict=True))
    assert counts == {"banana": 40, "leaf": 40, "sea": 20, "tomato": 40}
    assert batch.prompts[::SAMPLES_PER_PROMPT] == batch.prompts[1::SAMPLES_PER_PROMPT] and len(set(batch.prompts)) == 12
    assert all(few.classes[subject] in prompt for prompt, subject in zip(batch.prompts, batch.subjects, strict=True))
    bananas = [prompt for prompt in batch.prompts if "banana" in prompt][::SAMPLES_PER_PROMPT]
    assert bananas[:4] == [*UNSEEN["banana"], UNSEEN["banana"][0]]
    fewer = real.batch(UNSEEN, 61)
    assert fewer.prompts == batch.prompts[:61] and torch.equal(
        fewer.subjects, batch.subjects[:61]
    )  # so cached samples can be used


def test_training_prompts_are_captions_of_training_images_only(evaluator):
    prompts = evaluator.real.training_prompts()
    assert set(prompts) == set(CLASS_NAMES) and sum(map(len, prompts.values())) == 79
    assert "a tomato number 32" not in prompts["tomato"] and held_out(scenes())[32]


def test_prompts_that_are_captions_are_not_unseen(evaluator):
    assert evaluator.real.unseen(UNSEEN | {"sea": ["a sea number 3", "a sea at noon"]}) == UNSEEN | {
        "sea": ["a sea at noon"]
    }
    with pytest.raises(ValueError, match="All prompts about 'sea' are captions of training images: give others"):
        evaluator.real.unseen({"sea": ["a sea number 3"]})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "There is no file"),
        ("{", "cannot be read"),
        ("[]", "There is no prompt in p.json"),
        ('{"tiger": [" ", ""]}', "There is no prompt in p.json"),
        ('{"tiger": [3]}', "which is no text"),
        ('["a tiger"]', "p.json does not say what its prompts are about: list them under subjects"),
    ],
)
def test_a_file_without_prompts_is_refused_in_one_sentence(tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=sentence) as problem:
        read_prompts(tmp_path / "p.json")
    assert "\n" not in str(problem.value)


def test_prompts_are_read_by_subject(tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({"sea": ["ein Bär im Meer", " "], "tomato": []}))
    assert read_prompts(tmp_path / "p.json") == {"sea": ["ein Bär im Meer"]}


# Accuracy and memorisation


def test_the_probability_of_a_category_is_the_sum_over_its_classes():
    fractions = torch.tensor([[0.3, 0.4, 0.3], [0.1, 0.8, 0.1]])
    scores, categories = fractions.log(), ("food", "nature", "food")
    assert (
        category_class_accuracy(scores[:1], torch.tensor([0]), categories) == 1
    )  # though the single most probable class is of nature
    assert category_class_accuracy(scores, torch.tensor([0, 2]), categories) == 0.5
    assert category_class_accuracy(scores, torch.tensor([2, 1]), categories) == 1
    three = scores[[0, 0, 0, 1]]
    assert category_class_accuracy(three, torch.tensor([0, 0, 0, 0]), categories) == 0.75
    assert category_class_accuracy(three, torch.tensor([0, 0, 1, 1]), categories) == pytest.approx(
        (1 + 0.5) / 2
    )  # every category counts the same


def test_subject_and_category_accuracy(evaluator):
    real = evaluator.real.dataset
    assert evaluator.accuracies(real.images, real.labels) == {"class_accuracy": 1, "subject_accuracy": 1}
    names = list(real.classes)
    swapped = {"tomato": "banana", "banana": "tomato", "leaf": "leaf", "sea": "sea"}
    subjects = torch.tensor([names.index(swapped[names[label]]) for label in real.labels])
    assert evaluator.accuracies(real.images, subjects) == {"class_accuracy": 1, "subject_accuracy": 0.5}
    other = {"tomato": "sea", "banana": "leaf", "leaf": "banana", "sea": "tomato"}
    subjects = torch.tensor([names.index(other[names[label]]) for label in real.labels])
    assert evaluator.accuracies(real.images, subjects) == {"class_accuracy": 0, "subject_accuracy": 0}
    assert evaluator.floors() == {
        "FD_floor": evaluator.reference.floor,
        "FD_noise": evaluator.reference.noise,
        "class_accuracy_real": 1,
        "subject_accuracy_real": 1,
    }


def test_memorised_training_images_are_found_with_their_captions(evaluator):
    real, rows = evaluator.real, evaluator.real.trained_on.nonzero().flatten().repeat_interleave(2)
    labels, captions = real.dataset.labels[rows], [real.captions[row][0] for row in rows]
    copies = evaluator.scores(real.dataset.images[rows], PromptBatch(captions, labels))
    assert (copies["memorised"], copies["nearest"], copies["own_image"]) == (1, 0, 1)
    assert copies["FD"] == pytest.approx(0, abs=1e-3) and copies["diversity_of_prompts"] == pytest.approx(1, rel=0.02)
    others = evaluator.scores(real.dataset.images[rows], PromptBatch(captions[2:] + captions[:2], labels))
    assert (others["memorised"], others["own_image"]) == (1, 0)
    far = torch.full_like(real.dataset.images[rows], 127)
    fresh = evaluator.scores(far, PromptBatch(captions, labels))
    assert (
        fresh["memorised"] == 0 and fresh["nearest"] > 3 and fresh["own_image"] <= 2 / len(rows) and fresh["FD"] > 0.1
    )
    unseen = real.dataset.images[~real.trained_on]
    assert (
        evaluator.memorisation(
            evaluator.feature_network.net.features(unseen.float() / 127.5 - 1), ["a tomato number 32"]
        )["own_image"]
        == 0
    )


def test_memorisation_is_relative_to_training_images_of_the_same_subjects():
    """Images of other subjects do not change the threshold, however close together they are."""
    near = scenes(80)
    twins = replace(
        near, images=torch.full_like(near.images, 127), subjects=("stone",) * 80, categories=("things",) * 80
    )
    images = by_subject([near, twins], print)
    real = RealImages(
        images, near.captions + twins.captions, torch.ones(160, dtype=torch.bool), torch.tensor([0, 1, 2, 4])
    )
    assert [images.classes[k] for k in real.subjects] == ["banana", "leaf", "sea", "tomato"]
    evaluator = Evaluator.of(real, classifier(), classifier(), 20)
    assert (
        len(evaluator.features) == 160
        and len(evaluator.reference.features) == 80
        and (evaluator.real.relevant[evaluator.rows[:80]]).all()
    )
    between = evaluator.features[:10] + 0.5 * (
        evaluator.features[4:14] - evaluator.features[:10]
    )  # halfway to the next of the same colour
    found = evaluator.memorisation(between, ["?"] * 10)
    assert found["memorised"] == 1 and found["nearest"] == pytest.approx(0.6, abs=0.2)  # in whole bytes


def test_duplicate_training_images_do_not_change_the_threshold(evaluator):
    """Duplicates have a distance of 0, which no sample reaches, since the autoencoder changes every image a little."""
    real, rows = evaluator.real, evaluator.real.trained_on.nonzero().flatten()
    double = replace(
        evaluator,
        features=torch.cat([evaluator.features, evaluator.features[:8]]),
        rows=torch.cat([evaluator.rows, evaluator.rows[:8]]),
    )
    almost = evaluator.feature_network.net.features(real.dataset.images[rows].float() / 127.5 - 1) + 1e-3
    assert (
        evaluator.memorisation(almost, ["?"] * len(rows))["memorised"]
        == double.memorisation(almost, ["?"] * len(rows))["memorised"]
        == 1
    )


def test_diversity_within_one_prompt_and_between_prompts(evaluator):
    images, labels = evaluator.real.dataset.images, evaluator.real.dataset.labels
    twice = images.repeat_interleave(2, 0)
    same = evaluator.scores(twice, PromptBatch([f"p{k // 2}" for k in range(160)], labels.repeat_interleave(2)))
    assert same["diversity"] == 0 and same["diversity_of_prompts"] == pytest.approx(1, abs=0.1)
    one = evaluator.scores(images, PromptBatch([f"p{k // 20}" for k in range(80)], labels))
    assert one["diversity"] == pytest.approx(1, abs=0.1)  # the seed changes everything, the prompt nothing


# Refusals


@pytest.mark.parametrize(
    ("change", "wanted", "sentence"),
    [
        ({}, {"unicorn": ["a unicorn"]}, "No image in s shows 'unicorn': leave out its prompts"),
        ({"subjects": ("",) * 80}, UNSEEN, "Nobody says of the images in s what they show"),
    ],
)
def test_real_images_must_show_the_subjects_of_the_prompts(monkeypatch, change, wanted, sentence):
    monkeypatch.setattr(prompt_sets, "load_captioned", lambda *_, **__: replace(scenes(), **change))
    with pytest.raises(ValueError, match=sentence) as problem:
        read_real_images(["s"], wanted, 8, print)
    assert "\n" not in str(problem.value)


def test_few_or_no_images_are_refused(monkeypatch):
    monkeypatch.setattr(prompt_sets, "load_captioned", lambda *_, **__: scenes(3))
    with pytest.raises(ValueError, match="too few images of these subjects"):
        read_real_images(["s"], {"tomato": ["y"]}, 8, print)
    with pytest.raises(ValueError, match="with --data"):
        read_real_images(None, UNSEEN, 8, print)


# Subjects as classes


def test_subjects_become_classes_of_categories_and_every_eighth_image_is_for_validation():
    messages, some = [], replace(scenes(20), categories=("food", "food", "nature", "") * 5)
    one = replace(scenes(20), subjects=("", *["rose"] * 19), categories=("flowers",) * 20)
    images = by_subject([some, one], messages.append)
    assert images.classes == ("banana", "leaf", "rose", "sea", "tomato")
    assert images.categories == ("food", "nature", "flowers", "sea", "food")
    assert len(images) == 39 and messages == ["1 of 40 images in s and s have no subject and were left out."]
    assert [images.classes[label] for label in images.labels[18:22]] == ["leaf", "sea", "rose", "rose"]
    assert (images.split == SPLITS.index("validation")).nonzero().flatten().tolist() == [4, 12, 23, 31]


# The command


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small text-to-image model, its autoencoder, its vocabulary and two classifiers; images and prompts."""
    monkeypatch.chdir(tmp_path)
    folder, text = (
        tmp_path / "runs",
        tokenizer.learn_vocabulary(
            [
                *(text for texts in scenes().captions for text in texts),
                *(one for some in UNSEEN.values() for one in some),
            ]
        ),
    )
    coder = {"widths": [8, 8], "blocks": [1, 1], "patch": 4}
    encoder = {"width": 16, "depth": 1, "head_width": 8} | tokenizer.Tokenizer(text).config
    config = {
        "channels": 4,
        "widths": [16, 32],
        "blocks": 1,
        "attention": [False, True],
        "patch": 1,
        "embedding": 16,
        "text": encoder,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        guidance_scale = {"mean": [0.0] * 4, "std": [1.0] * 4}
        save(
            folder,
            Card("coder", "A", "autoencoder", coder, "autoencoder", 16, latents=guidance_scale),
            Autoencoder(**coder),
        )
        net = NETWORKS["attention_unet"](**config)
        for weight in net.parameters():
            weight.data += 0.05 * torch.randn_like(weight)
        card = Card(
            "small",
            "S",
            "attention_unet",
            config,
            "v",
            2,
            channels=4,
            autoencoder="coder",
            text=tokenizer.Tokenizer(text).card,
        )
        card = replace(
            card,
            sampling={"steps": 2, "guidance_scale": 3.0},
            data={"subject": "captioned images"},
            scores={"by_steps": [{"nfe": 1}]},
        )
        save(folder, card, net)
        for name, network in {"features_net": "residual_classifier", "second": "plain_classifier"}.items():
            layout = {"classes": 4, "widths": [8, 8], "patch": 1}
            known = {"categories": {class_name: category for class_name, (category, _) in CLASS_NAMES.items()}}
            card = Card(
                name,
                name,
                network,
                layout,
                "class",
                8,
                classes=list(CLASS_NAMES),
                data=known,
                scores={"validation_accuracy": 0.5},
            )
            save(folder, card, NETWORKS[network](**layout))
    vocabulary(folder, "small").write_text(text, encoding="utf-8")
    monkeypatch.setitem(CLASSIFIERS, "captioned images", ("features_net", "second"))
    monkeypatch.setattr(
        prompt_sets, "load_captioned", lambda source, size, tell, from_classes: scenes(size=size, source=source)
    )
    (tmp_path / "unseen.json").write_text(json.dumps(UNSEEN))
    return [
        "small",
        "--data",
        "scenes",
        "--prompts",
        "unseen.json",
        "--device",
        "cpu",
        "--samples",
        "40",
        "--guidance-scales",
        "1",
        "3",
        "6",
    ]


def test_the_command_writes_the_scores_into_the_card(small, tmp_path, capsys):
    text_to_image.main(small)
    scores = read_card(tmp_path / "runs" / "small.json").scores
    assert {**json.loads(capsys.readouterr().out), "by_steps": [{"nfe": 1}]} == scores
    assert [row.pop("guidance_scale") for row in scores["by_guidance"]] == [1, 3, 6]
    first, usual, last = scores["by_guidance"]
    assert usual == {name: scores[name] for name in usual} and first["FD"] != usual["FD"] != last["FD"]
    assert set(scores["training_prompts"]) == set(usual) and scores["training_prompts"] != usual
    assert scores["FD_floor"] > 0 and {"FD_noise", "class_accuracy_real", "subject_accuracy_real"} <= scores.keys()
    assert (
        "40 samples" in scores["protocol"]
        and "second" in scores["protocol"]
        and scores["command"].endswith("--samples 40 --guidance-scales 1 3 6")
    )
    assert all((tmp_path / "runs" / "evaluation" / f"small.{which}.png").is_file() for which in ("unseen", "training"))


def test_a_stopped_evaluation_continues_where_it_was(small, tmp_path, monkeypatch, capsys):
    text_to_image.main([*small, "--dry"])
    whole = capsys.readouterr().out
    parts = sorted((tmp_path / "runs" / "evaluation").glob("small-*/*.npy"))
    assert len(parts) == 8 and read_card(tmp_path / "runs" / "small.json").scores == {
        "by_steps": [{"nfe": 1}]
    }  # four times 40 samples, 32 at a time
    parts[3].unlink()
    parts[6].write_bytes(b"half")
    requests, sample = [], prompt_sets.sample
    monkeypatch.setattr(prompt_sets, "sample", lambda request: requests.append(request) or sample(request))
    text_to_image.main([*small, "--dry"])
    assert capsys.readouterr().out == whole and len(requests) == 2
    (tmp_path / "unseen.json").write_text(json.dumps(UNSEEN | {"sea": ["another sea"]}))
    text_to_image.main([*small, "--dry", "--guidance-scales", "3"])
    assert len(requests) == 4  # changed prompts are sampled again, training prompts are not


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({0: "features_net"}, "There is no text-to-image model 'features_net': train one"),
        ({0: "nobody"}, "There is no text-to-image model 'nobody'"),
        ({4: "absent.json"}, "There is no file 'absent.json' with prompts"),
        ({4: "strange.json"}, "second has no class 'unicorn': train it on these images"),
    ],
    ids=str,
)
def test_problems_end_in_one_sentence(small, tmp_path, words, sentence):
    (tmp_path / "strange.json").write_text('{"unicorn": ["a unicorn"]}')
    with pytest.raises(SystemExit) as end:
        text_to_image.main([words.get(place, word) for place, word in enumerate(small)])
    assert sentence in end.value.code and "\n" not in end.value.code


def test_a_classifier_without_categories_is_refused(small, tmp_path):
    card = read_card(tmp_path / "runs" / "second.json")
    save_card(tmp_path / "runs", replace(card, data={}))
    with pytest.raises(SystemExit) as end:
        text_to_image.main(small)
    assert "second has no categories: train a classifier" in end.value.code and "\n" not in end.value.code


def test_the_general_evaluation_names_the_right_command(small):
    with pytest.raises(SystemExit) as end:
        command.main(["small", "--data", "scenes"])
    assert "'python -m diffusion_edu.evaluation.text_to_image small'" in end.value.code and "\n" not in end.value.code
