"""How to steer? What is asked for, how strongly, at which timesteps, and what condition fidelity costs."""

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.guidance import page as guidance
from diffusion_edu.app.guidance.cfg_vectors import Vectors
from diffusion_edu.app.guidance.scale_sweep import Sweep
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.generation import generate, guided_denoiser
from diffusion_edu.networks.experts import Experts

page(
    "Guidance",
    "How to steer? Ask for something, ever louder: **which images obey first, and what do they lose when all obey?**",
    icon="🧭",
)
task, row = guidance.ask()
if isinstance(task, Sweep):
    shown = guidance.sweep(task, row)
    show_code(shown.code, *shown.functions)
else:
    guidance.sampled(task, row)
    show_code(task.code, *((guided, record_guidance, guided_denoiser) if isinstance(task, Vectors) else (Experts, generate)))
