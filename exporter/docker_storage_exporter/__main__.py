"""`python -m docker_storage_exporter`."""

import sys

from docker_storage_exporter.cli import main

sys.exit(main())
