"""The rig: plans trials, carries them out on a backend, and records what was observed."""
