"""Reason codes: what was decided, in words for the agent, with the HTTP status that carries it."""

from typing import Final

from msgspec import Struct

__all__ = ["REASONS", "UNREADABLE", "Reason", "Refusal", "refuse"]

UNREADABLE: Final = frozenset({"network.bad_url", "network.bad_host"})
"""The codes of a text that names no host at all, whereas other refused destinations name one."""


class Reason(Struct, frozen=True):
    """A stable code's meaning. `say` may hold `{detail}`; `advice` is what the reader can do."""

    status: int
    say: str
    advice: str


class Refusal(Struct, frozen=True):
    """A decision against something: its code, and a detail that never holds a secret."""

    code: str
    detail: str = ""

    @property
    def reason(self) -> Reason:
        """The row of `REASONS` that this code names."""
        return REASONS[self.code]

    @property
    def status(self) -> int:
        """The HTTP status: below 500 a decision, which is final; above, a fault elsewhere."""
        return self.reason.status

    @property
    def sentence(self) -> str:
        """One text for people and agents: what happened, to what, what to do next."""
        said = self.reason.say.format(detail=self.detail or "it")
        return f"[stopper {self.code}] {said} {self.reason.advice}"


def refuse(code: str, detail: str = "") -> Refusal:
    """A refusal with a known code; an unknown one is a defect and raises KeyError."""
    if code not in REASONS:
        raise KeyError(code)
    return Refusal(code, detail)


_ASK_BUDGET = "Do not retry. Tell the user, who can raise it with `stopper budget set`."
_ASK_ALLOW = "Do not retry. Tell the user, who can allow it with `stopper run --allow HOST:PORT`."
_ASK_EXACT = (
    "Do not retry. Tell the user, who can allow it by its address: "
    "`stopper run --allow 'HOST:PORT at ADDRESS'`."
)
_NEVER = "Do not retry: no setting of this run allows it."
_STOPPED = "Do not retry: every further request of this run is refused too."

