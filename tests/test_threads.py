"""What the kernel calls the threads."""

import threading

from docker_storage_exporter.threads import NamedThread


def test_the_kernel_knows_a_thread_by_the_beginning_of_its_name():
    told = []

    def look():
        with open(f"/proc/self/task/{threading.get_native_id()}/comm") as file:
            told.append(file.read().strip())

    thread = NamedThread(target=look, name="measure-small-and-more")
    thread.start()
    thread.join()

    assert told == ["measure-small-a"]
