"""Random prompts: what the Markov chain learns, keeps and samples, and prompts from files."""

import json

import pytest
import torch

from diffusion_edu.checkpoints import Card, Unusable, save
from diffusion_edu.data.captions import Captioned
from diffusion_edu.data.prompts import Said, load_prompts, pick
from diffusion_edu.recipes.latents import caption_chain
from diffusion_edu.text.random_prompts import (
    MAX_WORDS,
    MarkovChain,
    chain_path,
    from_facts,
    learn_chain,
    load_chain,
    write_chain,
)

CAPTIONS = [
    ("A red fox rests in the snow.", "fox", "animals"),
    ("A red fox runs in the snow.", "fox", "animals"),
    ("A sly fox rests in the tall grass.", "fox", "animals"),
    ("The fox runs in the tall grass.", "fox", "animals"),
    ("A red volcano smokes in the snow.", "volcano", "scenery"),
    ("A red volcano smokes in the night.", "volcano", "scenery"),
    ("A secret volcano smokes in the night.", "volcano", "scenery"),
]


@pytest.fixture(scope="module")
def fox():
    return learn_chain(*zip(*CAPTIONS, strict=True))


def sampled(fox, count=40, **choices):
    return [fox.sample(seed, **choices) for seed in range(count)]


# Learning


def test_sequences_of_one_caption_are_not_kept_and_shared_ones_are_counted(fox):
    assert {"sly", "secret", "The"}.isdisjoint(fox.words) and {"A", "red", "fox", "snow.", "night."} <= set(fox.words)
    fox_class, volcano = (
        fox.class_names.index(class_name) for class_name in (("fox", "animals"), ("volcano", "scenery"))
    )
    assert fox.follows["A",]["red"] == {fox_class: 2, volcano: 2}
    assert fox.follows["smokes", "in", "the"] == {"night.": {volcano: 2}}  # that of the snow is said once
    assert fox.follows["",] == {"A": {fox_class: 3, volcano: 3}}
    assert fox.follows["snow.",] == {"": {fox_class: 2, volcano: 1}}
    assert max(len(row) for row in fox.follows) == 5
    for sequence, after in fox.follows.items():
        for word in after:
            said = " ".join([*sequence, word]).strip()
            assert not said or sum(f" {said} " in f" {text} " for text, *_ in CAPTIONS) >= 2, said


def test_equal_captions_count_once():
    twice = [("An owl hoots.", "owl", "birds")] * 5 + [("An old owl sleeps.", "owl", "birds")]
    assert learn_chain(*zip(*twice, strict=True)) is None
    assert learn_chain(*zip(*(CAPTIONS * 3), strict=True)) == learn_chain(*zip(*CAPTIONS, strict=True))


def test_words_that_lead_to_no_end_are_left_out():
    captions = [
        ("A big cat 1", "", ""),
        ("A big cat 2", "", ""),
        ("A dog.", "", ""),
        ("A dog. 3", "", ""),
        ("My dog.", "", ""),
    ]
    assert set(learn_chain(*zip(*captions, strict=True)).words) == {"", "A", "dog."}


@pytest.mark.parametrize("captions", [[("one two three", "", "")], [("a 1", "", ""), ("a 2", "", "")]])
def test_captions_with_too_little_in_common_give_no_chain(captions):
    assert learn_chain(*zip(*captions, strict=True)) is None


# Sampling


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_every_word_follows_the_words_before_it_as_in_some_caption(fox, order):
    texts = [f" {text} " for text, *_ in CAPTIONS]
    for said in sampled(fox, order=order):
        words = ["", *said.text.split(), ""]
        assert len(words) - 2 <= MAX_WORDS and words[1] == "A" and words[-2].endswith(".")
        assert all(any(f"{a} {b}".strip() in text for text in texts) for a, b in zip(words, words[1:], strict=False))
    assert len({said.text for said in sampled(fox, order=order)}) > 1


def test_a_higher_order_stays_closer_to_the_captions():
    captions = [
        (f"{a} bb {c} so {word} end.", "", "") for a, c in (("aa", "cc"), ("dd", "ee")) for word in ("one", "two")
    ]
    found = learn_chain(*zip(*captions, strict=True))
    near, far = (
        {said.text.split()[0] + said.text.split()[2] for said in sampled(found, order=order)} for order in (1, 2)
    )
    assert near == {"aacc", "aaee", "ddcc", "ddee"} and far == {"aacc", "ddee"}


def test_the_same_seed_gives_the_same_prompt_and_words_are_as_frequent_as_in_captions(fox):
    assert sampled(fox, order=2) == sampled(fox, order=2)
    ends = [said.text.split()[-1] for said in sampled(fox, 400, order=1, subjects=["volcano"])]
    assert ends.count("night.") / 400 == pytest.approx(2 / 3, abs=0.08)


