"""Train the U-Net that generates 64x64 emoji from text: `python -m diffusion_edu.recipes.emoji --data FILE`."""

import argparse
from dataclasses import asdict, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from random import Random

import torch
from tqdm import tqdm

from diffusion_edu.checkpoints import PRETRAINED, vocabulary
from diffusion_edu.data.emoji import load_emoji
from diffusion_edu.data.emoji_captions import STYLE_NAMES, caption, standard_caption
from diffusion_edu.data.emoji_held_out import choose_held_out, held_out_mask, held_out_text, read_held_out
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import choose
from diffusion_edu.recipes import command_line
from diffusion_edu.recipes.fine_tune import check_text_model
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.memory import check_batch
from diffusion_edu.recipes.model_setup import build, make_card
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.recipes.run import Run, check_size, load_start
from diffusion_edu.recipes.writing import put_text
from diffusion_edu.text.reader import load_reader
from diffusion_edu.text.tokenizer import Tokenizer, learn_vocabulary
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.state import digest

HELD_OUT = PRETRAINED / "emoji.held_out.json"
FEW = 128  # held-out images that the validation loss is computed from
STEP = 8  # tokens: captions of a batch are padded to a multiple of this
PHRASINGS = 6  # captions of each base that the vocabulary is learned from
PROMPTS = (  # the first prompts of every sheet; the others are held-out emoji
    "red apple, noto style",
    "openmoji emoji of a volcano",
    "woman astronaut with dark skin, fluent style",
    "cat face, twemoji style",
    "grinning face with big eyes, noto style",
    "rocket, fluent style",
    "flag of Japan, twemoji style",
    "thumbs up with medium skin, openmoji style",
)


def prompt_sheet(run, count):
    """Show one sample per prompt of prompts.txt, eight in a row; the seeds (from 0) are the same in every sheet."""
    model, images, count = run.model, [], min(count, len(run.prompts))
    for at in range(0, count, 8):
        prompts = run.prompts[at : min(at + 8, count)]
        *_, last = generate(model, Preset(**model.card.sampling), range(at, at + len(prompts)), run.tokenizer(prompts))
        images.append(to_bytes(last.x).cpu())
    return grid(torch.cat(images), columns=8)


RECIPE = Recipe(
    name="emoji",
    title="Emoji from text, attention U-Net in pixels",
    network="attention_unet",
    config={
        "widths": [64, 128, 256],
        "blocks": 1,
        "attention": [False, True, True],
        "patch": 2,
        "embedding": 256,
        "text": {"width": 192, "depth": 3},
    },
    public="emoji",
    objective=Objective(null=0),
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=3.0, schedule="linear"),
    licence="Weights: MIT. Trained on Noto Emoji (Google, Apache-2.0), Twemoji (Twitter, Inc. and other contributors, "
    "CC BY 4.0), Fluent Emoji (Microsoft, MIT) and OpenMoji (the open-source emoji and icon project, CC BY-SA 4.0); "
    "names and tags from emojibase (MIT).",
    caution="It knows the names and tags of emoji and few other words. Lettering, flags and clocks are often wrong. "
    "Captions were made of names, tags, skin tones and styles; nobody described the images. "
    "What was held out is listed in emoji.held_out.json.",
    labels=False,
    sheet=prompt_sheet,
)


