"""What this process may do: its rights, Landlock, seccomp, user namespaces. Knows no settings."""
