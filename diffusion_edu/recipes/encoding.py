"""The latents that a training of text to image learns from: read, or encoded once and kept in the folder."""

from functools import partial

from tqdm import tqdm

from diffusion_edu.cards import Unusable
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.tables import gathered
from diffusion_edu.latent.codec import latent_statistics, load_codec
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.latents import (
    autoencoder_sha256,
    contents_of,
    encode_sets,
    read_latents,
    training_captions,
    write_latents,
)
from diffusion_edu.recipes.resuming import ADVICE, everywhere

OWN, CLIP = "own", "clip"
AUTOENCODER = "autoencoder"
DEFAULT = ("five flowers", "flowers")  # public sets


def read_or_encode(args, start, compute):
    """Read the latents that the command line names, or those of this folder, or encode the images.

    Latents of this folder are used if they were made from the same images and captions with the same autoencoder.
    """
    if args.latents:
        if args.data or args.captions:
            raise ValueError("--latents holds images and captions already: leave out --data and --captions.")
        return with_autoencoder(read_latents(args.latents), args)
    args.autoencoder = args.autoencoder or (start and start.card.autoencoder) or AUTOENCODER
    path = Folder(args.out).latents
    try:
        sets = read_sets(args)
    except ValueError as problem:
        if not path.exists() or not names_the_same(args):
            raise
        tqdm.write(f"{problem} The training goes on with the images as they were encoded, in {path}.")
        return read_latents(path)
    choices = choices_of(args, sets)
    return reusable(path, choices, args) or encode(args, compute, path, sets, choices)


def names_the_same(args):
    """Say whether the command line names the sets that the training began with."""
    before, now = args.earlier and args.earlier["options"], vars(args)
    return before and all(everywhere(now[name]) == everywhere(before.get(name)) for name in ("data", "captions"))


def reusable(path, choices, args):
    """Read the latents of this folder if they depend on the same choices, else None.

    Raises ValueError if they do not and an earlier training needs them.
    """
    if not path.exists():
        return None
    try:
        latents = read_latents(path)
        if all(latents.facts.get(name) == value for name, value in choices.items()):
            return latents
        words = f"{path} was made of other images or captions, or with another autoencoder"
    except Unusable as problem:
        words = str(problem).rstrip(".")
    if args.earlier:
        raise ValueError(f"{words}: bring back what the training in {args.out} began with, or {ADVICE}.")
    tqdm.write(f"{words}. The images are encoded anew.")
    return None


def with_autoencoder(latents, args):
    """Return latents; raises ValueError if the command line names another autoencoder than theirs."""
    if args.autoencoder and args.autoencoder != latents.facts["autoencoder"]:
        raise ValueError(
            f"The latents in {args.latents} were made with the autoencoder {latents.facts['autoencoder']}: "
            "leave out --autoencoder."
        )
    return latents


def read_sets(args):
    """Read the sets of images with captions."""
    sources = [str(source) for source in [*(args.data or []), *(args.captions or [])]]
    read = partial(load_captioned, size=args.size, tell=tqdm.write, from_classes=args.captions_from_classes)
    return [read(source) for source in gathered(sources) or DEFAULT]


def choices_of(args, sets):
    """List what latents depend on, as facts."""
    return {
        "contents": contents_of(sets),
        "autoencoder": args.autoencoder,
        "autoencoder_sha256": autoencoder_sha256(args.autoencoder),
        "text_encoder": f"that of {args.start}" if args.start else args.text_encoder,
        "size": args.size,
    }


def encode(args, compute, path, sets, choices):
    """Encode the images, and write the latents."""
    reader, autoencoder = reader_for(args, sets), choices["autoencoder"]
    facts = choices | {"scale": latent_statistics(autoencoder), "training_captions": training_captions(sets)}
    facts |= {"text": reader.card, "config": reader.config, "vocabulary": reader.text}
    codec = load_codec(autoencoder, compute=compute)
    latents = encode_sets(sets, codec, reader, partial(tqdm, leave=False), **facts)
    write_latents(path, latents)
    return latents


def reader_for(args, sets):
    """Choose what reads captions: the tokenizer of the model to continue with, CLIP, or a new vocabulary."""
    from diffusion_edu.text import clip, reader, tokenizer

    if args.start:
        return reader.load_reader(args.start)
    if args.text_encoder != OWN:
        return clip.load_clip(clip.CLIP if args.text_encoder == CLIP else args.text_encoder)
    return tokenizer.Tokenizer(
        tokenizer.learn_vocabulary(text for some in sets for texts in some.captions for text in texts)
    )
