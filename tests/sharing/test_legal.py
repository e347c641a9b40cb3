"""What holds for every question, whatever the law says: nothing comes out beside it.

Changes to `answer.py` that these tests let through, each with its reason: the name or absence of a type variable (mypy
sees it), `slots=True` taken away (memory, not behaviour), and a matter of 0 for None (no ground asks for either).
"""

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.sharing.legal import Matter, Question, Subject, choose, law, minimise

LAW = law()
SUBJECTS: tuple[Subject | None, ...] = (None, "personnummer", "samordningsnummer", "company", "nobody")
PERSONS: tuple[Subject, ...] = ("personnummer", "samordningsnummer")
CLASSES = [frozenset({code}) for code in LAW.secrecy_classes]
TODAY = date(2026, 11, 23)
DAYS = sorted(
    {
        day
        for ground in LAW.grounds.values()
        for edge in (ground.effective_from, ground.effective_to)
        if edge is not None
        for day in (edge - timedelta(days=1), edge, edge + timedelta(days=1))
    }
    | {date(1990, 1, 1), TODAY, date(2050, 1, 1)}
)
FIRST_DAYS = sorted({ground.effective_from for ground in LAW.grounds.values()} | {TODAY})
SENDER_SETS = [frozenset({code}) for code in LAW.sender_kinds] + [
    frozenset({"kommun-namnd", "socialnamnd"}),
    frozenset({"kommun-namnd", "socialnamnd", "kommun-lss-namnd"}),
    frozenset({"kommun-namnd", "kommun-tillsynsnamnd"}),
    frozenset({"socialnamnd", "kommun-tillsynsnamnd"}),
]
RECEIVERS = sorted(LAW.receivers["any"])
# Sharing-matrix 5, written again by hand: what may ever be told to an agency that has a topic, by the bus (on) or a person (outside).
NOTICE = {("underrattelselagen-2020", "on"), ("underrattelselagen-2024", "on"), ("underrattelselagen-2026", "on")}
PAID = {("sol-12-7-2002", "on"), ("sol-15-4-2025", "on")}
NEED = {("uppgiftsskyldighet-valfard-2024", "outside"), ("uppgiftsskyldighet-valfard-2025", "outside")}
RING = {("uppgiftsskyldighet-valfard-2024", "on"), ("uppgiftsskyldighet-valfard-2025", "on")}
INVITED, PLAN = ("los-inbjudan-oppna-uppgifter", "on"), ("osl-10-2", "on")
ALCOHOL, ENVIRONMENT = ("alkohollagen-9-8-kommun", "on"), ("miljobalken-26-2", "on")
CRIME = "uppgiftsskyldighet-brott-6-2025"
AGENCY_FLOWS = {
    ("folkbokforing_alert", "skatteverket-folkbokforing"): {("fol-32c-2021", "on"), ("samnr-4-1-2023", "on")},
    ("suspected_payment", "skatteverket-beskattning"): PAID | NEED,
    ("suspected_payment", "forsakringskassan"): NOTICE | PAID | {("lss-15-10", "on"), ("sfb-110-31-2025", "on")},
    ("suspected_payment", "kronofogden"): NEED,
    ("control_invitation", "skatteverket-beskattning"): {INVITED, PLAN},
    ("control_invitation", "forsakringskassan"): {INVITED},
    ("control_invitation", "kronofogden"): {INVITED, PLAN},
    ("control_invitation", "polismyndigheten"): {INVITED, PLAN},
    ("control_finding", "skatteverket-beskattning"): NEED | {ALCOHOL},
    ("control_finding", "forsakringskassan"): RING,
    ("control_finding", "kronofogden"): NEED,
    ("control_finding", "polismyndigheten"): {(CRIME, "on"), ENVIRONMENT, ALCOHOL},
    ("police_report", "polismyndigheten"): {("bidragsbrott-6", "on"), (CRIME, "on"), ENVIRONMENT},
    ("foreningsbidrag_flag", "polismyndigheten"): {(CRIME, "outside")},
    ("person_contact_detail", "polismyndigheten"): {("uppgiftsskyldighet-brott-4-2025", "outside")},
}
MATTERS: tuple[Matter | None, ...] = (None, "environment", "alcohol", "assistance")
NEVER = (
    "informant.identity",
    "children.any",
    "social_file.journal_notes",
    "social_file.anything",
    "subject.health_data",
    "subject.protected_address",
    "household.uninvolved_members",
    "payment.own_kommun_amounts_not_needed",
    "police.intelligence",
)

