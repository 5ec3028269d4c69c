"""A Docker host made up for a newcomer: a data root on disk, and an engine that answers for it."""
