"""The app role: the target's own command, and nothing of ours around it."""
