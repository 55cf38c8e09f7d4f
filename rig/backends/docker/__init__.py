"""Docker engines and their containers: what the Compose backend and the Swarm backend share."""
