"""Faults of any server, of the hosted service: what was cut off, failed or refused there.

The same tests run for other servers each time; those of this one's own are in `test_hosted.py`.
"""

import pytest

from tests.acceptance.test_failures import (
    feed,
    test_429_counts_nothing,
    test_429_pauses_all_sending_for_retry_after,
    test_a_lost_connection_is_an_item_failure,
    test_a_wrong_key_is_asked_about_when_nothing_waits,
    test_an_answer_that_one_item_alone_draws_is_an_item_failure,
    test_an_outage_counts_nothing,
    test_five_item_failures_move_an_entry,
    test_item_failures_are_counted_and_the_others_go_on,
    test_misconfigured_pauses_with_a_canary,
    test_nothing_is_sent_while_health_is_not_200,
)
from tests.acceptance.test_server_faults import (
    test_a_bad_health_answer_is_an_outage,
    test_a_redirect_of_saves_alone_is_not_followed_either,
    test_bad_answers_are_bounded_in_time_and_memory,
    test_what_is_no_mem0_server_is_told,
)

pytestmark = pytest.mark.slow
__all__ = [
    "feed",
    "test_429_counts_nothing",
    "test_429_pauses_all_sending_for_retry_after",
    "test_a_bad_health_answer_is_an_outage",
    "test_a_lost_connection_is_an_item_failure",
    "test_a_redirect_of_saves_alone_is_not_followed_either",
    "test_a_wrong_key_is_asked_about_when_nothing_waits",
    "test_an_answer_that_one_item_alone_draws_is_an_item_failure",
    "test_an_outage_counts_nothing",
    "test_bad_answers_are_bounded_in_time_and_memory",
    "test_five_item_failures_move_an_entry",
    "test_item_failures_are_counted_and_the_others_go_on",
    "test_misconfigured_pauses_with_a_canary",
    "test_nothing_is_sent_while_health_is_not_200",
    "test_what_is_no_mem0_server_is_told",
]
