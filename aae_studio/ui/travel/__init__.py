"""Paths through the latent spaces, and how they are shown."""
