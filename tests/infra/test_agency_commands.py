"""`los partner add`, `rotate` and `disable` at the broker, line by line, and seen by clients that are not ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from joserfc.jwk import ECKey
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePatternFilter,
)
from typer.testing import CliRunner, Result

from cli.partner import app
from infra import key_files, rights, secrets, topics
from infra.kafka import Kafka
from partner import kit as kits
from services.sharing.sealing import Keys
from tests.infra.outsiders import WAIT_S, settings, written

AGENCY = "kronofogden"
SHARE, REPLY = f"los.share.{AGENCY}.v1", f"los.reply.{AGENCY}.v1"


@pytest.fixture
def let_in(own_kafka: Kafka) -> Iterator[Kafka]:
    """The broker, where the agency has all that it should before and after."""
    yield own_kafka
    assert los(own_kafka, "add").exit_code == 0


def los(kafka: Kafka, *words: str) -> Result:
    return CliRunner().invoke(app, [words[0], AGENCY, "--data", str(kafka.folder.root), *words[1:]])


def changes(kafka: Kafka, *words: str) -> list[str]:
    """What a command says that it changes, or would."""
    ran = los(kafka, *words, "--json")
    assert ran.exit_code == 0, ran.stderr
    return [line["text"] for line in json.loads(ran.stdout)["changes"]]


def everything(kafka: Kafka) -> tuple[rights.State, dict[str, bytes]]:
    """What the broker has, and what the files say."""
    with KafkaAdminClient(**kafka.client(topics.ADMIN)) as admin:
        present = rights.State.present(admin)
    root = kafka.folder.root
    kept = [path for path in root.rglob("*") if path.is_file() and not {"logs", "kafka", "run"} & set(path.relative_to(root).parts)]
    return present, {str(path.relative_to(root)): path.read_bytes() for path in kept}


# --- add -----------------------------------------------------------------------------------------------------------


def test_what_somebody_has_changed_is_told_in_a_dry_run_and_set_right_by_the_next(let_in: Kafka) -> None:
    reads, writes = (
        {one for one in topics.rights() if one.operation == operation} for operation in (ACLOperation.READ, ACLOperation.WRITE)
    )
    own = next(one for one in writes if one.resource_pattern.resource_name == REPLY)
    read = next(one for one in reads if one.resource_pattern.resource_name == SHARE)
    foreign = ACL("User:polisen", read.host, read.operation, read.permission_type, read.resource_pattern)
    pattern = ResourcePatternFilter(own.resource_pattern.resource_type, REPLY, own.resource_pattern.pattern_type)
    with KafkaAdminClient(**let_in.client(topics.ADMIN)) as admin:
        admin.create_acls([foreign])
        admin.delete_acls([ACLFilter(own.principal, own.host, own.operation, own.permission_type, pattern)])
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SHARE, {"retention.ms": "1000"})])
    before = everything(let_in)

    told = changes(let_in, "add", "--dry-run")

    assert everything(let_in) == before
    assert told == [
        f"ämne {SHARE}: retention.ms 1000 → 1209600000",
        f"rättighet: kronofogden får skriva ämnet {REPLY}: läggs till",
        f"rättighet: polisen får läsa ämnet {SHARE}: tas bort",
    ]
    assert changes(let_in, "add") == told
    assert changes(let_in, "add") == []
    assert written(let_in, AGENCY, [REPLY]) == {REPLY: ""}


def test_a_password_that_the_broker_does_not_take_is_set_right(let_in: Kafka) -> None:
    """As after a `rotate --password` that stopped half-way: the files have the new one, the broker the old."""
    for path in (let_in.folder.password_file(f"kafka-{AGENCY}"), let_in.folder.partners / AGENCY / "password"):
        path.write_text("x" * 43, encoding="ascii")

    assert changes(let_in, "add") == ["användare kronofogden: lösenordet hos Kafka blir det som står i partnermappen"]
    assert changes(let_in, "add") == []


# --- rotate --------------------------------------------------------------------------------------------------------


def test_new_keys_stand_beside_the_old_ones_on_both_sides(let_in: Kafka) -> None:
    folder = let_in.folder
    register = secrets.receivers_file(folder)
    before = {key["kid"] for key in key_files.read(register)}

    planned = changes(let_in, "rotate", "--keys", "--dry-run")
    assert {key["kid"] for key in key_files.read(register)} == before
    done = changes(let_in, "rotate", "--keys")

    [kid] = {key["kid"] for key in key_files.read(register)} - before
    assert [line.split(":")[0] for line in planned] == [line.split(":")[0] for line in done]
    assert f"nyckel {kid}" in {line.split(":")[0] for line in done}
    kit = kits.load(folder.partners / AGENCY)
    keys = Keys.load(secrets.signing_file(folder), secrets.encryption_file(folder), register)
    now = datetime.now(UTC)
    assert keys.receiver_key(AGENCY, now).kid == kit.keys.of_kind(AGENCY, now).kid == kid
    old = next(key for key in keys.receivers[AGENCY].keys if key.kid in before)
    assert old.expiry is not None
    assert 29 <= (old.expiry - now).days <= 30


def test_the_kommuns_new_keys_are_handed_out_before_they_are_used(let_in: Kafka) -> None:
    folder = let_in.folder
    before = secrets.signing_file(folder).read_bytes()
    used = newest(folder.root, lead_days=0)

    lines = changes(let_in, "rotate", "--kommun-keys")

    assert secrets.signing_file(folder).read_bytes() != before
    assert sum(": ny, gäller " in line for line in lines) == 2
    assert newest(folder.root, lead_days=0) == used
    assert newest(folder.root, lead_days=15) != used
    for agency in topics.AGENCIES:
        kit = kits.load(folder.partners / agency.name)
        assert newest(folder.root, lead_days=15) in kit.keys.kommun_signing


def newest(root: Path, lead_days: int) -> str:
    """What the kommun signs with, so many days ahead."""
    files = (root / "secrets" / "kommun-signing.jwks", root / "secrets" / "kommun-encryption.jwks", root / "config" / "receivers.jwks")
    return Keys.load(*files).signer(datetime.now(UTC) + timedelta(days=lead_days)).kid


def test_a_real_agency_hands_over_its_public_keys_alone(let_in: Kafka, tmp_path: Path) -> None:
    own = key_files.new(AGENCY, 700)
    offered = tmp_path / "public.jwks"
    key_files.save(offered, key_files.public([own]))

    [fresh, *retired] = sorted(changes(let_in, "rotate", "--public-keys", str(offered)), key=lambda line: "slutar gälla" in line)

    assert fresh.startswith(f"nyckel {own['kid']}: ny, gäller ")
    assert all("slutar gälla" in line for line in retired)
    assert changes(let_in, "rotate", "--public-keys", str(offered)) == []
    assert own["kid"] not in (let_in.folder.partners / AGENCY / "private.jwks").read_text()
    keys = Keys.load(*(make(let_in.folder) for make in (secrets.signing_file, secrets.encryption_file, secrets.receivers_file)))
    assert keys.receiver_key(AGENCY, datetime.now(UTC)).kid == own["kid"]
    assert los(let_in, "rotate", "--revoke", own["kid"]).exit_code == 0


def refused(kafka: Kafka, tmp_path: Path, *keys: key_files.Jwk) -> str:
    """What is said of a file of keys that is not taken in, and leaves everything as it was."""
    offered, register = tmp_path / "public.jwks", secrets.receivers_file(kafka.folder)
    key_files.save(offered, keys)
    before = register.read_bytes()
    ran = los(kafka, "rotate", "--public-keys", str(offered))
    assert (ran.exit_code, register.read_bytes()) == (1, before)
    return ran.stderr


def test_keys_from_outside_are_looked_at_before_they_are_taken_in(let_in: Kafka, tmp_path: Path) -> None:
    private = key_files.new(AGENCY, 701)
    [public] = key_files.public([private])
    known = next(
        key for key in key_files.read(secrets.receivers_file(let_in.folder)) if key_files.kind_of(key["kid"]) == "polismyndigheten"
    )
    [signing, *_] = key_files.public(key_files.read(secrets.signing_file(let_in.folder)))
    p384 = dict(ECKey.generate_key("P-384").as_dict(private=False, kid=f"{AGENCY}-2026-702"))

    assert "privat del" in refused(let_in, tmp_path, private)
    assert "P-256" in refused(let_in, tmp_path, p384)
    assert "mottagarslag-år-nummer" in refused(let_in, tmp_path, public | {"kid": "polismyndigheten-2026-9"})
    assert "mottagarslag-år-nummer" in refused(let_in, tmp_path, public | {"kid": AGENCY})
    assert "har använts förut" in refused(let_in, tmp_path, known | {"kid": f"{AGENCY}-2026-703"})
    assert "har använts förut" in refused(let_in, tmp_path, signing | {"kid": f"{AGENCY}-2026-704"})
    assert "har använts förut" in refused(let_in, tmp_path, public, public | {"kid": f"{AGENCY}-2026-705"})
    assert "trasig" in refused(let_in, tmp_path, public | {"x": "AAAA"})
    assert "hela sekunder" in refused(let_in, tmp_path, public | {"exp": "2027"})


# --- disable -------------------------------------------------------------------------------------------------------


def test_an_agency_that_is_shut_out_can_do_nothing_at_once_also_where_it_is_connected(let_in: Kafka) -> None:
    consumer = confluent_kafka.Consumer(settings(let_in, AGENCY, **{"group.id": f"{AGENCY}.out", "auto.offset.reset": "earliest"}))
    producer = confluent_kafka.Producer(settings(let_in, AGENCY))
    consumer.subscribe([SHARE])
    assert written(let_in, "relay", [SHARE]) == {SHARE: ""}
    first = consumer.poll(WAIT_S)
    assert first is not None
    assert first.error() is None
    assert sent(producer) == ""

    told = changes(let_in, "disable", "--dry-run")
    assert sent(producer) == ""
    assert changes(let_in, "disable") == told
    assert changes(let_in, "disable") == []

    # The connections stand, and every request on them is refused; a new one is not let in.
    assert sent(producer) == "TOPIC_AUTHORIZATION_FAILED"
    assert first_error(consumer) in {"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"}
    assert written(let_in, "relay", [SHARE]) == {SHARE: ""}
    later = consumer.poll(2)
    assert later is None or later.error() is not None
    consumer.close()
    with pytest.raises(KafkaException):
        AdminClient(settings(let_in, AGENCY)).list_topics(timeout=3)
    assert "användare kronofogden: tas bort" in told
    assert f"rättighet: kronofogden får läsa ämnet {SHARE}: tas bort" in told


def sent(producer: confluent_kafka.Producer) -> str:
    found: list[str] = []
    producer.produce(REPLY, b"tried", on_delivery=lambda error, _: found.append("" if error is None else error.name()))
    producer.flush(WAIT_S)
    return found[0]


def first_error(consumer: confluent_kafka.Consumer) -> str:
    """The first refusal that a consumer hears; what was fetched before it may come first."""
    while (message := consumer.poll(WAIT_S)) is not None:
        if (error := message.error()) is not None:
            return str(error.name())
    return "nothing"