questions = st.builds(
    Question,
    record_kind=st.sampled_from(sorted(LAW.record_kinds)),
    sender_kinds=st.sampled_from(SENDER_SETS),
    receiver=st.sampled_from(RECEIVERS),
    on=st.sampled_from(DAYS),
    on_request=st.booleans(),
    secrecy=st.none() | st.frozensets(st.sampled_from(sorted(LAW.secrecy_classes)), max_size=2),
    subject=st.sampled_from(SUBJECTS),
    deciding_body=st.none() | st.sampled_from(["", "forsakringskassan", "csn"]),
    matter=st.sampled_from(MATTERS),
)


def allowed_questions() -> list[Question]:
    """Every question of today that some ground lets through, with every subject."""
    return [
        question
        for kind, senders, receiver, secrecy, subject in itertools.product(
            LAW.record_kinds, SENDER_SETS, RECEIVERS, (None, frozenset({"17:1"})), SUBJECTS
        )
        for question in [Question(kind, senders, receiver, TODAY, secrecy=secrecy, subject=subject)]
        if choose(LAW, question).allowed
    ]


ALLOWED = allowed_questions()


def in_subtree(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name == p or (p.endswith(".*") and name.startswith(p[:-1])) for p in patterns)


def test_an_agency_is_told_only_what_the_matrix_names_in_every_version_of_the_law() -> None:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    agencies = sorted(row.code for row in reference().receivers if row.agency is not None)
    senders = [kinds for kinds in SENDER_SETS if kinds & {"kommun-namnd", "socialnamnd", "kommun-lss-namnd", "kommun-tillsynsnamnd"}]
    states = [(None, "personnummer"), (None, "samordningsnummer"), (None, None), (frozenset({"17:1"}), None)]
    for kind, receiver, sender, day, asked, matter, (secrecy, subject) in itertools.product(
        LAW.record_kinds, agencies, senders, FIRST_DAYS, (False, True), MATTERS, states
    ):
        answer = choose(LAW, Question(kind, sender, receiver, day, asked, secrecy, subject, matter=matter))  # type: ignore[arg-type]
        if answer.ground is not None:
            assert answer.ground.effective_from <= day <= (answer.ground.effective_to or date.max)
            found.setdefault((kind, receiver), set()).add((answer.ground.id, answer.switch))
    assert found == AGENCY_FLOWS


@pytest.mark.parametrize("agency", sorted(row.code for row in reference().receivers if row.agency is not None))
def test_what_others_than_the_kommun_tell_an_agency_is_not_ours_to_carry(agency: str) -> None:
    others = [kinds for kinds in SENDER_SETS if not LAW.implied[min(kinds)] & {"kommun-namnd"}]
    for kind, sender, asked in itertools.product(LAW.record_kinds, others, (False, True)):
        assert not choose(LAW, Question(kind, sender, agency, TODAY, asked)).allowed


@pytest.mark.parametrize("kind", sorted(LAW.record_kinds))
def test_socialtjanst_data_to_kronofogden_is_refused_in_every_form(kind: str) -> None:
    social = [kinds for kinds in SENDER_SETS if kinds & {"socialnamnd", "kommun-lss-namnd"}]
    open_classes = [None, frozenset[str](), frozenset({"none"}), *CLASSES, frozenset({"17:1", "26:1"})]
    social_forms = itertools.product(social, open_classes)
    secret_forms = itertools.product(SENDER_SETS, [frozenset({"26:1"}), frozenset({"17:1", "26:1"})])
    for (senders, secrecy), asked_for, subject, day in itertools.product(
        [*social_forms, *secret_forms], (False, True), SUBJECTS, FIRST_DAYS
    ):
        question = Question(kind, senders, "kronofogden", day, asked_for, secrecy, subject)
        assert not choose(LAW, question).allowed, question


@pytest.mark.parametrize("code", [row.code for row in LAW.secrecy_classes.values() if row.never])
def test_a_class_that_is_never_sent_is_opened_by_no_ground(code: str) -> None:
    for question in ALLOWED:
        secret = Question(
            question.record_kind,
            question.sender_kinds,
            question.receiver,
            question.on,
            secrecy=frozenset({code}),
            subject=question.subject,
        )
        assert not choose(LAW, secret).allowed


