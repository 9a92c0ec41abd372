"""A question in a window of Tk, run by a Python that has it: this file stands alone.

Standard input is a JSON object with title, text, confirm, cancel (empty: nothing is asked),
the icon's file, and the exit code that means no. Any code but that and 0 means that nothing
was shown.
"""

import json
import sys
import tkinter as tk
from tkinter import ttk
from typing import Any

_WRAP = 420  # pixels
_SPACE = 16


def main() -> int:
    """Show the window until it is answered; return the exit code."""
    window = tk.Tk(className="mem0tray")
    said: dict[str, Any] = json.load(sys.stdin)
    answers = [int(said["no"])]

    def confirm() -> None:
        answers.append(0)
        window.destroy()

    window.title(said["title"])
    window.iconphoto(True, tk.PhotoImage(file=said["icon"]))  # noqa: FBT003  (Tk's)
    window.resizable(width=False, height=False)
    frame = ttk.Frame(window, padding=_SPACE)
    frame.grid()
    ttk.Label(frame, text=said["text"], wraplength=_WRAP).grid(columnspan=2, sticky="w")
    yes = ttk.Button(frame, text=said["confirm"], command=confirm)
    yes.grid(row=1, column=1, sticky="e", pady=(_SPACE, 0))
    default = yes
    if said["cancel"]:
        default = ttk.Button(frame, text=said["cancel"], command=window.destroy)
        default.grid(row=1, column=0, sticky="w", pady=(_SPACE, 0))
    yes.bind("<Return>", lambda _: yes.invoke())
    default.bind("<Return>", lambda _: default.invoke())
    window.bind("<Escape>", lambda _: window.destroy())
    default.focus_set()
    window.eval("tk::PlaceWindow . center")
    window.attributes("-topmost", True)  # noqa: FBT003
    window.mainloop()
    return answers[-1]


if __name__ == "__main__":
    sys.exit(main())
