import jwt
import pytest

from libs.simulators.crm.tokens import AssertionRefused, SigningKey, Tokens

ISSUER = "sync@example.com"
AUDIENCE = "https://login.example.com"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey()


def signed(key: SigningKey, **changes: object) -> str:
    claims = {"iss": ISSUER, "sub": "person", "aud": AUDIENCE, "exp": 2000} | changes
    return jwt.encode(claims, key.private_pem, algorithm="RS256")


def check(key: SigningKey, assertion: str, now: float = 1000.0) -> object:
    return key.claims(assertion, issuer=ISSUER, audiences=[AUDIENCE], subject="person", now=now)


def test_an_access_token_is_good_until_its_lifetime_has_passed() -> None:
    clock = Clock()
    tokens = Tokens("t-", 60, wall=clock)
    token = tokens.issue()
    clock.now += 59.9
    assert tokens.judge(token).good
    clock.now += 0.1
    verdict = tokens.judge(token)
    assert verdict.known
    assert verdict.expired_at == 1060.0


def test_a_token_that_was_never_issued_is_unknown() -> None:
    tokens = Tokens("t-", 60)
    assert not tokens.judge("t-other").known
    assert not tokens.judge(None).known


def test_expiring_all_spares_the_permanent_token() -> None:
    tokens = Tokens("t-", 60)
    issued = tokens.issue()
    tokens.expire_all()
    assert not tokens.judge(issued).good
    assert tokens.judge(tokens.permanent).good


def test_a_renewed_permanent_token_leaves_the_old_one_unknown() -> None:
    tokens = Tokens("t-", 60)
    old = tokens.permanent
    assert tokens.judge(tokens.renew_permanent()).good
    assert not tokens.judge(old).known


def test_an_assertion_signed_with_the_key_gives_its_claims(key: SigningKey) -> None:
    assert check(key, signed(key)) == {"iss": ISSUER, "sub": "person", "aud": AUDIENCE, "exp": 2000}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "someone"}, "issuer"),
        ({"aud": "https://elsewhere.example.com"}, "audience"),
        ({"sub": "another"}, "subject"),
        ({"exp": 999}, "lifetime"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(key: SigningKey, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(AssertionRefused, match=reason):
        check(key, signed(key, **changes))


def test_an_assertion_signed_with_another_key_is_refused(key: SigningKey) -> None:
    with pytest.raises(AssertionRefused, match="signature"):
        check(key, signed(SigningKey()))


@pytest.mark.parametrize("assertion", ["", "a.b.c", "not a token"])
def test_what_is_no_assertion_is_refused(key: SigningKey, assertion: str) -> None:
    with pytest.raises(AssertionRefused, match="signature"):
        check(key, assertion)
