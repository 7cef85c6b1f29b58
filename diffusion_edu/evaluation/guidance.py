"""What does condition fidelity cost? Distance, class accuracy and diversity at several guidance scales: `python -m diffusion_edu.evaluation.guidance NAME`."""

from dataclasses import replace
from functools import partial
from statistics import mean

from tqdm import tqdm

from diffusion_edu.analysis.measures import mean_distance
from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.attributes import ASKED, attribute_scores, conditions, draw_conditions
from diffusion_edu.evaluation.command_line import again, carry_out, parser, rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import CLASSIFIERS, class_accuracy, describe
from diffusion_edu.evaluation.report import real_reference
from diffusion_edu.evaluation.samples import asked, draw
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)


def main(words=None):
    """Judge one model at several scales from the command line."""
    options = parser("diffusion_edu.evaluation.guidance", __doc__, samples=1000, example="flowers_attention")
    options.add_argument("--guidance-scales", type=float, nargs="+", default=SCALES)
    carry_out(judge, options.parse_args(words))


def judge(args, watch):
    """Draw what real images show at every scale, compare, and write a row for each into the card, under by_guidance."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if not model.card.condition_names or not model.card.generates:
        raise ValueError(f"{args.name} knows neither classes nor attributes to steer to: name a model that does.")
    feature_network, second = (
        load(name, compute=compute)
        for name in (args.features or CLASSIFIERS[model.card.subject][0], CLASSIFIERS[model.card.subject][1])
    )
    images = load_images(args.data, model.card.size, tqdm.write, model.card.subject)
    if [*images.classes, *images.attributes] != model.card.condition_names:
        raise ValueError(
            f"{images.source} shows other kinds than {args.name} draws: give the images that it was trained on."
        )
    real = real_reference(feature_network, images, args.samples, partial(watch, words="features"))
    labels = asked(model.card, real.class_counts, images, args.samples)
    class_names = (
        of_one_attribute(real.features, images) if model.card.attributes else of_one_class(real.features, images.labels)
    )
    rows = []
    for guidance_scale in args.guidance_scales:
        preset = replace(Preset(**model.card.sampling), guidance_scale=guidance_scale)
        samples = draw(
            model, preset, args.samples, labels, args.work, watch=partial(watch, words=f"guidance {guidance_scale:g}")
        )
        features = describe(feature_network, samples).features
        followed, apart = condition_fidelity(model, preset, feature_network, second, samples, labels, args.work)
        distances = {"FD": frechet(real.statistics, features), "FD_band": frechet_band(real.statistics, features)}
        rows.append(
            rounded(
                {
                    "guidance_scale": guidance_scale,
                    **distances,
                    "class_accuracy": followed,
                    "diversity": apart / diversity(class_names),
                }
            )
        )
    scores = {"by_guidance": rows, "by_guidance_command": again("diffusion_edu.evaluation.guidance", args)}
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=model.card.scores | scores))
    return scores


def condition_fidelity(model, preset, feature_network, second, samples, labels, work):
    """Say how often the second classifier sees what was asked for, and how diverse samples of one kind are; attributes are wished for singly."""
    if not model.card.attributes:
        return class_accuracy(describe(second, samples).scores, labels), diversity(
            of_one_class(describe(feature_network, samples).features, labels)
        )
    wished, faces = conditions(model.card.attributes), draw_conditions(model, preset, work)
    followed = attribute_scores(second, describe(second, faces).scores, wished)["class_accuracy"]
    return followed, diversity(of_one_class(describe(feature_network, faces).features, wished))


def of_one_class(features, labels):
    """Part features (n, width) by their labels (n, ...), into sets of images that were asked for the same."""
    _, groups = labels.unique(dim=0, return_inverse=True)
    return [features[groups == group] for group in groups.unique()]


def of_one_attribute(features, images):
    """Choose features (n, width) of real images for every wish that is judged: those with and those without each attribute."""
    columns = [images.attributes.index(name) for name in ASKED]
    return [features[images.labels[:, column] == has] for column in columns for has in (1, -1)]


def diversity(sets, most=500):
    """Measure how far images of one kind are from each other: the mean distance in features between all pairs, averaged over sets (n, width)."""
    return mean(mean_distance(some[:most]) for some in sets if len(some) > 1)


if __name__ == "__main__":
    main()
