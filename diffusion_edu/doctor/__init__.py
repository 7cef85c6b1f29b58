"""The symptom doctor: from what is known about a training and its samples to what is wrong with them.

Every rule is a small function on measurable facts (`learning`, `drawing`), and all of them stand in one table (`table`).
Causes speak first; symptoms, which say what is seen and what to check, speak where no cause is known.
"""

from diffusion_edu.doctor.diagnosis import Diagnosis, Rule
from diffusion_edu.doctor.examination import ask, examine, read_run
from diffusion_edu.doctor.findings import LOOKS, Findings, Looks, look_at
from diffusion_edu.doctor.table import CAUSES, SYMPTOMS, diagnose

__all__ = [
    "CAUSES",
    "LOOKS",
    "SYMPTOMS",
    "Diagnosis",
    "Findings",
    "Looks",
    "Rule",
    "ask",
    "diagnose",
    "examine",
    "look_at",
    "read_run",
]
