"""The sizer: how many bytes and inodes an open descriptor holds. It knows nothing of Docker or Prometheus.

`measure` is the one entry point; `implementation` names the walker behind it, as `build_info{sizer=…}` shows it.
"""

from docker_storage_exporter.sizer.usage import Control, Root, Usage
from docker_storage_exporter.sizer.walk import measure

implementation = "python"

__all__ = ["Control", "Root", "Usage", "implementation", "measure"]
