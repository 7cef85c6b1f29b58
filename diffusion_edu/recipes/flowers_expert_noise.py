"""Train the expert for high noise levels: `python -m diffusion_edu.recipes.flowers_expert_noise --from NAME`."""

import math
from dataclasses import replace

from diffusion_edu.recipes import flowers_simple
from diffusion_edu.recipes.command_line import main
from diffusion_edu.training.objectives.diffusion import Objective

RECIPE = replace(
    flowers_simple.RECIPE,
    name="flowers_expert_noise",
    title="Flowers, expert for high noise",
    objective=Objective(angles=(math.pi / 4, math.pi / 2)),
)

if __name__ == "__main__":
    main(RECIPE)
