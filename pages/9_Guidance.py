"""How to steer? Classifier-free guidance: condition, guidance scale, timesteps, and the diversity it costs."""

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.player.task import play_task
from diffusion_edu.app.guidance import page as guidance
from diffusion_edu.app.guidance.scale_sweep import Sweep
from diffusion_edu.app.trajectories.guidance_vectors import GuidanceVectors
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.generation import generate, guided_denoiser
from diffusion_edu.networks.experts import Experts

with page(
    "guidance",
    "Guidance",
    "How to steer? Raise the guidance scale: **which images follow the condition first, and what do they lose?**",
    icon="🧭",
):
    request, row = guidance.ask()
    if isinstance(request, Sweep):
        shown = guidance.show_sweep(request, row)
        show_code(shown.code, *shown.functions)
    else:
        play_task(request, row)
        vectors = isinstance(request, GuidanceVectors)
        show_code(request.code, *((guided, record_guidance, guided_denoiser) if vectors else (Experts, generate)))
