"""Training: `loop` trains any network on any objective, `objectives` are the losses, `state` saves and resumes a
training.
"""
