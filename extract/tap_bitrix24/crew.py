"""The threads that ask a portal: who is at work, and how many answers may wait in memory.

Two things depend on it. Questions of several streams are put into one request, which goes out when nobody is
about to add another. And rows that were fetched but not yet written hold a seat, so that a slow loader slows the
reading and not the machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Crew:
    """Counts threads at work. `changed` guards and announces everything here; the client waits on it too.

    Args:
        seats: how many fetched pieces may be in flight or in memory at once.
    """

    def __init__(self, seats: int = 8) -> None:
        self.changed = threading.Condition()
        self.at_work = 0
        self.free = seats
        self._local = threading.local()

    def start(self, work: Callable[[], None], name: str, *, seated: bool = False) -> None:
        """Run `work` in a thread that counts as being at work from now on.

        Args:
            seated: it brings a seat (taken by the caller) and whoever takes its result frees it; while it stands
                aside, the seat is free.
        """

        def body() -> None:
            self._local.member, self._local.seated, self._local.aside = True, seated, False
            try:
                work()
            finally:
                with self.changed:
                    self.at_work -= 1
                    self.changed.notify_all()

        with self.changed:
            self.at_work += 1
        # Daemons: an interrupted run must not sit out their waits for the portal.
        threading.Thread(target=body, name=name, daemon=True).start()

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """While several threads are started: nobody sends a question before all are there."""
        with self.changed:
            self.at_work += 1
        try:
            yield
        finally:
            with self.changed:
                self.at_work -= 1
                self.changed.notify_all()

    def take_seat(self, *, wait: bool = True) -> bool:
        with self.changed:
            if wait:
                with self.waiting():
                    self.changed.wait_for(lambda: self.free > 0)
            elif self.free <= 0:
                return False
            self.free -= 1
            return True

    def free_seat(self) -> None:
        with self.changed:
            self.free += 1
            self.changed.notify_all()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Not at work while the lock's owner waits. Needs the lock."""
        counted = getattr(self._local, "member", False) and not self._local.aside
        if counted:
            self.at_work -= 1
            self.changed.notify_all()
        try:
            yield
        finally:
            if counted:
                self.at_work += 1

    def step_aside(self) -> None:
        """This thread waits for something that takes long: it frees its place and its seat."""
        if not getattr(self._local, "member", False) or self._local.aside:
            return
        with self.changed:
            self._local.aside = True
            self.at_work -= 1
            self.free += self._local.seated
            self.changed.notify_all()

    def step_back(self) -> None:
        """Undo `step_aside`, waiting for a free seat where the thread had one."""
        if not getattr(self._local, "aside", False):
            return
        with self.changed:
            if self._local.seated:
                self.changed.wait_for(lambda: self.free > 0)
                self.free -= 1
            self.at_work += 1
            self._local.aside = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """For a wait that has a beginning and an end, such as handing over a result."""
        self.step_aside()
        try:
            yield
        finally:
            self.step_back()
