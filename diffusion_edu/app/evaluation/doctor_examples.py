"""Examples for the form of the symptom doctor: {name of the button: {finding: value}}."""

EXAMPLES = {
    "loss stuck at 1.0": {
        "first_loss": 1.0,
        "last_loss": 1.0,
        "steps": 500,
        "prediction_type": "eps",
        "distance": "mse",
    },
    "only noise": {
        "appearance": "noise",
        "first_loss": 1.0,
        "last_loss": 0.08,
        "steps": 2000,
        "prediction_type": "eps",
        "distance": "mse",
        "ema": 0.9999,
    },
    "black": {
        "appearance": "black",
        "last_loss": 0.09,
        "prediction_type": "v",
        "distance": "mse",
        "precision": "float16",
        "sampled.nan": 1.0,
    },
    "glaring": {
        "appearance": "edges",
        "guidance_scale": 9.0,
        "clip": "no",
        "sampled.low": -3.1,
        "sampled.high": 3.4,
    },
    "grey": {"appearance": "grey", "schedule": "linear", "T": 300, "sampling_steps": 50},
    "grain": {"appearance": "grain", "variance": "large", "T": 1000, "sampling_steps": 50},
    "all is well": {
        "appearance": "fine",
        "first_loss": 0.57,
        "last_loss": 0.11,
        "steps": 20_000,
        "prediction_type": "v",
        "distance": "mse",
        "lr": 0.0008,
    },
}
