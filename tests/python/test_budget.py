from pycifar.training.budget import (
    FIRST_STEP,
    FIRST_VALIDATION,
    FORWARD_SHARE,
    LONGEST_STEP,
    StepBudget,
)


def budget(deadline=100.0, steps_per_epoch=10, validation_steps=0.0, steps=(5.0, 1.0)):
    made = StepBudget(deadline, steps_per_epoch, validation_steps)
    for seconds in steps:
        made.step_took(seconds)
    return made


def test_the_first_step_tells_nothing_of_the_others():
    assert budget(steps=()).total_steps(0, now=0.0) is None
    assert budget(steps=[5.0]).total_steps(1, now=5.0) is None


def test_a_deadline_that_is_past_ends_the_training_whatever_is_known():
    assert budget(steps=[5.0]).total_steps(1, now=101.0) == 1
    assert budget().total_steps(2, now=101.0) == 2


def test_as_many_steps_are_left_as_fit_but_one():
    assert budget().total_steps(2, now=90.0) == 2 + 10 - 1
    assert budget().total_steps(2, now=99.5) == 2


def test_each_epoch_and_the_end_take_a_validation():
    made = budget(validation_steps=4.0, steps=[5.0, 1.0])
    made.validation_took(2.0)
    # 90 s less the last validation; 10 steps and a validation take 12 s.
    assert made.total_steps(2, now=10.0) == 2 + int((90 - 2) / 1.2) - 1


def test_the_first_validation_is_guessed_by_the_steps_and_their_compilation():
    guess = 0.5 * (5 + 4 * 1)
    made = budget(validation_steps=4.0)
    assert made.total_steps(2, now=10.0) == 2 + int((90 - guess) / (1 + guess / 10)) - 1


def test_what_follows_the_last_validation_is_left_room_for():
    assert budget().total_steps(2, now=50.0, steps_after=20) == 2 + 30 - 1


def test_the_time_of_a_step_follows_the_steps_slowly():
    made = budget(steps=[5.0, 1.0, 2.0])
    assert made.total_steps(3, now=0.0) == 3 + int(100 / 1.05) - 1


def test_all_layers_need_a_step_and_a_validation_and_the_compilation_of_both():
    needed = (FIRST_STEP + FIRST_VALIDATION) * 2 + 3 / FORWARD_SHARE + 4 * 3
    made = budget(validation_steps=4.0)
    assert made.has_room_for_all(compiling=2, forward=3, now=100 - needed)
    assert not made.has_room_for_all(compiling=2, forward=3, now=100.1 - needed)
    # A step of the head, 1 s here, includes the features where these are not kept.
    needed += (1 - 3) * (1 / FORWARD_SHARE + 4)
    assert made.has_room_for_all(compiling=2, forward=0.5, now=100 - needed)
    assert not made.has_room_for_all(compiling=2, forward=0.5, now=100.1 - needed)
    without = budget(validation_steps=0.0)
    assert without.has_room_for_all(2, 3, now=100 - FIRST_STEP * 2 - 3 / FORWARD_SHARE)


def test_a_compilation_among_the_steps_counts_little():
    with_compilation = budget(steps=[5.0, 1.0, 60.0])
    assert with_compilation.total_steps(3, 0.0) == budget(
        steps=[5.0, 1.0, LONGEST_STEP]
    ).total_steps(3, 0.0)
