"""The offsets of time zones, as vcita's Ruby reads them."""

import re
from datetime import timedelta

# The names that Ruby knows, by offset, as it answers itself: its NST is two and a half hours, its
# SST Samoa's. The longer ones stand before "standard time" or "daylight time".
NAMES = """\
-12:00 y, idlw, aoe, dateline
-11:00 x, nt, sst, nut, samoa
-10:00 w, ahst, hast, hst, ckt, taht, hawaiian
-09:00 v, akst, hadt, hdt, yst, gamt, alaskan
-08:30 mart
-08:00 pst, u, akdt, ydt, pacific
-07:00 mst, pdt, t, mountain, us mountain
-06:00 cst, mdt, s, east, galt, canada central, central america, central, mexico
-05:00 est, cdt, r, act, cist, cot, easst, ect, pet, eastern, sa pacific, us eastern
-04:00 edt, q, ast, clt, bot, cidst, fkt, gyt, vet, atlantic, pacific sa, sa western
-03:30 newfoundland
-03:00 p, art, adt, brt, clst, fkst, gft, pmst, pyst, rott, srt, uyt, warst, wgt, e. south
       america, greenland, sa eastern
-02:30 nst
-02:00 o, at, brst, fnt, pmdt, uyst, wgst
-01:30 ndt
-01:00 n, azot, cvt, egt, azores, cape verde
+00:00 ut, gmt, z, utc, wet, azost, egst, wt, greenwich
+01:00 a, bst, cet, fwt, met, mewt, mez, swt, wat, west, central europe, central european,
       romance, w. central africa, w. europe
+02:00 b, cest, eet, fst, mest, mesz, sast, cat, wast, e. europe, egypt, fle, gtb, jerusalem,
       south africa
+03:00 c, bt, eat, eest, msk, fet, idt, syot, trt, arab, arabic, e. africa, russian
+03:30 irst, iran
+04:00 d, msd, azt, get, kuyt, mut, ret, samt, sct, arabian, caucasus
+04:30 aft, irdt, afghanistan
+05:00 e, aqtt, azst, mawt, mvt, orat, pkt, tft, tjt, tmt, uzt, yekt, ekaterinburg, west asia
+05:30 ist, india
+05:45 npt, nepal
+06:00 f, almt, btt, iot, kgt, omst, qyzt, vost, yekst, central asia, n. central asia, sri lanka
+06:30 cct, mmt, myanmar
+07:00 g, cxt, davt, hovt, ict, krat, novst, novt, omsst, wib, north asia, se asia
+08:00 h, sgt, wadt, awst, bnt, cast, chot, hkt, hovst, irkt, krast, myt, pht, ulat, wita,
       china, north asia east, malay peninsula, taipei, w. australia
+08:45 acwst
+09:00 i, jst, kst, awdt, chost, irkst, pwt, tlt, ulast, wit, yakt, korea, tokyo, yakutsk
+09:30 acst, aus central, cen. australia
+10:00 k, gst, aest, chst, chut, ddut, pgt, vlat, yakst, yapt, aus eastern, e. australia,
       tasmania, vladivostok, west pacific
+10:30 acdt, lhst
+11:00 l, eadt, aedt, kost, lhdt, magt, nct, nft, pont, sakt, sbt, sret, vlast, vut, central
       pacific
+12:00 m, idle, nzst, nzt, anast, anat, fjt, gilt, magst, mht, nfdt, nrt, petst, pett, tvt,
       wakt, wft, fiji, new zealand
+12:45 chast
+13:00 nzdt, fjst, phot, tkt, tot, tonga
+13:45 chadt
+14:00 lint, tost
"""

NUMERIC = re.compile(
    r"(?:gmt|utc)?(?P<sign>[-+])(?P<hours>[0-9]+)"
    r"(?::(?P<minutes>[0-9]+)(?::(?P<seconds>[0-9]+))?|[,.](?P<decimals>[0-9]+))?"
)
LONGEST_NUMBER = 9  # digits; a longer one fits no part of a time


def read_offset(zone: str) -> timedelta:
    """Return how far ahead of UTC a zone is; an unknown name is UTC, as it is to Ruby.

    Raises ValueError for a day or more.
    """
    name = " ".join(zone.lower().split())
    summer = timedelta(hours=name.endswith((" daylight time", " dst")))
    for suffix in (" standard time", " daylight time", " dst"):
        name = name.removesuffix(suffix)
    if name in OFFSETS:
        return OFFSETS[name] + summer
    match = NUMERIC.match(name)
    if not match:
        return timedelta()
    offset = _read_size(match)
    if offset >= timedelta(days=1):
        raise ValueError("No zone is a day or more from UTC.")
    return -offset if match["sign"] == "-" else offset


def _read_size(match: re.Match[str]) -> timedelta:
    """Read hours with minutes and seconds or decimals behind them, or two digits for each."""
    hours, minutes, seconds, decimals = match.group("hours", "minutes", "seconds", "decimals")
    if decimals:
        return timedelta(hours=read_number(hours) + int(decimals) / 10 ** len(decimals))
    if not minutes and len(hours) > 2:
        digits = hours.zfill(len(hours) + len(hours) % 2)
        hours, minutes, seconds = digits[:2], digits[2:4], digits[4:6]
    return timedelta(
        hours=read_number(hours),
        minutes=read_number(minutes or "0"),
        seconds=read_number(seconds or "0"),
    )


def read_number(digits: str) -> int:
    """Return a part of a time; raise ValueError for one that no time has."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError("A number is too large for a time.")
    return int(digits)


def _read_names() -> dict[str, timedelta]:
    offsets: dict[str, timedelta] = {}
    for line in NAMES.replace("\n       ", " ").splitlines():
        size = timedelta(hours=int(line[1:3]), minutes=int(line[4:6]))
        offsets |= dict.fromkeys(line[7:].split(", "), -size if line[0] == "-" else size)
    return offsets


OFFSETS = _read_names()
