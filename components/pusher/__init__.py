"""Pusher: it copies blessed models to the directory that TF Serving watches."""
