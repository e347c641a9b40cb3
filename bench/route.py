"""`python -m bench.route [DAYS]`: on made-up days, what 10 s a day gives beside what 100 s gives, and every broken rule.

A day whose optimum is proved within 10 s is not asked again: more time finds nothing better. The command ends with 1 when a rule is
broken, a visit fewer is made, or travel and waiting are more than 5 % above.
"""

import sys
import time

from bench.days import made_up_day
from services.controls.domain.route import suggest
from services.controls.domain.route_check import violations

DAYS = 50
SHORT_S, LONG_S = 10.0, 100.0
WITHIN = 1.05


def main() -> int:
    """Print a line a day and the sum."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    broken = worse = proved = explained = left_out = 0
    longest_s = worst = 0.0
    print("dag besök lag ute restid+väntan (10 s) (100 s) kvot sekunder bevisad")
    for seed in range(1, days + 1):
        day = made_up_day(seed)
        started = time.monotonic()
        short = suggest(day, SHORT_S)
        seconds = time.monotonic() - started
        long = short if short.optimal else suggest(day, LONG_S)
        broken += len(violations(day, short)) + len(violations(day, long))
        ours, best = short.travel + short.waiting, long.travel + long.waiting
        ratio = ours / best if best else 1.0
        worse += len(short.calls) < len(long.calls) or (len(short.calls) == len(long.calls) and ratio > WITHIN)
        proved += short.optimal
        left_out += len(short.left_out)
        explained += sum(bool(out.rules) for out in short.left_out)
        longest_s, worst = max(longest_s, seconds), max(worst, ratio)
        print(
            f"{seed:>3} {len(day.stops):>5} {len(day.crews):>3} {len(short.left_out):>3} {ours:>6} {best:>6} {ratio:>6.3f} {seconds:>6.1f} "
            f"{'ja' if short.optimal else 'nej'}",
            flush=True,
        )
    print(
        f"{days} dagar: {broken} brott mot regler, {worse} dagar sämre än {WITHIN}, sämsta kvot {worst:.3f}, {proved} bevisat bästa, "
        f"längst {longest_s:.1f} s; {left_out} besök utan plats, {explained} med en regel som ensam skulle ge plats"
    )
    return 1 if broken or worse else 0


if __name__ == "__main__":
    sys.exit(main())
