"""The sizer: how many bytes and inodes an open descriptor holds. It knows nothing of Docker or Prometheus.

`measure` is the one entry point; `implementation` names the walker behind it, as `build_info{sizer=…}` shows it: "c",
or "python" where the package was built without a compiler. Both give the same answers.
"""

from docker_storage_exporter.sizer.usage import Control, Part, Root, Usage

try:
    from docker_storage_exporter.sizer.core import measure
except ImportError:
    from docker_storage_exporter.sizer.walk import measure

    implementation = "python"
else:
    implementation = "c"

__all__ = ["Control", "Part", "Root", "Usage", "implementation", "measure"]
