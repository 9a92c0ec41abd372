"""What both programs for Windows do first.

`-P -m MODULE`, as on Python's own command line, is how mem0tray starts processes of its own.
`path add` and `path remove` are for the installer, which would cut off a PATH of 1,024 letters.
"""

import runpy
import sys
from pathlib import Path

if sys.argv[1:3] == ["-P", "-m"]:
    module = sys.argv[3]
    del sys.argv[1:4]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
elif sys.platform == "win32" and sys.argv[1:2] == ["path"]:
    import winreg

    ours = str(Path(sys.executable).parent)
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, "Environment") as key:
        try:
            path, kind = winreg.QueryValueEx(key, "Path")
        except FileNotFoundError:
            path, kind = "", winreg.REG_EXPAND_SZ
        entries = [each for each in path.split(";") if each not in ("", ours)]
        entries += [ours] if sys.argv[2] == "add" else []
        winreg.SetValueEx(key, "Path", 0, kind, ";".join(entries))
else:
    from mem0tray.cli import start

    start()
