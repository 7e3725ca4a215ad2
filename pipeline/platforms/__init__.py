"""Where the graph runs: on this machine, or compiled for Vertex AI and Kubeflow.

May import the graph and the settings.
"""
