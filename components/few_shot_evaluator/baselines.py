"""The baselines that a candidate is judged beside, named here and nowhere else: graph, inputs, executor and history read this."""

BASELINES = ("transfer", "untrained", "pixels")
