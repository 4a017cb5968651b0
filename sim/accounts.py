"""The ledger: every unit of money, every point and every customer gained or lost, with its cause.

Each period, each cell of the books (firm, tier, loyalty type) has one number per line. Customers are counted where they
stood when it happened, and money where it was paid.
"""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """Why a customer was lost."""

    FIRED = 0
    MOVED = 1
    CONSTRAINT = 2
    FAILURE = 3
    PRICE = 4
    SERVICE = 5
    BETTER_RIVAL = 6
    REWARD_ENDED = 7
    LAPSED = 8  # nothing was needed
    CLOSED = 9
    UNMET_NEED = 10  # the last need was met by nobody's offer, or no longer by this firm's product
    BROKEN_TRUST = 11


CAUSE_NAMES: tuple[str, ...] = tuple(cause.name.lower() for cause in Cause)


class Line(IntEnum):
    """A line of the books. ``LOST + cause`` counts the customers lost by each cause."""

    GAINED = 0
    PURCHASES = 1
    REPEAT_CHANCES = 2  # purchases by customers whose usual firm this was ...
    REPURCHASES = 3  # ... and those of them made here again
    CONSIDERED = 4  # firms looked at before the purchases made here: the choice time
    FAILURES = 5
    COMPLAINTS = 6
    RECOVERIES = 7
    PRAISE = 8
    GRIEVANCES = 9
    PRAISE_HEARD = 10
    GRIEVANCES_HEARD = 11
    SATISFACTION_CHANGE = 12  # of the sum over the firm's customers
    ATTACHMENT_CHANGE = 13
    POINTS_ISSUED = 14
    POINTS_REDEEMED = 15
    POINTS_EXPIRED = 16
    POINTS_HONOURED = 17  # points of partners that paid for rewards given here
    MEMBER_PURCHASES = 18  # purchases by those who take part in the firm's programme ...
    MEMBER_REPURCHASES = 19  # ... and the repurchases among them
    PRIZES = 20  # won
    GUESTS = 21  # at the firm's events
    REFERRALS = 22  # new customers whom the customers counted here have brought, and were rewarded for
    WON_BACK = 23  # of those gained, who had lapsed and were offered to come back
    CROSS_PURCHASES = 24  # of new products, beside the purchase
    REVENUE = 25
    DISCOUNTS = 26  # already taken off the revenue
    REWARDS = 27  # what of the incentives the programme gave, invitations included
    ON_CREDIT = 28  # what of the revenue is to be paid later ...
    COLLECTED = 29  # ... and what of that was paid
    GOODS = 30
    SERVICE = 31
    CONTACT = 32  # pay of representatives
    RECOVERY = 33
    INCENTIVES = 34
    CHANNEL = 35
    ACQUISITION = 36
    BAD_DEBT = 37  # never paid, of what was sold on credit
    COMMISSION = 38  # of the trade: retailers, wholesalers, agents
    LOST = 39


N_LINES = int(Line.LOST) + len(Cause)

TIER_COST_LINES: tuple[Line, ...] = (
    Line.GOODS, Line.SERVICE, Line.CONTACT, Line.RECOVERY, Line.INCENTIVES, Line.CHANNEL,
    Line.ACQUISITION, Line.BAD_DEBT, Line.COMMISSION,
)  # fmt: skip


class FirmCost(IntEnum):
    """Costs of the firm as a whole, which no tier bears."""

    ADVERTISING = 0
    CAPACITY = 1
    PROGRAMME = 2
    FIXED = 3
    PROMOTION = 4  # brand, personal selling and direct mail
    STAFF = 5  # training, and replacing who leaves
    EVENTS = 6  # that the firm holds, but for what each guest costs
    INTEREST = 7  # on what customers owe
    VOICE = 8  # working on what customers suggest
    DEVELOPMENT = 9  # of new products


TIER_COST_NAMES = tuple(line.name.lower() for line in TIER_COST_LINES)
FIRM_COST_NAMES = tuple(cost.name.lower() for cost in FirmCost)
COST_NAMES = (*TIER_COST_NAMES, *FIRM_COST_NAMES)
