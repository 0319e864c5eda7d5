"""Run a job from its plan to its results: the only place that knows the order of steps."""
