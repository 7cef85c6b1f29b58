"""For teachers: `diffusion-edu lessons` makes copies for students, collects reports and exports to other graders.

`command_line.py` has the commands; lessons/README.md says how a class works with them.
"""
