"""Who may watch: a pure function of the question, the account's contracts and the tenant's time."""

from fields import flag, identifier, instant, number, optional, part, shown, text, texts

FREE_STREAMS = 2
FOREVER = 2**63 - 1

MESSAGES = {
    "free": "This title is free to watch.",
    "plan": "This title is part of your contract.",
    "title": "You have this title.",
    "not_entitled": "Your contract does not include this title. Call us on 0800 555 0100.",
    "grant_ended": "Your contract for this title has ended. Call us on 0800 555 0100.",
    "grant_revoked": "Your contract was withdrawn. Call us on 0800 555 0100.",
    "not_yet_available": "This title cannot be watched yet.",
    "no_longer_available": "This title can no longer be watched.",
    "territory_blocked": "This title cannot be watched where you are.",
    "age_limit": "This title is for older viewers. Choose another profile.",
}


def question(body):
    """The question in a request, checked."""
    viewing, facts = part(body, "viewing"), part(body, "facts")
    return {
        "account": identifier(viewing, "account_id"),
        "territory": optional(viewing, "territory", lambda body, field: text(body, field, 2)),
        "age_limit": optional(viewing, "age_limit", lambda body, field: number(body, field, 0, 255)),
        "title": identifier(facts, "title_id"),
        "free": flag(facts, "free"),
        "plans": texts(facts, "plans"),
        "from": optional(facts, "available_from", instant),
        "until": optional(facts, "available_until", instant),
        "territories": optional(facts, "territories", texts),
        "minimum_age": number(facts, "minimum_age", 0, 255),
    }


def decide(asked, grants, now):
    """The answer. `grants` are the account's, in any order; `now` is the tenant's time."""
    live = [grant for grant in grants if holds(grant, now)]
    opening = [grant for grant in grants if opens(grant, asked)]
    best = max((grant for grant in opening if grant in live), key=lambda grant: grant["ends_at"] or FOREVER, default=None)
    reason = restriction(asked, now) or ("free" if asked["free"] else None)
    if reason:
        best = None
    elif best:
        reason = best["scope"]["kind"]
    else:
        reason = why_none(opening, now)
    answer = {
        "allowed": reason in ("free", "plan", "title"),
        "reason": reason,
        "message": MESSAGES[reason],
        "max_streams": max([grant["max_streams"] for grant in live] + [FREE_STREAMS if asked["free"] else 0]),
    }
    ends = [end for end in (best and best["ends_at"], asked["until"]) if end is not None]
    if ends:
        answer["holds_until"] = shown(min(ends))
    if best:
        answer["grant_id"] = best["grant_id"]
    return answer


def holds(grant, now):
    return not grant["revoked"] and grant["starts_at"] <= now and (grant["ends_at"] is None or now < grant["ends_at"])


def opens(grant, asked):
    scope = grant["scope"]
    return scope.get("plan") in asked["plans"] if scope["kind"] == "plan" else scope.get("title_id") == asked["title"]


def restriction(asked, now):
    """What denies whatever the grants say."""
    if asked["from"] is not None and now < asked["from"]:
        return "not_yet_available"
    if asked["until"] is not None and asked["until"] <= now:
        return "no_longer_available"
    if asked["territories"] is not None and asked["territory"] not in asked["territories"]:
        return "territory_blocked"
    if asked["age_limit"] is not None and asked["minimum_age"] > asked["age_limit"]:
        return "age_limit"
    return None


def why_none(opening, now):
    """Of grants that would open the title and none of which holds: what to say."""
    if any(not grant["revoked"] and grant["ends_at"] is not None and grant["ends_at"] <= now for grant in opening):
        return "grant_ended"
    return "grant_revoked" if any(grant["revoked"] for grant in opening) else "not_entitled"