@pytest.mark.parametrize(
    ("kind", "sender", "classes"),
    [
        ("suspected_payment", "socialnamnd", {"26:1"}),
        ("folkbokforing_alert", "kommun-lss-namnd", {"26:1"}),
        ("police_report", "kommun-tillsynsnamnd", {"30:27"}),
        ("suspected_payment", "kommun-namnd", set()),
        ("control_invitation", "kommun-tillsynsnamnd", set()),
    ],
)
def test_secrecy_that_nobody_stated_follows_the_sender(kind: str, sender: str, classes: set[str]) -> None:
    assert choose(LAW, Question(kind, frozenset({sender}), "polisen", TODAY)).secrecy == classes


def test_a_field_without_secrecy_does_not_open_the_one_beside_it() -> None:
    both = frozenset({"none", "21:3"})
    assert not choose(LAW, Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "skatteverket", TODAY, secrecy=both)).allowed


def test_every_ground_is_given_a_reason() -> None:
    for kind, receiver in itertools.product(LAW.record_kinds, RECEIVERS):
        answer = choose(LAW, Question(kind, frozenset({"kommun-namnd"}), receiver, TODAY))
        named = [reason.ground for reason in answer.reasons if reason.step < 6]
        assert sorted(named) == sorted(LAW.grounds)


@given(questions)
def test_what_may_go_is_within_the_ground_and_off_its_never_list(question: Question) -> None:
    answer = choose(LAW, question)
    if answer.ground is None:
        assert answer.fields == ()
        return
    assert all(in_subtree(name, answer.ground.fields_allowed) for name in answer.fields)
    assert not any(in_subtree(name, answer.ground.fields_never) for name in answer.fields)
    assert len({"subject.personal_identity_number", "subject.coordination_number"} & set(answer.fields)) <= 1


@given(
    st.sampled_from(ALLOWED),
    st.dictionaries(
        st.sampled_from([*LAW.grounds["osl-10-2"].fields_allowed, *LAW.grounds["fol-32c-2021"].fields_allowed, *NEVER])
        | st.from_regex(r"[a-z]{1,8}\.[a-z_]{1,8}", fullmatch=True),
        st.text(),
        max_size=20,
    ),
)
def test_minimising_never_adds_and_accounts_for_every_field(question: Question, fields: dict[str, str]) -> None:
    answer = choose(LAW, question)
    kept, left = minimise(answer, fields)
    assert answer.ground is not None
    assert kept.items() <= fields.items()
    assert set(kept) <= set(answer.fields)
    assert set(kept) | {row.field for row in left} == set(fields)
    assert not set(kept) & {row.field for row in left}
    assert not set(kept) & set(NEVER)
    assert list(kept) == [name for name in answer.fields if name in fields]


def test_nothing_is_kept_without_a_ground() -> None:
    answer = choose(LAW, Question("suspected_payment", frozenset({"socialnamnd"}), "kronofogden", TODAY))
    kept, left = minimise(answer, {"sender.unit": "x"})
    assert kept == {}
    assert left == (("sender.unit", "no_ground", "det finns ingen grund att lämna något"),)


def test_a_field_left_out_says_why() -> None:
    question = Question("suspected_payment", frozenset({"socialnamnd"}), "forsakringskassan", TODAY)
    fields = ("payment.paid_amount", "social_file.note", "dwelling.street_address", "subject.coordination_number")
    _, left = minimise(choose(LAW, question), dict.fromkeys(fields, "x"))
    assert {row.field: (row.code, row.text) for row in left} == {
        "payment.paid_amount": ("never", "lämnas aldrig till den här mottagaren"),
        "social_file.note": ("never", "lämnas aldrig till den här mottagaren"),
        "dwelling.street_address": ("not_in_ground", "står inte bland det som grunden tillåter"),
        "subject.coordination_number": ("not_needed", "behövs inte hos mottagaren"),
    }


def test_a_person_is_told_of_by_the_number_that_person_has() -> None:
    numbers = {
        subject: [name for name in choose(LAW, question).fields if name.endswith("_number") and name[:8] == "subject."]
        for subject in PERSONS
        for question in [Question("suspected_payment", frozenset({"socialnamnd"}), "forsakringskassan", TODAY, subject=subject)]
    }
    assert numbers == {
        "personnummer": ["subject.personal_identity_number"],
        "samordningsnummer": ["subject.coordination_number"],
    }


