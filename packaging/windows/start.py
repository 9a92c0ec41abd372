"""What both programs for Windows do first.

`path add` and `path remove` are for the installer, which would cut off a PATH of 1,024 letters.
"""

import sys
from pathlib import Path

if sys.platform == "win32" and sys.argv[1:2] == ["path"]:
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
    from mem0tray.__main__ import main

    main()