class EmojiRun(Run):
    """A training on emoji, with new captions for every batch; its data set is an EmojiSet."""

    def parts(self):
        """Take up to FEW held-out images with standard captions, and compute the weights of the training images."""
        self.weights, held = self.dataset.weights(), self.dataset.held.nonzero().flatten()
        if not len(held):
            return None, self.dataset
        few = held[:: -(-len(held) // FEW)]
        condition = self.condition(map(standard_caption, self.emoji_at(few)))
        return (to_signed(self.dataset.images[few]), condition), self.dataset

    def __post_init__(self):
        folder = Folder(self.args.out)
        self.text = folder.vocabulary.read_text(encoding="utf-8")
        self.tokenizer, self.prompts = Tokenizer(self.text), folder.prompts.read_text(encoding="utf-8").splitlines()
        super().__post_init__()

    def describe_data(self):
        """Describe the emoji, what is held out, and the vocabulary."""
        emoji, written = self.dataset, [asdict(each) for each in self.dataset.emoji]
        return {
            "images": len(emoji),
            "held-out emoji": int(emoji.held.sum()),
            "vocabulary": self.tokenizer.card,
            "contents": digest({"images": emoji.images.cpu(), "held": emoji.held.cpu()}, to_json(written)),
        }

    def image_shape(self):
        """Return channels, height and width of the images."""
        return self.dataset.images.shape[1:]

    def extras(self, folder):
        """Write the vocabulary beside the weights."""
        put_text(vocabulary(folder.out, folder.name), self.text)

    def emoji_at(self, index):
        """List the Emoji at an index (m,)."""
        return [self.dataset.emoji[number] for number in index.tolist()]

    def condition(self, captions):
        """Tokenize captions: ids (b, n), n a multiple of STEP."""
        ids = self.tokenizer(list(captions))
        used = max(1, int(ids.any(0).sum()))
        return ids[:, : -(-used // STEP) * STEP].to(self.compute.device)

    def stream(self):
        """Yield batches (x0, token ids) for ever: images sampled by weight, not mirrored, with new captions."""
        generator = self.state.generator
        while True:
            index = torch.multinomial(self.weights, self.args.batch, replacement=True, generator=generator)
            seed = torch.randint(2**31, (1,), generator=generator, device=generator.device)
            random = Random(int(seed))
            yield (
                to_signed(self.dataset.images[index]),
                self.condition(caption(each, random) for each in self.emoji_at(index)),
            )

    def card(self, **training):
        """Write the card of the model as trained so far."""
        emoji, described = self.dataset, make_card(self, **training)
        facts = {"subject": "emoji", "source": emoji.source, "images": len(emoji), "held_out": int(emoji.held.sum())}
        facts |= {
            "styles": sorted({each.style for each in emoji.emoji}),
            "captions": "made of name, tags, skin tone and style",
        }
        return replace(described, text=self.tokenizer.card, data=facts)


def begin(recipe, args):
    """Read the emoji, hold some out, learn or read the vocabulary, and build the network or load one to fine-tune."""
    compute, start = choose(args.device), load_start(args)
    if not args.data or len(args.data) > 1:
        raise ValueError(
            "Name one parquet file of emoji with --data; `python -m diffusion_edu.recipes.emoji_data` builds it."
        )
    if start:
        check_text_model(start.card, "", 3)
    recipe = replace(recipe, size=args.size or recipe.size)
    check_batch(args.batch, recipe.size, compute)
    emoji = load_emoji(args.data[0], recipe.size, tqdm.write)
    lists = held_out_lists(emoji, args.held_out)
    emoji = replace(emoji, held=held_out_mask(lists, emoji.emoji))
    tokenizer = tokenizer_for(args, emoji, lists)
    known = args.earlier["model"]["config"] if args.earlier else start.card.config if start else None
    config = known or recipe.config | {"text": recipe.config["text"] | tokenizer.config}
    recipe = replace(recipe, config=config)
    net, _ = build(recipe, emoji)
    check_size(recipe.size, net.size_multiple)
    if start:
        net.load_state_dict(start.net.state_dict())
    return EmojiRun(recipe, args, compute, emoji.to(compute.device), recipe.objective, compute.place(net))


def held_out_lists(emoji, path):
    """Read the lists of held-out emoji; if there is no such file, choose and write them."""
    if not path.exists():
        put_text(path, held_out_text(choose_held_out(emoji.emoji)))
    return read_held_out(path)


def tokenizer_for(args, emoji, lists):
    """Load the tokenizer of the training or of the model to fine-tune, or learn a vocabulary; write the prompts too."""
    folder = Folder(args.out)
    if not args.earlier or not folder.vocabulary.exists():
        put_text(
            folder.vocabulary,
            load_reader(args.start).text if args.start else learn_vocabulary(vocabulary_captions(emoji)),
        )
    if not args.earlier or not folder.prompts.exists():
        put_text(folder.prompts, "".join(f"{prompt}\n" for prompt in prompts_of(emoji, lists)))
    return Tokenizer(folder.vocabulary.read_text(encoding="utf-8"))


def vocabulary_captions(emoji):
    """Yield captions to learn the vocabulary from: PHRASINGS of each training base, tags, styles, skin tones."""
    random, held = Random(0), emoji.held.tolist()
    bases = {each.base: each for each, out in zip(emoji.emoji, held, strict=True) if not out}
    for each in bases.values():
        yield from (caption(each, random) for _ in range(PHRASINGS))
        yield ", ".join(each.tags)
    tones = sorted({each.skin_tone for each in emoji.emoji})
    yield from [*(name for names in STYLE_NAMES.values() for name in names), *tones] * PHRASINGS


def prompts_of(emoji, lists, count=64):
    """Choose the prompts of a sheet: rows of eight training prompts and eight held-out prompts in turn."""
    random = Random(0)
    mixed = {each.base: each for each in random.sample(emoji.emoji, len(emoji))}.values()  # one of each base
    known = [each for each, held in zip(mixed, held_out_mask(lists, mixed).tolist(), strict=True) if not held]
    lanes = [held_out_emoji({name: lists[name]}, emoji, random) for name in ("professions", "styles", "concepts")]
    held = [each for turn in zip_longest(*lanes) for each in turn if each]
    known, held = [*PROMPTS, *map(standard_caption, known)], [*map(standard_caption, held)]
    rows = [lane[at : at + 8] for at in range(0, count, 8) for lane in (known, held)]
    return [prompt for row in rows for prompt in row][:count]


def held_out_emoji(lists, emoji, random):
    """List one held-out Emoji of every base in the lists, in random order."""
    held = [each for each, out in zip(emoji.emoji, held_out_mask(lists, emoji.emoji).tolist(), strict=True) if out]
    return list({each.base: each for each in random.sample(held, len(held))}.values())


def options():
    """Make the parser of the options that only this recipe has."""
    parser = argparse.ArgumentParser(add_help=False)
    about = f"the list of held-out emoji; chosen and written if the file does not exist (default: {HELD_OUT})"
    parser.add_argument("--held-out", type=Path, metavar="FILE", default=HELD_OUT, help=about)
    return parser


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    args = command_line.parse_arguments(recipe, words, [options()])
    command_line.run_recipe(partial(command_line.train, begin=begin), recipe, args)


if __name__ == "__main__":
    main()
