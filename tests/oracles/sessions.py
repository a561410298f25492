"""What the gate must decide about the recorded airline sessions, computed without it.

usage: sessions.py SESSIONS.jsonl POLICY.toml LISTED.json

SESSIONS.jsonl holds one tool call a line, in the order in which the calls are asked for. POLICY.toml is
read here line by line: tables, and keys whose value is also valid JSON. LISTED.json names the customers
on the do-not-contact list, each with the channels concerned (none means all). All calls are taken to
fall into one throttle window. Prints one JSON object: totals, and the outcome of every call in order.

Shares no code with the gate. What it restates in its own words:
- a call of a tool whose class is contact reaches the session's user, by the tool's channels;
- a listing denies it where the channels meet;
- a throttle denies where as many allows as its limit are already counted under its key;
- only an allow counts, and then under every rule that matches.
"""

import json
import sys


def tables(path):
    """[(table's name, {key: value})] of the policy's [[rows]] and [tables], in order."""
    rows = []
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if line.startswith("["):
            rows.append((line.split("]")[0].strip("["), {}))
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            value, _ = json.JSONDecoder().raw_decode(value.strip())
            if rows:
                rows[-1][1][key.strip()] = value
    return rows


def main(sessions, policy, listed):
    calls = [json.loads(line) for line in open(sessions, encoding="utf-8")]
    rows = tables(policy)
    actions = {row["name"]: row for table, row in rows if table == "action"}
    rules = [row for table, row in rows if table == "throttle"]
    listed = {row["user_id"]: set(row["channels"]) for row in json.load(open(listed, encoding="utf-8"))}
    granted = {action for table, row in rows if table == "grant" for action in row["actions"]}
    assert {call["tool"] for call in calls} <= granted & set(actions)

    counts, outcomes = {}, []
    totals = {"calls": len(calls), "sessions": len({call["session"] for call in calls}),
              "allow": 0, "deny": 0, "dnc": 0, "throttle": 0, "dnc_and_throttle": 0}
    for call in calls:
        action = actions[call["tool"]]
        contact = action["class"] == "contact"
        denials = set()

        channels = listed.get(call["user_id"]) if contact else None
        if channels is not None and (not channels or channels & set(action["channels"])):
            denials.add("dnc")

        keys = []
        for rule in rules:
            if call["tool"] in rule.get("actions", []) or action["class"] in rule.get("classes", []):
                who = {"recipient": call["user_id"], "workspace": "", "agent": ""}[rule["per"]]
                keys.append(((rule["id"], who), rule["limit"]))
        if any(counts.get(key, 0) >= limit for key, limit in keys):
            denials.add("throttle")

        if not denials:
            for key, _ in keys:
                counts[key] = counts.get(key, 0) + 1
        totals["deny" if denials else "allow"] += 1
        for reason in denials:
            totals[reason] += 1
        totals["dnc_and_throttle"] += len(denials) == 2
        outcomes.append([call["session"], call["step"], sorted(denials)])
    json.dump({"totals": totals, "outcomes": outcomes}, sys.stdout)


main(*sys.argv[1:])
