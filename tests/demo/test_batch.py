"""Batches: naming, halting, references and what becomes of references that lead nowhere."""

from __future__ import annotations

from .conftest import TOKEN, Portal, command, example


def chain(method: str, key: str, wrap: str, last: int, length: int, **extra: object) -> dict[str, str]:
    """Keyset commands, each starting where the one before ended."""
    cmd = {}
    for number in range(length):
        since = last if number == 0 else f"$result[p{number - 1}]{wrap}[49][{key}]"
        cmd[f"p{number}"] = command(method, **extra, order={key: "ASC"}, filter={f">{key}": since}, start=-1)
    return cmd


def pages(result: dict, wrapped: bool) -> list[list[dict]]:
    return [page["items"] if wrapped else page for page in result["result"].values()]


def test_chained_items_are_consecutive_pages(portal: Portal) -> None:
    cmd = chain("crm.item.list", "id", "[items]", 0, 5, entityTypeId=1, select=["id"])
    ids = [[row["id"] for row in page] for page in pages(portal.batch(cmd), True)]
    flat = [i for page in ids for i in page]
    assert [len(page) for page in ids] == [50] * 5
    assert flat == sorted(portal.service.portal.cards[1])[:250]


def test_chained_legacy_lists_are_consecutive_pages(portal: Portal) -> None:
    result = portal.batch(chain("crm.deal.list", "ID", "", 0, 4, select=["ID"]))
    flat = [int(row["ID"]) for page in pages(result, False) for row in page]
    assert flat == sorted(portal.service.portal.cards[2])[:200]


def test_what_follows_a_short_page_is_garbage(portal: Portal) -> None:
    """An unresolved reference becomes the page itself: the condition is lost, the first page comes again."""
    ids = sorted(portal.service.portal.cards[2])
    cmd = chain("crm.item.list", "id", "[items]", ids[-20], 3, entityTypeId=2, select=["id"])
    short, garbage, again = ([row["id"] for row in page] for page in pages(portal.batch(cmd), True))
    assert short == ids[-19:]
    assert garbage == ids[:50]
    assert again == ids[50:100], "the chain goes on from the garbage"


def test_an_empty_page_is_garbage_too(portal: Portal) -> None:
    cmd = chain("crm.deal.list", "ID", "", 10**9, 2, select=["ID"])
    empty, garbage = pages(portal.batch(cmd), False)
    assert empty == [] and len(garbage) == 50


def test_a_reference_to_a_failed_command_reaches_the_map_of_results(portal: Portal) -> None:
    result = portal.batch(
        {
            "bad": "crm.item.list?entityTypeId=777",
            "next": command("crm.deal.list", filter={">ID": "$result[bad][49][ID]"}, start=-1),
        }
    )
    assert "bad" in result["result_error"] and len(result["result"]["next"]) == 50


def test_references_within_a_text(portal: Portal) -> None:
    result = portal.batch(
        {
            "deal": "crm.deal.list?select[]=ID&select[]=CONTACT_ID&filter[>CONTACT_ID]=0",
            "contact": "crm.contact.get?id=$result[deal][0][CONTACT_ID]",
            "list": command(
                "crm.contact.list",
                filter={"@ID": ["$result[deal][0][CONTACT_ID]", "$result[deal][1][CONTACT_ID]"]},
            ),
        }
    )
    first, second = (row["CONTACT_ID"] for row in result["result"]["deal"][:2])
    assert result["result"]["contact"]["ID"] == first
    assert {row["ID"] for row in result["result"]["list"]} == {first, second}


def test_shape_of_an_answer(portal: Portal) -> None:
    result = portal.batch({"user": "user.current", "departments": "department.get"})
    assert set(result) == set(example("batch")["result"])
    assert result["result_error"] == [] and result["result_next"] == []
    assert list(result["result_total"]) == ["departments"]
    assert set(result["result_time"]) == {"user", "departments"}


def test_totals_and_next_of_lists(portal: Portal) -> None:
    result = portal.batch({"a": "crm.deal.list?start=50", "b": "crm.deal.list?start=-1"})
    assert result["result_next"] == {"a": 100}
    assert result["result_total"] == {"a": portal.truth()["streams"]["deals"], "b": 0}


def test_numeric_names_become_lists(portal: Portal) -> None:
    as_list = portal.batch(["server.time", "profile"])
    assert isinstance(as_list["result"], list) and len(as_list["result"]) == 2
    named = portal.batch({"0": "server.time", "1": "profile"})
    assert isinstance(named["result"], list)
    from_one = portal.batch({"1": "server.time", "2": "profile"})
    assert list(from_one["result"]) == ["1", "2"]
    one_bad = portal.batch({"0": "crm.nothing", "1": "profile"})
    assert isinstance(one_bad["result_error"], list), "nobody can tell whose error this is"
    assert list(one_bad["result"]) == ["1"]


def test_errors_with_and_without_halt(portal: Portal) -> None:
    cmd = {"a": "server.time", "bad": "crm.nothing", "b": "server.time"}
    going_on, halted = portal.batch(cmd), portal.batch(cmd, halt=1)
    assert list(going_on["result"]) == ["a", "b"] and list(halted["result"]) == ["a"]
    assert going_on["result_error"] == halted["result_error"]
    assert going_on["result_error"]["bad"] == example("errors/system.ERROR_METHOD_NOT_FOUND")["body"]
    assert set(going_on["result_time"]) == {"a", "b"}


def test_all_failed_is_still_http_200(portal: Portal) -> None:
    answer = portal.post("batch", {"cmd": {"x": "crm.nothing"}})
    assert answer.status_code == 200
    assert answer.json()["result"]["result"] == []


def test_too_long_and_nested(portal: Portal) -> None:
    refused = portal.post("batch", {"cmd": {f"c{i}": "server.time" for i in range(51)}})
    expected = example("errors/system.ERROR_BATCH_LENGTH_EXCEEDED")
    assert (refused.status_code, refused.json()) == (expected["http_status"], expected["body"])
    nested = portal.batch({"inner": "batch?cmd[a]=server.time"})
    assert nested["result_error"]["inner"] == example("errors/system.ERROR_BATCH_METHOD_NOT_ALLOWED")["body"]


def test_a_batch_by_get(portal: Portal) -> None:
    inner = "crm.deal.list%3Fselect%5B%5D%3DID%26filter%255B%253EID%255D%3D200"
    path = f"/rest/1/{TOKEN}/batch?halt=0&cmd[a]={inner}"
    page = portal.http.get(path).json()["result"]["result"]["a"]
    assert page and all(int(row["ID"]) > 200 for row in page)
