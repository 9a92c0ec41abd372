"""Values of arguments and options, with errors that say what is expected."""

from collections.abc import Callable

import click

Callback = Callable[[click.Context, click.Parameter, str | None], int | None]


def whole_number(least: int, most: int | None = None) -> Callback:
    """Make a callback that takes a whole number from `least`, to `most` if there is such."""
    limits = f", at least {least}" if most is None else f" from {least} to {most}"

    def convert(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise click.BadParameter(
                f"must be a whole number{limits}; it is {value!r}.", ctx, parameter
            )
        return number

    return convert
