"""What the rig does on a node of a Swarm, by one stream through the node's own engine."""
