"""The other faults of any server, which the short form leaves out."""

from tests.acceptance.test_failures import (
    feed,
    test_a_question_that_is_never_answered_does_not_keep_an_item_for_ever,
    test_a_retry_after_that_makes_no_sense_is_none,
    test_connections_refused_in_mid_run_count_nothing,
    test_failures_so_far_are_honoured_at_intake,
    test_failures_so_far_are_written_back,
    test_four_item_failures_do_not_move_an_entry,
    test_retry_after_does_not_shorten_the_wait_of_an_item,
    test_retry_after_lengthens_the_wait_of_an_item,
    test_the_reason_of_a_pause_stands_in_status,
    test_until_idle_ends_when_the_server_is_down,
    test_what_came_after_a_refusal_does_not_hide_it,
)
from tests.acceptance.test_hostile_text import (
    test_a_megabyte_of_everything,
    test_the_content_never_reaches_the_log,
)
from tests.acceptance.test_ledger_loss import (
    test_a_ledger_deleted_under_a_running_worker_loses_nothing,
    test_a_lost_ledger_is_rebuilt_without_resends,
    test_a_lost_ledger_keeps_what_waits,
    test_an_old_copy_of_the_ledger_resends_nothing,
)
from tests.acceptance.test_overlaps import (
    test_a_canary_that_got_lost_is_asked_about,
    test_a_suspect_that_is_under_way_is_not_sent_beside_itself,
    test_an_answer_that_blames_the_server_is_probed_at_once,
    test_two_hanging_entries_hold_up_nobody,
)
from tests.acceptance.test_questions import (
    test_a_refusal_says_nothing_about_the_time_before,
    test_other_settings_of_the_server_end_no_doubt,
    test_until_idle_waits_for_what_was_under_way,
)
from tests.acceptance.test_server_faults import test_a_redirect_to_another_host_is_not_followed

__all__ = [
    "feed",
    "test_a_canary_that_got_lost_is_asked_about",
    "test_a_ledger_deleted_under_a_running_worker_loses_nothing",
    "test_a_lost_ledger_is_rebuilt_without_resends",
    "test_a_lost_ledger_keeps_what_waits",
    "test_a_megabyte_of_everything",
    "test_a_question_that_is_never_answered_does_not_keep_an_item_for_ever",
    "test_a_redirect_to_another_host_is_not_followed",
    "test_a_refusal_says_nothing_about_the_time_before",
    "test_a_retry_after_that_makes_no_sense_is_none",
    "test_a_suspect_that_is_under_way_is_not_sent_beside_itself",
    "test_an_answer_that_blames_the_server_is_probed_at_once",
    "test_an_old_copy_of_the_ledger_resends_nothing",
    "test_connections_refused_in_mid_run_count_nothing",
    "test_failures_so_far_are_honoured_at_intake",
    "test_failures_so_far_are_written_back",
    "test_four_item_failures_do_not_move_an_entry",
    "test_other_settings_of_the_server_end_no_doubt",
    "test_retry_after_does_not_shorten_the_wait_of_an_item",
    "test_retry_after_lengthens_the_wait_of_an_item",
    "test_the_content_never_reaches_the_log",
    "test_the_reason_of_a_pause_stands_in_status",
    "test_two_hanging_entries_hold_up_nobody",
    "test_until_idle_ends_when_the_server_is_down",
    "test_until_idle_waits_for_what_was_under_way",
    "test_what_came_after_a_refusal_does_not_hide_it",
]
