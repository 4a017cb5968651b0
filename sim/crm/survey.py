"""What a sample of a firm's customers answer when asked: a firm's only sight of attitudes, and one with error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.compiled import kernel
from sim.draws import Stream, block, normal_of
from sim.records import NOBODY, STEPS

if TYPE_CHECKING:
    from sim.crm.records import Records
    from sim.firms import Firm
    from sim.market import Market

FloatArray = npt.NDArray[np.float64]

PRICE_RISE = 0.10  # that people are asked about
MOST_FAILURES = 5.0  # the highest answer to how many failures would be forgiven: "five or more"
TRUSTS = ("trust_quality", "trust_character", "trust_ability")
_CHOSEN, _FIRST, _SECOND = (int(stream) for stream in (Stream.ASKED, Stream.SAY_CHOICE, Stream.SAY_ATTITUDE))


@dataclass(frozen=True, slots=True)
class Answers:
    """What those asked about one firm say, each array of shape (n_asked,).

    Parameters
    ----------
    place : array of int
        Place of each among the firm's records.
    choice_time : array
        Firms looked at before buying, 1 to the number of firms.
    price_sensitivity : array
        Share by which the odds of buying here again would fall if only this firm's price rose by a tenth, 0 to 1.
    rival_attitude : array
        Attitude to the best-liked rival, 0 to 1.
    tolerance : array
        Failures in a row that would be forgiven, 0 to 5.
    attitude : array
        Attitude to the firm, 0 to 1.
    wish : array
        Purchases of this kind that one would like to make in a window of ``activity_window`` periods, at any firm.
    """

    place: npt.NDArray[np.int64]
    choice_time: FloatArray
    price_sensitivity: FloatArray
    rival_attitude: FloatArray
    tolerance: FloatArray
    attitude: FloatArray
    wish: FloatArray


@kernel
def draw_for(seed, stream, period, people, slot, drawn):  # type: ignore[no-untyped-def]
    """Fill ``drawn``, shape (4, n_people), with the uniforms of the four streams that begin at ``stream``."""
    for k in range(people.size):
        drawn[0, k], drawn[1, k], drawn[2, k], drawn[3, k] = block(seed, stream // 4, period, people[k], slot)


@kernel
def luckiest(seed, stream, period, births, rows, slot, limit, place, luck):  # type: ignore[no-untyped-def]
    """Find the people whose draw is below ``limit``.

    Parameters
    ----------
    births : array of int16, shape (n_people,)
        Periods of birth.
    rows : array of int64, shape (n_people,); empty if each lives in the row of its place
        Where they live.
    place : array of int64
        Filled with their places, rising.
    luck : array, shape as ``place``
        Filled with their draws.

    Returns
    -------
    int
        How many there are; more than there is room for are not all noted.
    """
    n_found = 0
    for k in range(births.size):
        row = rows[k] if rows.size > 0 else k
        drawn = block(seed, stream // 4, period, (np.int64(births[k]) << 32) | row, slot)[0]
        if drawn < limit:
            if n_found < place.size:
                place[n_found], luck[n_found] = k, drawn
            n_found += 1
    return n_found


@kernel
def to_normal(uniforms):  # type: ignore[no-untyped-def]
    """Turn uniforms, an array of two dimensions, into standard normal draws in place."""
    for j in range(uniforms.shape[0]):
        for k in range(uniforms.shape[1]):
            uniforms[j, k] = normal_of(uniforms[j, k])


def choose_sample(
    seed: int,
    stream: int,
    period: int,
    births: npt.NDArray[np.int16],
    rows: npt.NDArray[np.int64],
    slot: int,
    size: int,
) -> npt.NDArray[np.int64]:
    """Return the places of the ``size`` people with the smallest draws, rising; all places if there are no more.

    Parameters
    ----------
    seed, stream, period, slot
        Address of the draws: the first stream of its group.
    births, rows
        As in ``luckiest``.
    """
    n = births.size
    if n <= size:
        return np.arange(n)
    margin = 8.0 * np.sqrt(size) + 16.0  # of a Poisson variable: less than one in 10**14 is further off
    for limit, room in (((size + margin) / n, int(size + 3.0 * margin)), (1.0, n)):
        place, luck = np.empty(room, dtype=np.int64), np.empty(room)
        n_found = luckiest(seed, stream, period, births, rows, slot, limit, place, luck)
        if size <= n_found <= room:
            break
    found: npt.NDArray[np.int64] = np.sort(place[np.argpartition(luck[:n_found], size - 1)[:size]])
    return found


def with_error(truth: FloatArray, noise: FloatArray, error: float, low: float, high: float) -> FloatArray:
    """Return answers on a scale from ``low`` to ``high``: the truth and a normal error, kept on the scale.

    Parameters
    ----------
    truth, noise : array, shape (n_asked,)
        What is so, and standard normal draws.
    error : float
        Standard deviation of the error as a share of the scale's width.

    Examples
    --------
    >>> with_error(np.array([1.0, 3.0]), np.array([-1.0, 1.0]), 0.1, 0.0, 5.0).tolist()
    [0.5, 3.5]
    """
    answers: FloatArray = np.clip(truth + error * (high - low) * noise, low, high)
    return answers


def attitudes(relations: npt.NDArray[Any]) -> FloatArray:
    """Return attitudes to firms, 0 to 1: the mean of attachment, trust and opinion, each on 0 to 1."""
    trust = sum(relations[name].astype(np.float64) for name in TRUSTS) / (len(TRUSTS) * STEPS)
    opinion = (1.0 + relations["opinion"] / STEPS) / 2.0
    attitude: FloatArray = (relations["attachment"].astype(np.float64) + trust + opinion) / 3.0
    return attitude


def ask(market: Market, firm: Firm, records: Records) -> Answers:
    """Ask a sample of a firm's customers, drawn and answering by the streams ``ASKED`` and ``SAY_...``.

    A person has one draw per question and firm, whoever else is asked.
    """
    survey, behaviour, f = market.scenario.survey, market.scenario.customers.behaviour, firm.index
    slot = int(market.origins.firm_slots[f])
    births = market.town.people["birth"][records.row]
    place = choose_sample(market.seed_used, _CHOSEN, market.period, births, records.row, slot, survey.sample)
    people = (births[place].astype(np.int64) << 32) | records.row[place]
    noise = np.empty((8, place.size))
    for rows, stream in ((noise[:4], _FIRST), (noise[4:], _SECOND)):
        draw_for(market.seed_used, stream, market.period, people, slot, rows)
        to_normal(rows)

    row = records.row[place]
    person, relations = market.town.people[row], market.town.relations[row]
    n_firms = market.n_firms
    is_usual = person["usual"][:, None] == np.arange(n_firms)
    is_known = ((person["reach"][:, None] >> np.arange(n_firms, dtype=np.uint32)) & 1 == 1) & (
        (relations["is_aware"] == 1) | is_usual
    )
    is_known &= (market.offers["is_open"][:, 0] == 1) & (relations["barred_until"] <= market.period)
    search = person["search"].astype(np.float64)
    is_looking = (person["is_alert"] == 1) | (person["usual"] == NOBODY)
    search = np.where(is_looking, np.maximum(search, behaviour.alert_search), search)
    notice = 1.0 - (1.0 - search[:, None]) * (1.0 - market.offers["ad_reach"][:, 0])
    looked_at = np.where(is_known, np.where(is_usual, 1.0, notice), 0.0).sum(axis=1)
    attitude = attitudes(relations)
    is_known[:, f] = False
    rival = np.where(is_known, attitude, 0.0).max(axis=1, initial=0.0)
    forgiven = person["tolerance"].astype(np.float64) * (1.0 + relations["attachment"][:, f].astype(np.float64))
    error = survey.error
    return Answers(
        place=place,
        choice_time=with_error(np.maximum(1.0, looked_at), noise[0], error, 1.0, float(n_firms)),
        price_sensitivity=with_error(
            1.0 - (1.0 + PRICE_RISE) ** -person["price_weight"].astype(np.float64), noise[1], error, 0.0, 1.0
        ),
        rival_attitude=with_error(rival, noise[2], error, 0.0, 1.0),
        tolerance=with_error(forgiven, noise[3], error, 0.0, MOST_FAILURES),
        attitude=with_error(attitude[:, f], noise[4], error, 0.0, 1.0),
        wish=person["rate"] * market.scenario.customers.activity_window * np.exp(error * noise[5]),
    )
