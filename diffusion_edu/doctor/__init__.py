"""The symptom doctor: from facts about a training and its samples to a diagnosis.

Every rule is a small function on measurable facts (`training_rules`, `sampling_rules`), and `rules` lists them all.
Causes come first; symptoms, which describe what is seen and what to check, are reported only if no cause is found.
"""

from diffusion_edu.doctor.diagnosis import Diagnosis, Rule
from diffusion_edu.doctor.examination import examine, prediction_errors
from diffusion_edu.doctor.findings import APPEARANCES, Findings
from diffusion_edu.doctor.rules import CAUSES, SYMPTOMS, diagnose
from diffusion_edu.doctor.run_files import read_run
from diffusion_edu.doctor.statistics import Statistics, measure

__all__ = [
    "APPEARANCES",
    "CAUSES",
    "SYMPTOMS",
    "Diagnosis",
    "Findings",
    "Rule",
    "Statistics",
    "diagnose",
    "examine",
    "measure",
    "prediction_errors",
    "read_run",
]