@pytest.mark.parametrize(
    ("answer_to", "decides", "brake", "writes"),
    [
        (("folkbokforing_alert", "socialnamnd", "skatteverket", None), "officer+second", "B1", "W1"),
        (("suspected_payment", "socialnamnd", "forsakringskassan", None), "officer+second", "B2", "W2"),
        (("control_invitation", "kommun-namnd", "kronofogden", None), "sender", "B8", "W6"),
        (("control_invitation", "kommun-namnd", "kronofogden", "17:1"), "officer", "B7", "W6-plan"),
        (("police_report", "socialnamnd", "polisen", None), "manager", None, "W3"),
    ],
)
def test_who_decides_and_what_they_weigh_and_write(
    answer_to: tuple[str, str, str, str | None], decides: str, brake: str | None, writes: str
) -> None:
    kind, sender, receiver, secrecy = answer_to
    stated = None if secrecy is None else frozenset({secrecy})
    answer = choose(LAW, Question(kind, frozenset({sender}), receiver, TODAY, secrecy=stated))
    assert (answer.decision_by, answer.brake, answer.writes) == (decides, brake, writes)
    assert answer.decision_by in LAW.decided_by
    assert answer.writes in LAW.writings


def test_a_refusal_tells_what_the_matrix_says_of_the_flow() -> None:
    answer = choose(LAW, Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "kronofogden", TODAY))
    last = answer.reasons[-1]
    assert (last.step, last.code) == (6, "none")
    assert last.text.startswith("Kronofogden för inget register")


@pytest.mark.parametrize(
    "change",
    [
        {"record_kind": "grocery_list"},
        {"receiver": "nsa"},
        {"sender_kinds": frozenset({"kommun"})},
        {"secrecy": frozenset({"99:1"})},
    ],
)
def test_an_unknown_word_is_wrong_use_and_never_an_answer(change: dict[str, Any]) -> None:
    words: dict[str, Any] = {
        "record_kind": "folkbokforing_alert",
        "sender_kinds": frozenset({"kommun-namnd"}),
        "receiver": "skatteverket",
        "on": TODAY,
    }
    with pytest.raises(Invalid, match=f"^{next(iter(change))}: ordet finns inte i listan\\.$"):
        choose(LAW, Question(**(words | change)))


@pytest.mark.parametrize(("sender", "told"), [("kommun-namnd", False), ("fastighetsagare-privat", True)])
def test_a_refusal_says_only_what_is_about_the_one_who_asks(sender: str, told: bool) -> None:  # noqa: FBT001
    question = Question("folkbokforing_alert", frozenset({sender}), "skatteverket-folkbokforing", date(2020, 1, 1))
    texts = [reason.text for reason in choose(LAW, question).reasons if reason.step == 6]
    assert any("Fastighetsägaren svarar Skatteverket" in text for text in texts) is told


def test_a_record_under_every_class_at_once_is_a_question_and_goes_nowhere() -> None:
    assert not choose(LAW, Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "skatteverket", TODAY, secrecy=LAW.classes)).allowed


def test_a_refusal_has_no_ground_no_flow_and_nobody_to_decide() -> None:
    answer = choose(LAW, Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "kronofogden", TODAY))
    assert (answer.allowed, answer.channel) == (False, False)
    assert [answer.ground, answer.kind, answer.decision_by, answer.brake, answer.writes, answer.flow] == [None] * 6


def test_a_question_and_an_answer_are_never_changed() -> None:
    question = Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "skatteverket", TODAY)
    for value, name in ((question, "receiver"), (choose(LAW, question), "fields")):
        with pytest.raises(AttributeError):
            setattr(value, name, ())


def test_what_falls_at_the_first_step_says_so_in_a_whole_sentence() -> None:
    answer = choose(LAW, Question("folkbokforing_alert", frozenset({"kommun-namnd"}), "skatteverket", date(1900, 1, 1)))
    grounds = [reason for reason in answer.reasons if reason.ground in LAW.grounds and reason.step < 6]
    assert {(reason.step, reason.code) for reason in grounds} == {(1, "not_yet_in_force")}
    at_first = {"not_yet_in_force", "no_longer_in_force", "record_kind", "sender", "receiver", "asked", "not_asked", "secrecy"}
    at_first |= {"unverified", "automation", "condition", "deciding_body"}
    assert {rule.why[code].step for rule in LAW.rules for code in at_first if code in rule.why} == {1}
    said = [reason.text for rule in LAW.rules for reason in rule.why.values()]
    said += [route.why_outside.text for rule in LAW.rules for routes in rule.routes.values() for route in routes]
    assert [text for text in said if text != text.strip() or not text.endswith(".")] == []
