"""Read-only bbolt: the buckets of a database that another process writes, by pread, without a lock or a mapping.

Engines keep bbolt databases open and locked for their whole life, so a reader has to do without the lock. bbolt never
changes a page that the newest committed transaction reaches: `read` takes the newest meta page, reads what is wanted,
and believes it only if the newest transaction is still the same then.

Format: go.etcd.io/bbolt, version 2 (internal/common: meta.go, page.go, bucket.go), as Docker 20.10 to 29, containerd
1.6 to 2.1 and BuildKit write it. Numbers are in the byte order of the host.
"""

from docker_storage_exporter.bolt.database import Bucket, BusyError, newest_transaction, read
from docker_storage_exporter.bolt.file import Reading, read_file
from docker_storage_exporter.bolt.pages import CorruptError

__all__ = ["Bucket", "BusyError", "CorruptError", "Reading", "newest_transaction", "read", "read_file"]
