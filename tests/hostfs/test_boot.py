"""Boot: one host, one mark."""

from docker_storage_exporter.hostfs.boot import host_mark


def test_a_host_has_one_mark_which_does_not_tell_the_kernel_s_number():
    with open("/proc/sys/kernel/random/boot_id") as file:
        number = file.read().strip()

    assert host_mark("/proc") == host_mark("/proc")
    assert len(host_mark("/proc")) == 16
    assert host_mark("/proc") not in number.replace("-", "")


def test_another_boot_has_another_one_and_without_proc_there_is_none(tmp_path):
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("another\n")

    assert host_mark(str(tmp_path)) not in ("", host_mark("/proc"))
    assert host_mark(f"{tmp_path}/nowhere") == ""
