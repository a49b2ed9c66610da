"""Three restarts in five minutes, not in a life."""

from app.restart_budget import RestartBudget


def test_three_restarts_in_five_minutes_and_again_later() -> None:
    now = 0.0
    budget = RestartBudget(clock=lambda: now)
    assert [budget.allows_another() for _ in range(4)] == [True, True, True, False]
    now = 301.0
    assert [budget.allows_another() for _ in range(4)] == [True, True, True, False]


def test_a_reset_forgets() -> None:
    budget = RestartBudget(most=1)
    assert budget.allows_another() and not budget.allows_another()
    budget.reset()
    assert budget.allows_another()
