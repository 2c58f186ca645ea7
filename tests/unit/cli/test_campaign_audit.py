"""Whether a campaign's numbers add up, and its picture."""

from libs.cli.demo.campaign_audit import CampaignEvidence, Sending, audit_campaign, most_in_a_minute, picture


def evidence(*sendings: Sending, due: int = 2, per_minute: int = 2, **statuses: int) -> CampaignEvidence:
    return CampaignEvidence(
        due=due, statuses=statuses or {"sent": due}, sendings=sendings, per_minute=per_minute, lines=("a", "b")
    )


ONCE = (Sending(0.0, "a", "m1"), Sending(30.0, "b", "m2"))


def failing(found: CampaignEvidence) -> list[str]:
    return [check.claim for check in audit_campaign(found) if not check.holds]


def test_every_message_once_is_as_it_should_be() -> None:
    assert failing(evidence(*ONCE)) == []


def test_a_message_that_went_out_twice_is_seen() -> None:
    assert failing(evidence(*ONCE, Sending(31.0, "b", "m2"))) == ["messages that went out more than once"]


def test_a_lost_message_is_seen() -> None:
    assert failing(evidence(ONCE[0], sent=1, queued=1)) == [
        "messages that MongoDB has as sent",
        "messages that went out, by the provider's count",
    ]


def test_a_message_that_only_mongodb_has_as_sent_is_seen() -> None:
    assert failing(evidence(ONCE[0])) == ["messages that went out, by the provider's count"]


def test_a_line_above_its_limit_is_seen_whatever_the_clock_shows() -> None:
    burst = tuple(Sending(59.0 + n / 10, "a", f"m{n}") for n in range(3))
    assert failing(evidence(*burst, due=3)) == ["messages above a line's limit in any minute"]
    spread = (burst[0], burst[1], Sending(119.05, "a", "m2"))
    assert failing(evidence(*spread, due=3)) == []
    assert most_in_a_minute(evidence(*spread, due=3)) == {"a": 2, "b": 0}


def test_the_picture_has_a_block_per_span_as_high_as_what_was_sent() -> None:
    shown = picture(
        evidence(*(Sending(float(n // 4), "a", f"m{n}") for n in range(8)), Sending(1.5, "b", "x")), span_s=1
    )
    assert shown == {"a": "██", "b": " ▂"}


def test_without_sends_there_is_no_picture() -> None:
    assert picture(evidence(), span_s=1) == {"a": "", "b": ""}
