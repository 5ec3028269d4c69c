"""The engine labels that mean something here. Any other is kept only where the user asks for it."""

COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_VOLUME = "com.docker.compose.volume"
SWARM_STACK = "com.docker.stack.namespace"
SWARM_SERVICE = "com.docker.swarm.service.name"
ANONYMOUS = "com.docker.volume.anonymous"

USED_LABELS = frozenset({COMPOSE_PROJECT, COMPOSE_SERVICE, COMPOSE_VOLUME, SWARM_STACK, SWARM_SERVICE, ANONYMOUS})
"""All of them. An engine may hold any number of others, as long as it likes."""
