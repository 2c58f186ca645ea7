"""Whether a process really stands still."""

from pathlib import Path


def is_stopped(pid: int | None) -> bool:
    """Whether a process is stopped by a signal, by the kernel's own word.

    The state is the first field after the program's name, which stands in brackets:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
