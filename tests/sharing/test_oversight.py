"""The säkerhetschef sees who told what kind of thing to whom on which ground, and never about whom."""

from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Denied
from tests.sharing.builders import PERSON
from tests.sharing.conftest import OFFICER, RECEIVER, Sharing

SECURITY = Caller("cli", "klf-sakerhetschef-1", Role.SECURITY_OFFICER, "KLF")


def releases(sharing: Sharing, *, refused: bool = False, page: common_pb2.Page | None = None) -> pb.ListReleasesResponse:
    found: pb.ListReleasesResponse = sharing.call("ListReleases", pb.ListReleasesRequest(refused=refused, page=page), SECURITY)
    return found


def refuse(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    sharing.decide(shown, pb.DECISION_REFUSE, "Särskilda skäl.")


def test_what_was_told_and_what_was_not_is_listed_newest_first_and_the_listing_is_audited(sharing: Sharing) -> None:
    sharing.decided(uuid4())
    refuse(sharing)
    last, first = releases(sharing).releases
    assert (first.state, last.state) == (pb.DISCLOSURE_STATE_DECIDED, pb.DISCLOSURE_STATE_REFUSED)
    assert (first.unit, first.decided_by, first.receiver_kind, first.ground_id) == ("KLF", OFFICER.person, RECEIVER, "fol-32c-2021")
    assert first.citation.startswith("32 c §")
    assert list(releases(sharing, refused=True).releases) == [last]
    assert PERSON not in str(releases(sharing))
    (row,) = sharing.rows("SELECT count(*) FROM audit WHERE event = 'sharing:release:list'")
    assert row.count == 3


def test_pages_follow_one_another(sharing: Sharing) -> None:
    for _ in range(3):
        refuse(sharing)
    for refused in (False, True):
        first = releases(sharing, refused=refused, page=common_pb2.Page(page_size=2))
        rest = releases(sharing, refused=refused, page=common_pb2.Page(page_size=2, page_token=first.next_page_token))
        assert [*first.releases, *rest.releases] == list(releases(sharing, refused=refused).releases)
        assert rest.next_page_token == ""


def test_what_is_about_a_protected_person_is_in_no_list(sharing: Sharing) -> None:
    record_id = uuid4()
    sharing.decided(record_id)
    sharing.withdraw(record_id)
    assert releases(sharing, refused=True).releases
    protected = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED, checked_time=sharing.checked().checked_time)
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(record_id), revision=3, receiver_kind=RECEIVER, unit="KLF", protection_check=protected,
        folkbokforing_alert=common_pb2.FolkbokforingAlert(),
    )  # fmt: skip
    sharing.take(request)
    assert not releases(sharing).releases
    assert not releases(sharing, refused=True).releases


def test_nobody_else_may_list_them(sharing: Sharing) -> None:
    for role in set(Role) - {Role.SECURITY_OFFICER}:
        with pytest.raises(Denied):
            sharing.call("ListReleases", pb.ListReleasesRequest(), Caller("cli", "x", role, "KLF"))
