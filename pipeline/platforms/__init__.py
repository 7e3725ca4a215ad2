"""How the graph runs: on this machine, or compiled for Vertex AI and Kubeflow.

May import the graph, the settings and the images of a run.
"""
