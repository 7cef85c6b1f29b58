"""Train the expert for low noise levels: `python -m diffusion_edu.recipes.flowers_expert_detail --from NAME`."""

import math
from dataclasses import replace

from diffusion_edu.recipes import flowers_simple
from diffusion_edu.recipes.command_line import main
from diffusion_edu.training.objectives.diffusion import Objective

RECIPE = replace(
    flowers_simple.RECIPE,
    name="flowers_expert_detail",
    title="Flowers, expert for low noise",
    objective=Objective(angles=(0.0, math.pi / 4)),
)

if __name__ == "__main__":
    main(RECIPE)
