"""A participant without an SDK: loyalty points, in one transaction with services that know nothing of Python.

It speaks the messages of /asyncapi.json. What it has to get right is marked 1 to 4; the rest is plumbing. Crash-only:
whatever it does not expect ends the process, and a restart goes on from what Postgres holds. Left out, and in the SDK:
dead letters, refusing older incarnations (D1), collecting branch rows (S8), several transactions at a time.
"""
import json, os, signal, time, uuid
import psycopg
from kafka import KafkaConsumer, KafkaProducer

NAME = os.environ.get("PARTICIPANT_NAME", "points")
BROKERS = os.environ["KAFKA_BROKERS"].split(",")
GID = f"concordat:{NAME}:"  # gids belong to the whole server, so they carry the participant's name
INPUT = {"type": "object", "required": ["member", "points"], "additionalProperties": False,
         "properties": {"member": {"type": "string", "maxLength": 100}, "points": {"type": "integer"}}}

db = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=None)
db.execute("SET lock_timeout = '2s'")  # a deadlock across two databases is seen by neither
db.execute("CREATE TABLE IF NOT EXISTS points (member text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))")
db.execute("CREATE TABLE IF NOT EXISTS branch (id text PRIMARY KEY, state text NOT NULL)")  # kept for ever here
producer = KafkaProducer(bootstrap_servers=BROKERS, acks="all")
trace = []  # the headers by which the answer to a command belongs to its transaction's trace


def add(member, points):
    """The one operation: adds points, or takes them where `points` is negative."""
    db.execute("INSERT INTO points VALUES (%s, 0) ON CONFLICT DO NOTHING", (member,))
    row = db.execute("UPDATE points SET balance = balance + %s WHERE member = %s RETURNING balance", (points, member))
    return {"member": member, "balance": row.fetchone()[0]}


def send(transaction, **reply):
    value = json.dumps({"v": 1, "participant": NAME, **reply}).encode()
    producer.send("concordat.replies", key=transaction.encode(), value=value, headers=trace)


def vote(transaction, kind, results=None, reason=None):
    send(transaction, type="vote", transactionId=transaction, vote=kind, results=results, reason=reason)


def refuse(transaction, code, message, retryable):
    vote(transaction, "refused", reason={"code": code, "message": message[:2000], "retryable": retryable})


def state_of(transaction):
    row = db.execute("SELECT state FROM branch WHERE id = %s", (transaction,)).fetchone()
    return row and row[0]


def prepared():
    """Ids and ages in ms of what is durably prepared: Postgres is the to-do list, whatever this process forgot."""
    return db.execute("SELECT substr(gid, %s), extract(epoch FROM now() - prepared) * 1000 FROM pg_prepared_xacts "
                      "WHERE database = current_database() AND starts_with(gid, %s)", (len(GID) + 1, GID)).fetchall()


def prepare(transaction, operations):
    if any(transaction == one for one, _ in prepared()):
        return vote(transaction, "prepared")  # delivered again: the vote goes out again, the work does not run again
    if state_of(transaction):
        return refuse(transaction, "already-rolled-back", "The outcome is settled here.", False)
    try:
        db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        # 1. The branch row comes first, and becomes visible only with the commit: whoever finds it knows the outcome.
        db.execute("INSERT INTO branch VALUES (%s, 'committed')", (transaction,))
        results = [{"branchId": call["branchId"], "result": add(**call["input"])} for call in operations]
        # 2. A yes is a promise that outlives this process: it is sent after this statement, never before.
        db.execute(f"PREPARE TRANSACTION '{GID}{transaction}'")
        return vote(transaction, "prepared", results)
    except psycopg.errors.CheckViolation:
        answer = ("too-few-points", "The member has too few points.", False)
    except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable) as e:
        answer = ("serialization-failure", str(e), True)
    db.execute("ROLLBACK")
    refuse(transaction, *answer)


def finalise(transaction, command):
    statement = "COMMIT PREPARED" if command == "commit" else "ROLLBACK PREPARED"
    if any(transaction == one for one, _ in prepared()):
        db.execute(f"{statement} '{GID}{transaction}'")
    if command == "rollback":  # 3. A rollback that came before its prepare leaves a row, which that prepare will find.
        db.execute("INSERT INTO branch VALUES (%s, 'rolled-back') ON CONFLICT DO NOTHING", (transaction,))
    kept, asked = state_of(transaction), "committed" if command == "commit" else "rolled-back"
    # 4. What contradicts the decision is told, never hidden; DONE follows what is durable.
    outcome, detail = (kept, None) if kept == asked else ("hazard", f"told to {command}, it is {kept} here")
    send(transaction, type="done", transactionId=transaction, outcome=outcome, detail=detail)


def report(command):
    """After a restore from a backup the coordinator asks which branches of earlier incarnations there are."""
    order = lambda transaction: [int(part, 36) for part in transaction.split("-")]
    states = dict(db.execute("SELECT id, CASE state WHEN 'committed' THEN state ELSE 'aborted' END FROM branch"))
    states.update((transaction, "prepared") for transaction, _ in prepared())
    asked, all_after = command["transactionId"], command["scope"] == "after"
    found = [one for one in sorted(states, key=order) if order(one)[0] < command["incarnation"]
             and (order(one) > order(asked) if all_after else one == asked)]
    branches = [{"transactionId": one, "state": states[one], "csn": None} for one in found[:500]]
    send(asked, type="branches", transactionId=asked, scope=command["scope"], branches=branches,
         incarnation=command["incarnation"], complete=len(found) <= 500, horizon=None)


def beat(instance, stopping=False):
    """A heartbeat announces name, operations and schemas; nobody registers anything. Open votes are repeated with it."""
    waiting = prepared()
    for transaction, age_ms in waiting:
        if age_ms > 2000:
            vote(transaction, "prepared")
    operation = {"name": "add", "readOnly": False, "inputSchema": INPUT, "resultSchema": {}}
    send(NAME, type="heartbeat", instance=instance, isolation="local", operations=[operation], stopping=stopping,
         preparedCount=len(waiting), oldestPreparedMs=max((int(age) for _, age in waiting), default=None))


def main():
    running = True
    def stop(*_): nonlocal running; running = False
    signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGINT, stop)
    instance, next_beat, topic = uuid.uuid4().hex, 0.0, f"concordat.commands.{NAME}"
    consumer = KafkaConsumer(group_id=f"concordat.participant.{NAME}", bootstrap_servers=BROKERS,
                             enable_auto_commit=False, auto_offset_reset="earliest",
                             session_timeout_ms=6000, heartbeat_interval_ms=2000)
    while running and not consumer.partitions_for_topic(topic):  # the coordinator makes the topics of whom it hears
        beat(instance)
        time.sleep(1)
    consumer.subscribe([topic])
    while running:
        if time.monotonic() >= next_beat:
            beat(instance)
            next_beat = time.monotonic() + 1
        for record in (one for batch in consumer.poll(timeout_ms=100).values() for one in batch):
            trace[:] = [header for header in record.headers if header[0] in ("traceparent", "tracestate")]
            command = json.loads(record.value)  # an unreadable one ends the process: give it a dead letter in real life
            if command["type"] == "prepare":
                prepare(command["transactionId"], command["operations"])
            elif command["type"] in ("commit", "rollback"):
                finalise(command["transactionId"], command["type"])
            elif command["type"] == "report":
                report(command)
        trace.clear()
        consumer.commit()  # after the database: what was not carried out comes again
    beat(instance, stopping=True)
    producer.flush()


if __name__ == "__main__":
    main()
