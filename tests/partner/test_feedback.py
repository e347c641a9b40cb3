from datetime import timedelta

from partner import feedback, jose
from partner.envelope import open_record
from partner.feedback import InvitationAnswer, Role
from tests.partner.builders import NOW, a_record, a_world, an_event

KIT = a_world().kits["skatteverket"]
KIND = "skatteverket-folkbokforing"
EVENT = open_record(a_record(an_event()), KIT, NOW).event


def test_a_receipt_has_one_id_whenever_it_is_made_and_another_for_every_code() -> None:
    later = NOW + timedelta(hours=1)

    assert feedback.receipt(KIT, EVENT, KIND, None, later).id == feedback.receipt(KIT, EVENT, KIND, None, NOW).id
    assert len({feedback.receipt(KIT, EVENT, KIND, code, NOW).id for code in (None, *jose.Code)}) == 1 + len(jose.Code)


def test_an_answer_made_again_keeps_its_id_and_everything_that_makes_it_another_answer_gives_another() -> None:
    later = NOW + timedelta(milliseconds=1)
    answers = [
        InvitationAnswer(Role.ON_SITE, "polis", "a@b.se"),
        InvitationAnswer(Role.ON_SITE, "annan", "a@b.se"),
        InvitationAnswer(Role.PLANNING_ONLY, None, "a@b.se"),
        InvitationAnswer(None, None, "a@b.se"),
        InvitationAnswer(None, None, "c@b.se"),
    ]

    def ids() -> list[str]:
        answered = [feedback.invitation_answer(KIT, EVENT, KIND, "A", answer, now).id for answer in answers for now in (NOW, later)]
        return answered + [feedback.outcome(KIT, EVENT, KIND, status, now).id for status in feedback.Outcome for now in (NOW, later)]

    assert ids() == ids()
    assert len(set(ids())) == len(ids())
