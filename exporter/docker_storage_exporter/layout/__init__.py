"""Which directories hold an object, or why none is looked at. Pure path logic: it opens nothing and sizes nothing.

Each kind of object is a file here with its `SUBJECT`; code that loops over kinds loops over SUBJECTS.
"""

from docker_storage_exporter.layout.binds import BindFacts, bind_key
from docker_storage_exporter.layout.images import ImageFacts, image_key
from docker_storage_exporter.layout.layers import container_key
from docker_storage_exporter.layout.plan import Plan, Rules, plan_of, rules_of
from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.layout.subjects import KINDS, SUBJECTS
from docker_storage_exporter.layout.tmpfs import TmpfsFacts
from docker_storage_exporter.layout.volumes import VolumeFacts, volume_key

__all__ = [
    "KINDS",
    "SUBJECTS",
    "BindFacts",
    "HostView",
    "ImageFacts",
    "Item",
    "Plan",
    "Rules",
    "Subject",
    "TmpfsFacts",
    "VolumeFacts",
    "bind_key",
    "container_key",
    "image_key",
    "plan_of",
    "rules_of",
    "volume_key",
]
