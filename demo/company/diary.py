"""Meetings, letters, tasks and to-dos: what managers do beside calling, and what they plan next."""

from __future__ import annotations

from random import Random

from demo.company.records import Activity
from demo.company.world import DAY, World

TODO_TEXTS = (
    "Перезвонить клиенту",
    "Отправить предложение",
    "Согласовать договор",
    "Напомнить об оплате",
    "Уточнить потребность",
    "Подготовить расчёт",
    "Согласовать отгрузку",
)
MEETING_TEXTS = (
    "Встреча в офисе клиента",
    "Онлайн-презентация",
    "Демонстрация склада",
    "Переговоры об условиях",
)
LETTER_TEXTS = (
    "Коммерческое предложение",
    "Договор на согласование",
    "Счёт на оплату",
    "Ответ на вопросы",
    "Презентация решения",
)


#: Of the next steps: to-dos without a deadline, and those deleted after having hung overdue for a while.
DATELESS, FORGOTTEN = 0.16, 0.03


class Diary:
    def __init__(self, world: World) -> None:
        self.world = world

    def _add(self, **values: object) -> Activity:
        return self.world.add_activity(
            Activity(id=self.world.portal.next_id("activity", 2), created=self.world.now, **values)
        )  # type: ignore[arg-type]

    def _bound(self, bindings: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [b for b in bindings if b[1] and b[1] in self.world.portal.cards[b[0]]]

    def plan(self, user: int, bindings: list[tuple[int, int]], due: int, rng: Random) -> None:
        """A next step: a to-do or a task with a deadline; done on time, late or never."""
        bound = self._bound(bindings)
        if not bound:
            return
        task = rng.random() < 0.22
        dateless = not task and rng.random() < DATELESS
        step = self._add(
            type_id=3 if task else 6,
            provider="CRM_TASKS_TASK" if task else "CRM_TODO",
            provider_type="TASKS_TASK" if task else "TODO",
            subject=rng.choice(TODO_TEXTS),
            author=user or 1,
            responsible=user or 1,
            start=self.world.now if dateless else due - 900,
            end=due,
            bindings=bound,
            deadline=None if dateless else due,
        )
        fate = rng.random()
        if fate < 0.80:
            self.world.at(due - rng.randrange(5400), self.finish, step, user)
        elif fate < 0.90:
            late = self.world.calendar.days_later(due, 1 + rng.random() * 6, rng)
            self.world.at(late, self.finish, step, user)
        elif fate > 1 - FORGOTTEN:
            self.world.at(due + int((fate - 1 + FORGOTTEN) * 600 * DAY), self.world.delete_activity, step)

    def meet(self, user: int, bindings: list[tuple[int, int]], when: int, rng: Random) -> None:
        """A meeting is put into the calendar beforehand; one in eight does not take place."""
        bound = self._bound(bindings)
        if not bound:
            return
        end = when + rng.choice((1800, 3600, 3600, 5400))
        meeting = self._add(
            type_id=1,
            provider="CRM_MEETING",
            provider_type="MEETING",
            subject=rng.choice(MEETING_TEXTS),
            author=user or 1,
            responsible=user or 1,
            start=when,
            end=end,
            bindings=bound,
            deadline=when,
        )
        if rng.random() < 0.87:
            self.world.at(end + rng.randrange(3600), self.finish, meeting, user)

    def write(
        self,
        user: int,
        bindings: list[tuple[int, int]],
        address: str | None,
        rng: Random,
        incoming: bool = False,
    ) -> None:
        """A letter, finished the moment it exists; an incoming one may wait for an answer."""
        bound = self._bound(bindings)
        if not bound or address is None:
            return
        now = self.world.now
        self._add(
            type_id=4,
            provider="CRM_EMAIL",
            provider_type="EMAIL",
            subject=("Re: " if incoming else "") + rng.choice(LETTER_TEXTS),
            author=user or 1,
            responsible=user or 1,
            start=now,
            end=now,
            bindings=bound,
            deadline=now,
            completed=not incoming or rng.random() < 0.9,
            direction=1 if incoming else 2,
            description="<p>Добрый день!</p>",
            communication=(
                self.world.portal.counters.get("activity", 0) + 1,
                "EMAIL",
                address,
                bound[-1][1],
                bound[-1][0],
            ),
        )

    def finish(self, activity: Activity, by: int) -> None:
        if activity.id in self.world.portal.activities and not activity.completed:
            activity.completed, activity.updated, activity.editor = True, self.world.now, by or 1


__all__ = ["DAY", "Diary"]
