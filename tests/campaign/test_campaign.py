"""A sample of the fault campaign, and proof that it would notice. The long one is `make campaign`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from demo.rest.faults import KINDS
from tests.campaign import plan
from tests.campaign.play import STREAMS, Chain, plugins
from tests.campaign.state import KeptState
from tests.campaign.truth import SOURCES, Truth, differences
from tests.conftest import LOADER, missing
from tests.embedded_postgres import core_python, embedded_postgres

# Seed of a chain → how many of its episodes are played; 3 has a table that is read in pieces.
SAMPLE = {1: 3, 3: 3}

Begin = Callable[[int], Chain]


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Begin the chain of a seed, once; all are closed at the end."""
    for path in (LOADER, core_python()):
        if not path.is_file():
            missing(f"no {path} (make demo makes it): the fault campaign was NOT played")
    begun: dict[int, Chain] = {}
    with embedded_postgres() as sockets, plugins(LOADER) as (taps, loaders):

        def call(seed: int) -> Chain:
            if seed not in begun:
                logs = tmp_path_factory.mktemp(f"chain{seed}")
                begun[seed] = Chain(seed, sockets, taps, loaders, logs)
            return begun[seed]

        try:
            yield call
        finally:
            for chain in begun.values():
                chain.close()


@pytest.mark.parametrize(("seed", "length"), SAMPLE.items())
def test_raw_holds_the_truth_after_trouble(begin: Begin, seed: int, length: int) -> None:
    chain = begin(seed)
    for number in range(1, length + 1):
        report = chain.play(plan.episode(seed, number))
        assert not report.problems, "\n".join([f"episode {seed}.{number}", *report.story, *report.problems])
    control = chain.control(plan.episode(seed, length))
    assert not control.problems, "\n".join(control.problems)


# What is done to raw, by the stream that must then be found different.
SPOILS = {
    "deals": "delete from deals where id = (select max(id) from deals)",
    "leads": "delete from leads where modified_at = (select max(modified_at) from leads)",
    "contacts": 'update contacts set payload = payload || \'{"name": "Никто"}\' where id = (select max(id) from contacts)',
    "activities": "update activities set payload = payload - 'SUBJECT'",
    "deal_stage_history": "delete from deal_stage_history where id = (select max(id) from deal_stage_history)",
    "calls": "update calls set payload = payload - 'CALL_VOTE' where id = (select max(id) from calls)",
    "deal_product_rows": "update deal_product_rows set payload = jsonb_set(payload, '{productRows}', '[]')",
    "users": "update users set _sdc_deleted_at = now() where id = '1'",
    "pipelines": "insert into pipelines select '2:99999', modified_at, payload from pipelines where id = '2:0'",
    "currencies": "delete from currencies where id = 'USD'",
}


@pytest.mark.parametrize("stream", SPOILS)
def test_every_kind_of_loss_is_noticed(begin: Begin, stream: str) -> None:
    """After the sample, the warehouse is right; a single wrong row makes it wrong."""
    warehouse, truth = begin(1).warehouse, Truth(begin(1).company)
    if "raw_bitrix24" not in {
        name for (name,) in warehouse.connection.execute("select nspname from pg_namespace")
    }:
        begin(1).play(plan.episode(1, 1))  # This test was chosen alone: the sample was not played before.
    assert differences(warehouse, truth, [stream], ()) == []
    with warehouse.connection.transaction(force_rollback=True):
        warehouse.connection.execute("set local search_path to raw_bitrix24")
        warehouse.connection.execute(SPOILS[stream])
        assert [line.partition(":")[0] for line in differences(warehouse, truth, [stream], ())][:1] == [
            stream
        ]


def test_plans_use_everything_that_the_portal_can_do_wrong() -> None:
    """By the seeds of the long campaign."""
    episodes = [plan.episode(chain, n) for chain in range(1, 41) for n in range(1, plan.EPISODES_A_CHAIN + 1)]
    runs = [run for episode in episodes for run in episode.troubled]
    kinds = {fault["kind"] for run in runs for fault in run.faults}
    kinds |= {quirk for chain in range(1, 41) for quirk in plan.chain_start(chain).quirks}
    assert kinds == set(KINDS)
    accidents = {accident.what for run in runs for accident in run.accidents}
    assert accidents == {"kill tap", "kill loader", "cut"}
    assert {move["on"] for run in runs for move in run.moves} == {"request", "command"}
    assert any(run.full_refresh for run in runs)
    assert plan.episode(7, 3) == plan.episode(7, 3)


def test_every_stream_has_its_truth() -> None:
    others = {"deal_product_rows", "payments", "activity_bindings", "fields"}
    assert set(STREAMS) <= {*SOURCES, *others}


def test_state_is_kept_as_meltano_keeps_it() -> None:
    state = KeptState()
    state.add({"bookmarks": {"deals": {"cursor": 5}}}, full_refresh=False)
    state.add({}, full_refresh=False)
    state.add({"bookmarks": {"deals": {"at": 1}}}, full_refresh=True)
    assert state.given() == {"bookmarks": {"deals": {"cursor": 5, "at": 1}}}
    state.add({"bookmarks": {"deals": {"at": 2}}}, full_refresh=False)
    assert state.given() == {"bookmarks": {"deals": {"at": 2}}}