REASONS: dict[str, Reason] = {
    # budgets
    "budget.exhausted": Reason(
        402, "What is left of the budget does not pay for this request ({detail}).", _ASK_BUDGET
    ),
    "budget.too_small": Reason(
        402, "The whole budget would not pay for this request ({detail}).", _ASK_BUDGET
    ),
    "budget.held": Reason(
        402, "All that is left of the budget is held by requests in flight ({detail}).", _ASK_BUDGET
    ),
    "budget.paced": Reason(
        429, "The budget of this minute is used up ({detail}).", "It starts again next minute."
    ),
    "budget.overrun": Reason(
        402, "The reply grew past what the budget could pay and was cut ({detail}).", _ASK_BUDGET
    ),
    "budget.unpriced": Reason(
        402,
        "A dollar budget governs, and no price is known for {detail}.",
        "Use a model with a known price, or tell the user to set `unknown_model: count`.",
    ),
    "context.exceeded": Reason(
        413,
        "The request has more input than the provider's budget allows ({detail}).",
        "Do not retry it as it is. Summarize or leave out the oldest parts.",
    ),
    "burn.exhausted": Reason(
        402,
        "The day's limit of tokens has no room for this request ({detail}).",
        "Do not retry. Tell the user, who can raise it with STOPPER_DAILY_LIMIT.",
    ),
    # the operator, and the end of a bottle
    "bottle.cut": Reason(403, "The operator cut this bottle's egress.", _STOPPED),
    "bottle.killed": Reason(403, "The operator killed this bottle.", _STOPPED),
    "bottle.frozen": Reason(403, "This bottle was frozen and can be resumed later.", _STOPPED),
    "bottle.ended": Reason(403, "The agent's process ended.", _STOPPED),
    # destinations
    "network.not_allowed": Reason(403, "{detail} is not on this bottle's allowlist.", _ASK_ALLOW),
    "network.bad_host": Reason(403, "{detail} is no valid host name.", "Write it plainly."),
    "network.bad_url": Reason(403, "{detail} is not accepted.", "Write the URL plainly."),
    "network.odd_address": Reason(
        403,
        "{detail} is an unusual spelling of an address.",
        "Write four decimal numbers, or IPv6 in brackets.",
    ),
    "network.loopback": Reason(403, "{detail} is this machine itself.", _NEVER),
    "network.unspecified": Reason(403, "{detail} is no address at all.", _NEVER),
    "network.private_address": Reason(403, "{detail} is a private address.", _ASK_EXACT),
    "network.link_local": Reason(403, "{detail} is a link-local address.", _NEVER),
    "network.metadata": Reason(403, "{detail} is a cloud's metadata service.", _NEVER),
    "network.multicast": Reason(403, "{detail} is a multicast address.", _NEVER),
    "network.reserved": Reason(403, "{detail} is reserved and not public.", _NEVER),
    "network.mixed_answers": Reason(
        403, "{detail} resolves to public and to forbidden addresses at once.", _NEVER
    ),
    "network.unresolved": Reason(502, "{detail} does not resolve.", "Check the name."),
    "network.unreachable": Reason(502, "{detail} does not answer.", "Try again later."),
    "network.bad_certificate": Reason(
        403, "{detail} does not prove its name by a certificate.", _NEVER
    ),
    "network.not_tls": Reason(403, "What was sent to {detail} is not TLS.", _NEVER),
    "network.sni_mismatch": Reason(
        403, "The TLS server name is not the host that was connected to ({detail}).", _NEVER
    ),
    "network.host_mismatch": Reason(
        403, "The Host header is not the host that was connected to ({detail}).", _NEVER
    ),
    "network.upgrade": Reason(
        426, "{detail} may not switch protocols.", "Use plain HTTP requests instead."
    ),
    # the request itself
    "http.malformed": Reason(400, "The request is not valid HTTP/1.1 ({detail}).", "Mend it."),
    "http.too_large": Reason(413, "The request is larger than {detail}.", "Send less."),
    "http.slow": Reason(408, "The request took longer than {detail}.", "Send it at once."),
    "http.truncated": Reason(502, "The upstream ended in the middle of its reply.", "Try again."),
    "http.upstream": Reason(
        502, "The upstream's reply is not valid HTTP/1.1 ({detail}).", "Try again later."
    ),
    "http.silent": Reason(504, "The upstream was silent for {detail}.", "Try again later."),
    # metering
    "meter.unknown_path": Reason(
        403, "{detail} is no model call that Stopper can meter.", "Use a documented endpoint."
    ),
    "meter.unreadable": Reason(
        400, "The request does not follow its wire format ({detail}).", "Mend it."
    ),
    "meter.unreadable_reply": Reason(
        403, "The reply does not follow its wire format ({detail}).", "Tell the user."
    ),
    "meter.unbounded": Reason(
        403, "{detail} has a cost that cannot be bounded before it is sent.", "Leave it out."
    ),
    # credentials
    "credential.missing": Reason(
        403, "No API key for {detail} is set outside the bottle.", "Tell the user to set it."
    ),
    "credential.signed_body": Reason(
        403,
        "This request to {detail} is signed, so its output cannot be limited.",
        "Use a bearer key, such as AWS_BEARER_TOKEN_BEDROCK.",
    ),
    # secrets
    "secret.blocked": Reason(
        403,
        "A secret was on its way out: {detail}.",
        "Do not retry and do not encode it. Leave it out; the user can see it in `stopper logs`.",
    ),
    "secret.unprovable": Reason(
        403, "What is sent cannot be looked through ({detail}).", "Send it plainly, or less of it."
    ),
    "secret.denied": Reason(
        403, "The operator denied a secret on its way out: {detail}.", "Do not retry. Leave it out."
    ),
    "secret.undecided": Reason(
        403,
        "Nobody decided in time about a secret on its way out: {detail}.",
        "Do not retry. Leave it out, or tell the user to run `stopper approve`.",
    ),
    "secret.reply": Reason(
        403, "The reply held a secret and was cut: {detail}.", "Do not retry. Tell the user."
    ),
    # secrets about which nothing was refused
    "secret.redacted": Reason(200, "A secret was replaced by a mark: {detail}.", "Nothing."),
    "secret.passed": Reason(200, "A secret was let through: {detail}.", "Nothing."),
    "secret.held": Reason(
        200,
        "A secret waits for a person: {detail}.",
        "Decide with `stopper approve` or `stopper deny`.",
    ),
    # commands and files of an agent
    "shell.dangerous": Reason(
        403,
        "The command would do what cannot be undone or foreseen ({detail}).",
        "Do not retry. Use a narrower command, or ask the user to run it.",
    ),
    "shell.not_approved": Reason(
        403, "Nobody has approved of this command ({detail}).", "Do not retry. Ask the user."
    ),
    "patch.unsafe": Reason(
        403,
        "The script would do what cannot be undone or foreseen ({detail}).",
        "Do not retry. Write a narrower one, or ask the user to write it.",
    ),
    "patch.explosion": Reason(
        403,
        "{detail}, which no edit does by intent.",
        "Write less, or tell the user, who can allow it with `STOPPER_MAX_SIZE_INCREASE`.",
    ),
    "patch.breaks_syntax": Reason(
        400, "The new content does not parse: {detail}.", "Mend it and write again."
    ),
    "patch.bad_diff": Reason(
        400, "This is no unified diff that can be applied: {detail}.", "Write it anew."
    ),
    "patch.does_not_apply": Reason(
        400, "The diff does not fit the file: {detail}.", "Read the file and write the diff anew."
    ),
    "patch.bad_range": Reason(
        400, "There are no such lines: {detail}.", "Read the file and name others."
    ),
    "patch.outside": Reason(403, "{detail} lies outside of the folder.", "Name a file in it."),
    "patch.not_text": Reason(400, "{detail} is no UTF-8 text.", "Write the file as a whole."),
    # faults of ours
    "store.unavailable": Reason(
        403, "The ledger cannot record this request ({detail}).", "Tell the user."
    ),
    "egress.fault": Reason(403, "Stopper failed while deciding ({detail}).", "Tell the user."),
    "egress.busy": Reason(403, "Too many connections at once ({detail}).", "Use fewer."),
}
