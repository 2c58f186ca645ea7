"""Telephone numbers that are valid, distinct, and written in the many ways people write them.

Every position has its own number: 1,900,000 North American ones in the 555 exchange, 50,000 French and 50,000
Australian ones from the ranges that Arcep (decision 2018-0881) and ACMA keep for drama and examples or close to them.
Positions beyond 2,000,000 start over.
"""

from typing import Final

CAPACITY: Final = 2_000_000
"""How many distinct numbers there are."""

_SCATTER: Final = 1_299_709
"""A prime that does not divide `CAPACITY`, so that multiplying by it is a permutation of the positions."""

_AREA_CODE_LIST: Final = """
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251
    252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318
    319 320 321 323 325 330 334 336 337 339 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413
    414 415 417 419 423 425 430 432 434 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512
    513 515 516 517 518 520 530 540 541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606
    607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662 678 682 701
    702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 734 737 740 754 757 760 762 763
    765
"""
_AREA_CODES: Final = tuple(_AREA_CODE_LIST.split())
"""One hundred and ninety area codes in service in the United States."""

_NORTH_AMERICAN: Final = len(_AREA_CODES) * 10_000
_FRENCH_PREFIXES: Final = ("19900", "26191", "35301", "46571", "53649")
_AUSTRALIAN_PREFIXES: Final = ("25550", "35550", "75550", "85550", "27010")

_INVALID: Final = ("n/a", "000-000-0000", "12345", "call me", "+1 555", "unknown", "555-0199", "(none)", "0033 1", "-")


def e164(position: int) -> str:
    """Return the number at a position in E.164, such as `+12125550123`."""
    number = position * _SCATTER % CAPACITY
    if number < _NORTH_AMERICAN:
        return f"+1{_AREA_CODES[number // 10_000]}555{number % 10_000:04d}"
    number -= _NORTH_AMERICAN
    if number < 50_000:
        return f"+33{_FRENCH_PREFIXES[number // 10_000]}{number % 10_000:04d}"
    number -= 50_000
    return f"+61{_AUSTRALIAN_PREFIXES[number // 10_000]}{number % 10_000:04d}"


def written(number: str, style: int) -> str:
    """Return an E.164 number as a person might have typed it; `style` (any integer) chooses how.

    Numbers outside North America always keep their country code, so that what they mean does not depend on the region
    that a reader assumes. North American ones may lose it.
    """
    if number.startswith("+1"):
        area, exchange, line = number[2:5], number[5:8], number[8:]
        match style % 12:
            case 0 | 1 | 2:
                return number
            case 3 | 4:
                return f"({area}) {exchange}-{line}"
            case 5:
                return f"{area}-{exchange}-{line}"
            case 6:
                return f"{area}.{exchange}.{line}"
            case 7:
                return f"1 {area} {exchange} {line}"
            case 8:
                return f"+1 ({area}) {exchange}-{line} ext. {style % 89 + 10}"
            case 9:
                return f"{area}{exchange}{line}"
            case 10:
                return f" {area} {exchange} {line} "
            case _:
                return f"+1-{area}-{exchange}-{line}"
    country, rest = number[:3], number[3:]
    if style % 3 == 0:
        return number
    if style % 3 == 1:
        return f"{country} {rest[0]} {rest[1:5]} {rest[5:]}"
    return f"{country} (0) {rest}"


def invalid(style: int) -> str:
    """Return something that stands in a phone field and is no phone number; `style` chooses which."""
    return _INVALID[style % len(_INVALID)]
