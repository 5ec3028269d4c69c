"""The engine labels that mean something here. Any other is kept only where the user asks for it."""

COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_VOLUME = "com.docker.compose.volume"
SWARM_STACK = "com.docker.stack.namespace"
SWARM_SERVICE = "com.docker.swarm.service.name"
ANONYMOUS = "com.docker.volume.anonymous"
STORAGE_LIMIT = "storage.limit"
"""On a volume or a container: how large it, or its writable layer, is meant to become at most, such as 20GiB."""
LOG_LIMIT = "storage.log.limit"
"""The same of a container's log."""

USED_LABELS = frozenset(
    {COMPOSE_PROJECT, COMPOSE_SERVICE, COMPOSE_VOLUME, SWARM_STACK, SWARM_SERVICE, ANONYMOUS, STORAGE_LIMIT, LOG_LIMIT}
)
"""All of them. An engine may hold any number of others, as long as it likes."""
