"""One object or path explained: whose it is, what of it is largest, and what removing it frees. It measures."""
