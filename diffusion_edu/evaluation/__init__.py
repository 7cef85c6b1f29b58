"""How near are samples to real images? One protocol for every model: `python -m diffusion_edu.evaluation NAME`.

`samples` draws what is judged, `features` describes images by a classifier of ours, `distances` compares two sets of
descriptions, `neighbours` looks for copies, `report` puts it all beside its floor and its baseline. Restorers, which undo
degradations, are judged by `cold`: `python -m diffusion_edu.evaluation.restoration NAME`. What draws what a text says is judged by
`prompting`: `python -m diffusion_edu.evaluation.text_to_image NAME`.
"""