def test_prompts_have_the_chosen_categories_and_subjects(fox):
    assert {said.subject for said in sampled(fox)} == {"fox", "volcano"}
    for choice in (
        {"categories": ["scenery"]},
        {"subjects": ["volcano"]},
        {"categories": ["scenery", "animals"], "subjects": ["volcano"]},
    ):
        assert all(
            (said.subject, said.category) == ("volcano", "scenery") and "volcano" in said.text
            for said in sampled(fox, **choice)
        )
    assert fox.categories == {"fox": "animals", "volcano": "scenery"}


def test_an_endless_prompt_is_cut():
    circle = MarkovChain(("", "on", "and"), (("", ""),), ((1, 0), (2, 1, 0), (1, 1), (2, 2, 0), (1, 2), (2, 1, 0)))
    assert circle.sample(0).text == " ".join(["on", "and"] * (MAX_WORDS // 2))


@pytest.mark.parametrize(
    "choice", [{"order": 0}, {"order": 6}, {"categories": ["birds"]}, {"subjects": ["fox"], "categories": ["scenery"]}]
)
def test_impossible_choices_are_refused_in_one_sentence(fox, choice):
    with pytest.raises(
        ValueError, match="The context of the Markov chain is 1 to 5 words|No prompt is about"
    ) as problem:
        fox.sample(0, **choice)
    assert "\n" not in str(problem.value)


# Beside the weights


def test_a_chain_is_kept_beside_its_model(fox, tmp_path, tiny):
    save(tmp_path, Card("m", "M", "attention_unet", {}, "v", 8), tiny())
    write_chain(tmp_path, "m", fox.facts)
    assert load_chain("m", [tmp_path]) == fox and load_chain("m", [tmp_path]).sample(7) == fox.sample(7)
    whole = chain_path(tmp_path, "m").read_text()
    for broken in (whole[:-9], "{}", "[]", '{"words":[],"class_names":[],"rows":[]}'):
        chain_path(tmp_path, "m").write_text(broken)
        with pytest.raises(Unusable, match="has no random prompts: restore the file"):
            load_chain("m", [tmp_path])
    for name in ("m", "absent"):
        chain_path(tmp_path, "m").unlink(missing_ok=True)
        with pytest.raises(Unusable, match="has no random prompts"):
            load_chain(name, [tmp_path])


def captioned(captions, made=False):
    texts, subjects, categories = zip(*captions, strict=True)
    images = torch.zeros(len(captions), 3, 8, 8, dtype=torch.uint8)
    return Captioned(images, tuple((text,) for text in texts), subjects, categories, "s", made)


def test_the_recipe_learns_the_chain_from_written_training_captions():
    bulk = [*CAPTIONS, *((f"Number {k}.", "number", "numbers") for k in range(70 - len(CAPTIONS)))]
    held = [("An owl hoots.", "owl", "birds"), ("An owl hoots. Twice.", "owl", "birds")]
    some = captioned([*bulk[:32], held[0], *bulk[33:]])  # the 33rd of 64 is held out
    made = captioned([("a photo of a rose", "rose", "flowers"), ("a rose", "rose", "flowers")], made=True)
    facts = caption_chain([some, made])
    assert from_facts(json.loads(json.dumps(facts))).sample(0).subject in ("fox", "volcano", "number")
    assert "fox" in facts["words"] and "rose" not in facts["words"] and ("owl", "birds") not in facts["class_names"]
    assert "rose" in caption_chain([made])["words"]


# Files


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "a fox\n\n  two\tfoxes \n", [Said("a fox"), Said("two foxes")]),
        ("a.json", '["a fox", "b"]', [Said("a fox"), Said("b")]),
        ("a.json", '{"fox": ["a fox"], "owl": ["b", ""]}', [Said("a fox", "fox", "animals"), Said("b", "owl")]),
        ("a.json", '{"birds": {"owl": ["b"]}}', [Said("b", "owl", "birds")]),
        (
            "a.json",
            '[{"caption": "a fox", "subject": "fox"}, {"prompt": "b", "category": "c"}]',
            [Said("a fox", "fox", "animals"), Said("b", "", "c")],
        ),
        (
            "a.json",
            '{"fox": [{"caption": ["a fox", "b"]}]}',
            [Said("a fox", "fox", "animals"), Said("b", "fox", "animals")],
        ),
        ("a.json", '{"images": [{"file_name": "x.jpg"}], "annotations": [{"caption": "b"}]}', [Said("b")]),
        (
            "a.jsonl",
            '{"prompt": "a fox", "subject": "fox"}\n\n{"text": "b"}\n"c"',
            [Said("a fox", "fox", "animals"), Said("b"), Said("c")],
        ),
        ("a.csv", "prompt\na fox\nb", [Said("a fox"), Said("b")]),
        ("a.csv", 'Caption,Subject\n"a fox, red",fox\nb,', [Said("a fox, red", "fox", "animals"), Said("b")]),
        ("a.csv", "caption\na fox, red\nb", [Said("a fox, red"), Said("b")]),
        ("a.csv", "id;text\n1;a fox\n2;b", [Said("a fox"), Said("b")]),
        ("a.csv", "a fox, red and quick\nb, c", [Said("a fox, red and quick"), Said("b, c")]),
        ("a.tsv", "Prompt\tCategory\tNote\na fox\tanimals\tx", [Said("a fox", "", "animals")]),
        ("a.csv", "Prompts,Category\na fox,animals\n", [Said("a fox", "", "animals")]),
        ("a.csv", "prompt,category\na fox,animals\nNaN,animals\nnull,\n", [Said("a fox", "", "animals")]),
        ("a.tsv", 'prompt\tcategory\n"a" fox\tanimals\n"b\t\n', [Said('"a" fox', "", "animals"), Said('"b')]),
        ("a.tsv", 'prompt\tcategory\n"a ""red"" fox"\tanimals\n', [Said('a "red" fox', "", "animals")]),
        ("a.txt", 'prompt,category\n"a fox, red",animals\n', [Said("a fox, red", "", "animals")]),
        ("a.txt", "text, as art\na fox", [Said("text, as art"), Said("a fox")]),
        ("a.txt", '{"prompt": "a fox"}\n{"prompt": "b"}\n', [Said("a fox"), Said("b")]),
        ("a.txt", '["a fox", "b"]', [Said("a fox"), Said("b")]),
        ("a.txt", "[red] a fox\n{b}", [Said("[red] a fox"), Said("{b}")]),
        (
            "a.json",
            '{"version": 1, "prompts": ["a fox", {"text": "b", "subject": "owl"}]}',
            [Said("a fox"), Said("b", "owl")],
        ),
        ("a.json", '{"prompts": {"owl": ["b"]}}', [Said("b", "owl")]),
        ("a.jsonl", '"a\u2028fox"\n"b"\n', [Said("a fox"), Said("b")]),
    ],
)
def test_prompts_are_read_from_every_format(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert load_prompts(tmp_path / name, {"fox": "animals"}) == tuple(said)


def test_prompts_are_read_from_a_parquet_file_without_its_images(tmp_path):
    import pyarrow
    import pyarrow.parquet

    table = {"caption": ["a fox", None], "subject": ["fox", "owl"], "image": [b"no image", b""]}
    pyarrow.parquet.write_table(pyarrow.table(table), tmp_path / "p.parquet")
    assert load_prompts(tmp_path / "p.parquet") == (Said("a fox", "fox"),)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "[1, 2]", "'1', which is no text"),
        ("a.json", "{", "cannot be read"),
        ("a.parquet", "no", "cannot be read"),
        ("a.txt", " \n", "no prompt in"),
        ("a.csv", "prompt\n", "no prompt in"),
        ("a.csv", "title,words\na,b\n", "has no column caption, prompt or text, only: title, words"),
        ("a.csv", 'prompt\n"a fox', "cannot be read .* quotes"),
        ("a.csv", "prompt,subject\na, b, c\n", "Row 2 of 'a.csv' has 3 cells"),
        ("a.jsonl", '"a"\n{oh', "Line 2 of 'a.jsonl' is not JSON"),
        ("a.docx", "PK\x03\x04\0\0", "is not a text file"),
    ],
)
def test_files_without_prompts_are_refused_in_one_sentence(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    for path, sentence in (
        (tmp_path / name, words),
        (tmp_path / "none.txt", "There is no file"),
        (tmp_path, "There is no file"),
    ):
        with pytest.raises(ValueError, match=sentence) as problem:
            load_prompts(path)
        assert "\n" not in str(problem.value)


def test_a_prompt_is_picked_by_seed_from_the_chosen_subjects():
    said = [Said(str(k), "fox" if k % 2 else "owl", "birds" if k % 3 else "") for k in range(30)]
    picked = [pick(said, seed, ["birds"], ["fox"]) for seed in range(60)]
    assert picked == [pick(said, seed, ["birds"], ["fox"]) for seed in range(60)]
    assert {each.text for each in picked} == {str(k) for k in range(30) if k % 2 and k % 3}
    with pytest.raises(ValueError, match="No prompt is about owls: choose other"):
        pick(said, 0, ["owls"])
