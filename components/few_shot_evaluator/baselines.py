"""The names of the baselines. The graph, the evaluator's inputs and executor, and the history of runs all read them here."""

BASELINES = ("transfer", "untrained", "pixels", "head_steps")
